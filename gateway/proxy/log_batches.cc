#include "gateway/proxy/log_batches.h"

#include <utility>

namespace holdfast::proxy {

LogBatches::LogBatches(pool::EventLoop* loop, metrics::Shard* shard, Submit submit)
    : loop_(loop),
      written_(shard->CounterFor(metrics::Metric::kAccessLogWrittenTotal, {})),
      dropped_(shard->CounterFor(metrics::Metric::kAccessLogDroppedTotal, {})),
      submit_(std::move(submit)) {}

void LogBatches::EndLine() {
  ++batch_lines_;
  if (batch_.size() >= kBatchBytes) {
    Flush();
  } else if (!flush_timer_.armed()) {
    loop_->timers().Arm(flush_timer_, loop_->now() + kFlushInterval);
  }
}

void LogBatches::Flush() {
  loop_->timers().Cancel(flush_timer_);
  if (batch_.empty()) return;
  if (lines_in_flight_.size() >= kMaxInFlight) {
    dropped_.Add(batch_lines_);
    batch_.clear();
  } else {
    lines_in_flight_.push_back(batch_lines_);
    submit_(std::exchange(batch_, std::string()));
  }
  batch_lines_ = 0;
}

void LogBatches::OnBatchWritten(bool written) {
  (written ? written_ : dropped_).Add(lines_in_flight_.front());
  lines_in_flight_.pop_front();
}

}  // namespace holdfast::proxy
