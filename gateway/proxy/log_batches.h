#ifndef HOLDFAST_GATEWAY_PROXY_LOG_BATCHES_H_
#define HOLDFAST_GATEWAY_PROXY_LOG_BATCHES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "metrics/shard.h"
#include "pool/net/event_loop.h"

namespace holdfast::proxy {

// One worker's lines for one target of the access log. It collects them and hands them over in
// batches; when the writer is behind, it drops and counts lines rather than hold them. Loop thread
// of its worker.
class LogBatches {
 public:
  static constexpr size_t kBatchBytes = 64 * 1024;
  static constexpr pool::Duration kFlushInterval = std::chrono::milliseconds(500);
  // The most batches that are handed over and not written yet.
  static constexpr size_t kMaxInFlight = 32;

  // `submit` passes a batch to the writer, which calls OnBatchWritten on this thread for each.
  using Submit = std::function<void(std::string batch)>;
  LogBatches(pool::EventLoop* loop, metrics::Shard* shard, Submit submit);

  // Where the next line is appended, with its end; EndLine follows.
  std::string* line() { return &batch_; }
  void EndLine();
  // Hands over the lines collected so far.
  void Flush();
  // Called for each batch in the order of submission. Lines that were not `written` count as
  // dropped.
  void OnBatchWritten(bool written);

 private:
  void OnFlushTimer(pool::TimePoint) { Flush(); }

  pool::EventLoop* loop_;
  metrics::Counter& written_;
  metrics::Counter& dropped_;
  Submit submit_;
  std::string batch_;
  uint64_t batch_lines_ = 0;
  std::deque<uint64_t> lines_in_flight_;  // of each batch handed over
  pool::MemberTimer<LogBatches, &LogBatches::OnFlushTimer> flush_timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_LOG_BATCHES_H_
