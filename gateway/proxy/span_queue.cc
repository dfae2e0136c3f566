#include "gateway/proxy/span_queue.h"

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::proxy {

SpanQueue::SpanQueue(pool::EventLoop* loop, metrics::Shard* shard, Submit submit)
    : loop_(loop),
      dropped_(shard->CounterFor(metrics::Metric::kSpansTotal, {"dropped_queue"})),
      submit_(std::move(submit)) {}

void SpanQueue::Configure(size_t limit, size_t batch) {
  HOLDFAST_CHECK(limit > 0 && batch > 0);
  limit_ = limit;
  batch_spans_ = std::min(batch, kBatchSpans);
  if (batch_.size() >= batch_spans_) Flush();
}

void SpanQueue::Record(const record::ExchangeRecord& record, const record::SpanFacts& facts) {
  if (in_flight_ + batch_.size() >= limit_) return dropped_.Add();
  if (batch_.empty()) batch_.reserve(batch_spans_);
  batch_.push_back(record::SpanOf(record, facts));
  if (batch_.size() >= batch_spans_) {
    Flush();
  } else if (!flush_timer_.armed()) {
    loop_->timers().Arm(flush_timer_, loop_->now() + kFlushInterval);
  }
}

void SpanQueue::Flush() {
  loop_->timers().Cancel(flush_timer_);
  if (batch_.empty()) return;
  in_flight_ += batch_.size();
  submit_(std::exchange(batch_, Batch()));
}

void SpanQueue::OnDone(size_t spans) {
  HOLDFAST_CHECK(spans <= in_flight_);
  in_flight_ -= spans;
}

}  // namespace holdfast::proxy
