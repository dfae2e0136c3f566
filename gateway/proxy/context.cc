#include "gateway/proxy/context.h"

#include <utility>

#include "gateway/proxy/http1_session.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/session.h"

namespace holdfast::proxy {

std::string_view DateCache::At(pool::WallTime now) {
  const int64_t second =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second != second_) {
    http::FormatDate(second, text_.data());
    second_ = second;
  }
  return {text_.data(), text_.size()};
}

WorkerContext::WorkerContext(pool::EventLoop* worker_loop, pool::SlabPool* worker_slabs,
                             metrics::Shard* worker_shard, pool::Random* worker_random)
    : loop(worker_loop),
      slabs(worker_slabs),
      shard(worker_shard),
      random(worker_random),
      http1_sessions(sizeof(Http1Session)) {}

WorkerContext::~WorkerContext() = default;

void WorkerContext::AcceptAgain() {
  for (Listener* listener : std::exchange(at_cap, {})) listener->AcceptAgain();
}

}  // namespace holdfast::proxy
