#include "gateway/proxy/context.h"

#include <utility>

#include "gateway/auth/bearer_auth.h"
#include "gateway/policy/request_id.h"
#include "gateway/proxy/http1_session.h"
#include "gateway/proxy/http2_session.h"
#include "gateway/proxy/in_flight_queue.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/mirror.h"
#include "gateway/proxy/response_encoding.h"
#include "gateway/proxy/session.h"
#include "pool/net/check.h"

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
      in_flight(std::make_unique<InFlightQueues>(this)),
      http1_sessions(sizeof(Http1Session)),
      http2(std::make_unique<Http2Means>(this)),
      encoding(std::make_unique<EncodingMeans>()),
      request_ids(std::make_unique<policy::RequestIdSource>(policy::RequestIdSource::Fresh())) {}

WorkerContext::~WorkerContext() = default;

void WorkerContext::AcceptAgain() {
  for (Listener* listener : std::exchange(at_cap, {})) listener->AcceptAgain();
}

void WorkerContext::ForgetAnnounced(const Session* session) {
  HOLDFAST_CHECK(announced.erase(session) == 1);
  // Rarely enough for the cost of the move to be shared by those that have gone.
  constexpr size_t kFewBuckets = 1024;
  if (announced.bucket_count() <= kFewBuckets) return;
  if (announced.size() < announced.bucket_count() / 8) announced.rehash(0);
}

}  // namespace holdfast::proxy
