#include "pool/endpoint_series.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "metrics/family.h"
#include "pool/net/check.h"

namespace holdfast::pool {

using metrics::Metric;

namespace {

AnswerCounts Less(AnswerCounts counts, const AnswerCounts& part) {
  for (size_t i = 0; i < kAnswerClasses; ++i) counts[i] -= part[i];
  return counts;
}

void Add(const AnswerCounts& part, AnswerCounts* counts) {
  for (size_t i = 0; i < kAnswerClasses; ++i) (*counts)[i] += part[i];
}

uint64_t TotalOf(const AnswerCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

void AddSeries(const std::string& upstream, const std::string& label, const AnswerCounts& counts,
               bool zeros, metrics::Sums& sums) {
  for (size_t i = 0; i < kAnswerClasses; ++i) {
    if (counts[i] == 0 && !zeros) continue;
    const std::string word(AnswerClassName(static_cast<AnswerClass>(i)));
    sums.Add<metrics::Counter>(Metric::kUpstreamEndpointRequestsTotal, {upstream, label, word},
                               counts[i]);
  }
}

}  // namespace

uint64_t EndpointSeries::Entry::total() const { return TotalOf(present); }

AnswerCounts EndpointSeries::Entry::Others() const { return Less(named ? begin : present, ended); }

std::shared_ptr<EndpointCounts> EndpointSeries::CountsOf(const std::string& endpoint,
                                                         size_t workers) {
  const auto known = entries_.find(endpoint);
  if (known != entries_.end()) return known->second.counts;
  // Where nobody scrapes, this is where it ends.
  if (entries_.size() >= sweep_at_) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      entry = entry->second.counts.use_count() == 1 ? Forget(entry) : std::next(entry);
    }
    sweep_at_ = std::max(2 * kMaxNamed, 2 * entries_.size());
  }
  Entry& entry = entries_[endpoint];
  entry.counts = std::make_shared<EndpointCounts>(workers);
  if (named_ < kMaxNamed) BeginSeries(entry);
  return entry.counts;
}

void EndpointSeries::BeginSeries(Entry& entry) {
  HOLDFAST_CHECK(!entry.named && named_ < kMaxNamed);
  entry.named = true;
  entry.begin = entry.present;
  ++named_;
}

void EndpointSeries::EndSeries(Entry& entry) {
  HOLDFAST_CHECK(entry.named && named_ > 0);
  Add(Less(entry.present, entry.begin), &entry.ended);
  entry.named = false;
  --named_;
}

EndpointSeries::Entries::iterator EndpointSeries::Forget(Entries::iterator entry) {
  entry->second.present = entry->second.counts->Sum();
  if (entry->second.named) EndSeries(entry->second);
  Add(entry->second.Others(), &forgotten_);
  return entries_.erase(entry);
}

void EndpointSeries::NoteWhoLeft(TimePoint now, Duration keep_for) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    entry.present = entry.counts->Sum();
    if (entry.counts.use_count() > 1) {
      entry.left_at.reset();
    } else if (!entry.left_at.has_value()) {
      entry.left_at = now;
    }
    const bool over =
        entry.left_at.has_value() && (!entry.named || now - *entry.left_at > keep_for);
    it = over ? Forget(it) : std::next(it);
  }
}

std::vector<EndpointSeries::Entry*> EndpointSeries::Unnamed() {
  std::vector<Entry*> unnamed;
  for (auto& [endpoint, entry] : entries_) {
    if (!entry.named) unnamed.push_back(&entry);
  }
  std::ranges::stable_sort(unnamed, std::greater(), &Entry::lately);
  return unnamed;
}

void EndpointSeries::MakeRoom(size_t wanted) {
  std::vector<Entries::iterator> left;
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (it->second.left_at.has_value()) left.push_back(it);
  }
  std::ranges::stable_sort(left, {}, [](const auto& it) { return *it->second.left_at; });
  for (const auto& it : left) {
    if (named_ + wanted <= kMaxNamed) return;
    Forget(it);
  }
}

void EndpointSeries::SwapWithBusier(const std::vector<Entry*>& unnamed) {
  std::vector<Entry*> named;
  for (auto& [endpoint, entry] : entries_) {
    if (entry.named) named.push_back(&entry);
  }
  std::ranges::stable_sort(named, {}, &Entry::lately);
  const size_t most = std::min({unnamed.size(), named.size(), kMaxSwaps});
  for (size_t i = 0; i < most && unnamed[i]->lately() > 2 * named[i]->lately(); ++i) {
    EndSeries(*named[i]);
    BeginSeries(*unnamed[i]);
  }
}

void EndpointSeries::Look(TimePoint now, Duration keep_for) {
  NoteWhoLeft(now, keep_for);
  std::vector<Entry*> unnamed = Unnamed();
  if (!unnamed.empty()) MakeRoom(unnamed.size());
  const size_t room = std::min(kMaxNamed - named_, unnamed.size());
  for (size_t i = 0; i < room; ++i) BeginSeries(*unnamed[i]);
  unnamed.erase(unnamed.begin(), unnamed.begin() + static_cast<ptrdiff_t>(room));
  if (next_swap_.has_value() && now < *next_swap_) return;
  next_swap_ = now + kLookEvery;
  SwapWithBusier(unnamed);
  for (auto& [endpoint, entry] : entries_) {
    entry.recent = entry.lately() / 2;
    entry.looked_at = entry.total();
  }
}

std::string EndpointSeries::LabelOf(const std::string& endpoint) const {
  const auto known = entries_.find(endpoint);
  const bool named = known != entries_.end() ? known->second.named : named_ < kMaxNamed;
  return named ? endpoint : std::string(metrics::kOverflowLabel);
}

void EndpointSeries::AddTo(const std::string& upstream, bool zeros, metrics::Sums& sums) const {
  AnswerCounts others = forgotten_;
  for (const auto& [endpoint, entry] : entries_) {
    Add(entry.Others(), &others);
    if (entry.named) AddSeries(upstream, endpoint, Less(entry.present, entry.begin), zeros, sums);
  }
  const bool shared = TotalOf(others) > 0 || named_ < entries_.size();
  if (shared) AddSeries(upstream, std::string(metrics::kOverflowLabel), others, zeros, sums);
}

}  // namespace holdfast::pool
