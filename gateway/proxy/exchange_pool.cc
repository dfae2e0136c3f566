#include "gateway/proxy/exchange_pool.h"

#include "gateway/proxy/context.h"
#include "gateway/proxy/exchange.h"

namespace holdfast::proxy {

ExchangePool::ExchangePool() = default;
ExchangePool::~ExchangePool() = default;

Exchange* ExchangePool::Take(WorkerContext* context) {
  if (free_.empty()) return new Exchange(context);
  Exchange* exchange = free_.back().release();
  free_.pop_back();
  return exchange;
}

void ExchangePool::Give(WorkerContext* context, Exchange* exchange) {
  std::unique_ptr<Exchange> owned(exchange);
  if (free_.size() < kMaxFree) {
    free_.push_back(std::move(owned));
  } else {
    context->loop->DestroyLater(std::move(owned));
  }
}

}  // namespace holdfast::proxy
