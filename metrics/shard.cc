#include "metrics/shard.h"

#include <algorithm>
#include <span>
#include <type_traits>

namespace holdfast::metrics {

Shard::Shard() {
  for (const Description& description : AllMetrics()) {
    auto& family = families_[IndexOf(description.metric)];
    switch (description.type) {
      case Type::kCounter: family.emplace<Family<Counter>>(); break;
      case Type::kGauge: family.emplace<Family<Gauge>>(); break;
      case Type::kHistogram: family.emplace<Family<Histogram>>(); break;
    }
  }
}

Counter& Shard::CounterFor(Metric metric, std::initializer_list<std::string_view> label_values) {
  return CellFor<Counter>(metric, label_values);
}

Gauge& Shard::GaugeFor(Metric metric, std::initializer_list<std::string_view> label_values) {
  return CellFor<Gauge>(metric, label_values);
}

Histogram& Shard::HistogramFor(Metric metric,
                               std::initializer_list<std::string_view> label_values) {
  return CellFor<Histogram>(metric, label_values);
}

template <typename Cell>
Cell& Shard::CellFor(Metric metric, std::initializer_list<std::string_view> label_values) {
  CheckLabelCount(metric, label_values.size());
  auto* family = std::get_if<Family<Cell>>(&families_[IndexOf(metric)]);
  if (family == nullptr) AbortMisuse(metric, "is of another type");
  return family->Get(std::span(label_values.begin(), label_values.size()));
}

Claim::~Claim() {
  if (shard_ != nullptr && --subject_->claims == 0) shard_->OnUnclaimed(subject_);
}

Claim Shard::ClaimSeries(std::string_view label, std::string_view value) {
  Claim::Subject& subject = subjects_[std::string(label) + '\0' + std::string(value)];
  if (subject.label.empty()) {
    subject.label = label;
    subject.value = value;
  }
  ++subject.claims;
  subject.unclaimed.reset();
  return Claim(this, &subject);
}

void Shard::OnUnclaimed(Claim::Subject* subject) {
  if (!std::exchange(subject->listed, true)) unclaimed_.push_back(subject);
}

Shard::Expired Shard::TakeExpired(std::chrono::nanoseconds now, std::chrono::nanoseconds grace) {
  Expired expired;
  std::erase_if(unclaimed_, [&](Claim::Subject* subject) {
    if (subject->claims > 0) {
      subject->listed = false;
      return true;
    }
    if (!subject->unclaimed.has_value()) subject->unclaimed = now;
    if (now - *subject->unclaimed < grace) return false;
    expired.emplace_back(subject->label, subject->value);
    return true;
  });
  for (const auto& [label, value] : expired) subjects_.erase(label + '\0' + value);
  std::sort(expired.begin(), expired.end());
  return expired;
}

RetiredSeries Shard::Retire(std::chrono::nanoseconds now, std::chrono::nanoseconds grace) {
  RetiredSeries retired;
  if (unclaimed_.empty()) return retired;
  const Expired expired = TakeExpired(now, grace);
  if (expired.empty()) return retired;
  for (const Description& description : AllMetrics()) {
    const auto gone = [&](const LabelValues& values) {
      bool overflow = true;  // the series that many things share belongs to none of them
      bool found = false;
      for (size_t i = 0; i < values.size(); ++i) {
        overflow = overflow && values[i] == kOverflowLabel;
        found = found || std::binary_search(
                             expired.begin(), expired.end(),
                             std::pair<std::string, std::string>(description.labels[i], values[i]));
      }
      return found && !overflow;
    };
    const auto concerned = [&](std::string_view label) {
      return std::any_of(expired.begin(), expired.end(),
                         [&](const auto& subject) { return subject.first == label; });
    };
    if (std::none_of(description.labels.begin(), description.labels.end(), concerned)) continue;
    std::visit([&](auto& family) { family.Retire(gone, &retired); },
               families_[IndexOf(description.metric)]);
  }
  return retired;
}

void Shard::AddTo(Sums& sums) const {
  for (const Description& description : AllMetrics()) AddTo(sums, description.metric);
}

uint64_t Shard::dropped() const {
  uint64_t dropped = 0;
  for (const auto& any : families_) {
    dropped += std::visit([](const auto& family) { return family.dropped(); }, any);
  }
  return dropped;
}

void Shard::AddTo(Sums& sums, Metric metric) const {
  const auto add = [&](const LabelValues& labels, const auto& cell) {
    using Cell = std::remove_cvref_t<decltype(cell)>;
    sums.Add<Cell>(metric, labels, cell.value());
  };
  std::visit([&](const auto& family) { family.ForEach(add); }, families_[IndexOf(metric)]);
}

}  // namespace holdfast::metrics
