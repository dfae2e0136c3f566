#ifndef HOLDFAST_GATEWAY_PROXY_ACCESS_LOG_H_
#define HOLDFAST_GATEWAY_PROXY_ACCESS_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/config/access_log.h"
#include "gateway/proxy/log_batches.h"
#include "gateway/record/exchange_record.h"
#include "gateway/record/line_filter.h"
#include "gateway/record/line_format.h"
#include "metrics/shard.h"
#include "pool/net/event_loop.h"
#include "pool/net/random.h"

namespace holdfast::proxy {

// One worker's access log: for each of its targets a filter, a format, and the lines on their way
// to the target's writer. Loop thread of its worker; what is pointed to outlives it.
class AccessLog {
 public:
  // Passes a batch of lines to the writer of that number, which calls OnBatchWritten on this thread
  // for each.
  using Submit = std::function<void(uint32_t writer, std::string batch)>;
  // `random` draws the lots of filters.
  AccessLog(pool::EventLoop* loop, metrics::Shard* shard, pool::Random* random, Submit submit);

  // Takes the targets into use in place of those before, whose lines are handed over.
  void Adopt(std::span<const config::AccessLog> targets);
  // One of them has the combined format, which has fields of its own.
  bool combines() const { return combines_; }
  void Record(const record::ExchangeRecord& record);
  // Hands over the lines collected so far.
  void Flush();
  // Called for each batch of a writer in the order of submission.
  void OnBatchWritten(uint32_t writer, bool written);

 private:
  struct Target {
    record::LineWriter format;
    std::optional<record::LineFilter> filter;
    LogBatches* batches;
  };

  LogBatches* BatchesOf(uint32_t writer);

  pool::EventLoop* loop_;
  metrics::Shard* shard_;
  pool::Random* random_;
  Submit submit_;
  std::vector<std::unique_ptr<LogBatches>> batches_;  // by writer; null: it never had a line
  std::vector<Target> targets_;
  bool combines_ = false;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_ACCESS_LOG_H_
