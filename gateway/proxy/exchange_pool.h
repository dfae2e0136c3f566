#ifndef HOLDFAST_GATEWAY_PROXY_EXCHANGE_POOL_H_
#define HOLDFAST_GATEWAY_PROXY_EXCHANGE_POOL_H_

#include <cstddef>
#include <memory>
#include <vector>

namespace holdfast::proxy {

class Exchange;
struct WorkerContext;

// Exchanges at rest, kept with the memory they have grown, so that a request in the steady state
// allocates nothing. One thread.
class ExchangePool {
 public:
  // Kept for reuse; what is over is destroyed at the end of the turn.
  static constexpr size_t kMaxFree = 1024;

  ExchangePool();
  ~ExchangePool();

  Exchange* Take(WorkerContext* context);
  void Give(WorkerContext* context, Exchange* exchange);

 private:
  std::vector<std::unique_ptr<Exchange>> free_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_EXCHANGE_POOL_H_
