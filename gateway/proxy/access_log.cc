#include "gateway/proxy/access_log.h"

#include <utility>

namespace holdfast::proxy {

AccessLog::AccessLog(pool::EventLoop* loop, metrics::Shard* shard, pool::Random* random,
                     Submit submit)
    : loop_(loop), shard_(shard), random_(random), submit_(std::move(submit)) {}

void AccessLog::Adopt(std::span<const config::AccessLog> targets) {
  Flush();
  targets_.clear();
  combines_ = false;
  for (const config::AccessLog& target : targets) {
    targets_.push_back({.format = record::LineWriter(target.format, target.fields),
                        .filter = target.filter,
                        .batches = BatchesOf(target.writer)});
    combines_ |= target.format == record::LineFormat::kCombined;
  }
}

LogBatches* AccessLog::BatchesOf(uint32_t writer) {
  if (batches_.size() <= writer) batches_.resize(writer + 1);
  std::unique_ptr<LogBatches>& batches = batches_[writer];
  if (batches == nullptr) {
    batches = std::make_unique<LogBatches>(
        loop_, shard_, [this, writer](std::string batch) { submit_(writer, std::move(batch)); });
  }
  return batches.get();
}

void AccessLog::Record(const record::ExchangeRecord& record) {
  // One lot for all targets: the lines of a smaller share are among those of a larger one.
  std::optional<uint32_t> lot;
  const auto drawn = [&](uint32_t share) {
    if (!lot.has_value()) lot = random_->Below(record::kWholeShare);
    return *lot < share;
  };
  for (const Target& target : targets_) {
    if (target.filter.has_value() && !record::IsToldOf(*target.filter, record)) {
      if (!target.filter->share.has_value() || !drawn(*target.filter->share)) continue;
    }
    target.format.Append(record, target.batches->line());
    target.batches->EndLine();
  }
}

void AccessLog::Flush() {
  for (const std::unique_ptr<LogBatches>& batches : batches_) {
    if (batches != nullptr) batches->Flush();
  }
}

void AccessLog::OnBatchWritten(uint32_t writer, bool written) {
  batches_[writer]->OnBatchWritten(written);
}

}  // namespace holdfast::proxy
