#ifndef HOLDFAST_GATEWAY_PROXY_SPAN_QUEUE_H_
#define HOLDFAST_GATEWAY_PROXY_SPAN_QUEUE_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "gateway/record/span.h"
#include "metrics/shard.h"
#include "pool/net/event_loop.h"

namespace holdfast::proxy {

// One worker's spans on their way to whoever sends them. It collects them and hands them over in
// batches; where too many wait already, it drops and counts them. Loop thread of its worker.
class SpanQueue {
 public:
  using Batch = std::vector<record::Span>;
  // The most spans that are handed over together.
  static constexpr size_t kBatchSpans = 32;
  static constexpr pool::Duration kFlushInterval = std::chrono::milliseconds(200);

  // `submit` passes a batch on; whoever sends it calls OnDone on this thread for each of its spans.
  using Submit = std::function<void(Batch batch)>;
  SpanQueue(pool::EventLoop* loop, metrics::Shard* shard, Submit submit);

  // How many spans may wait, those that are handed over among them, and how many of them are handed
  // over together, if that is fewer than kBatchSpans; neither is 0.
  void Configure(size_t limit, size_t batch);
  void Record(const record::ExchangeRecord& record, const record::SpanFacts& facts);
  // Hands over the spans collected so far.
  void Flush();
  // So many spans that were handed over are sent, or will never be.
  void OnDone(size_t spans);

 private:
  void OnFlushTimer(pool::TimePoint) { Flush(); }

  pool::EventLoop* loop_;
  metrics::Counter& dropped_;
  Submit submit_;
  size_t limit_ = 1;
  size_t batch_spans_ = 1;
  Batch batch_;
  size_t in_flight_ = 0;  // handed over
  pool::MemberTimer<SpanQueue, &SpanQueue::OnFlushTimer> flush_timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_SPAN_QUEUE_H_
