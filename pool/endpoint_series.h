#ifndef HOLDFAST_POOL_ENDPOINT_SERIES_H_
#define HOLDFAST_POOL_ENDPOINT_SERIES_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/sums.h"
#include "pool/endpoint_counts.h"
#include "pool/net/clock.h"

namespace holdfast::pool {

// Which endpoints of one upstream have metric series of their own, and what each of these series
// counts. Names come and go with DNS, and series must not: at most kMaxNamed have one at a time,
// and all others share the one called `other`.
//
// Who comes first has a series, while there is room. Then those with most requests are kept: once
// in kLookEvery an endpoint without a series takes the place of one that has had less than half of
// its requests lately, older ones counting half each time. One that has left keeps its series for a
// while, or until another needs its place.
//
// Every series only grows. What an endpoint had before it got its series stays in `other`; what a
// series had when it ended goes nowhere, as a counter's reset. So while no series ends, all of them
// together are the requests of the upstream.
//
// No thread of its own: Shelves has a lock around it. A value.
class EndpointSeries {
 public:
  static constexpr size_t kMaxNamed = 100;
  static constexpr size_t kMaxSwaps = 10;  // in one look
  static constexpr Duration kLookEvery = std::chrono::minutes(1);
  static constexpr Duration kKeepFor = std::chrono::minutes(5);

  // Where attempts at an endpoint, by the text of its address, are counted; made at the first call.
  // It is here as long as somebody holds that.
  std::shared_ptr<EndpointCounts> CountsOf(const std::string& endpoint, size_t workers);
  // At a scrape: forgets who has left for longer than `keep_for`, and decides who has a series from
  // now on.
  void Look(TimePoint now, Duration keep_for = kKeepFor);
  // What the series of that endpoint is called. One that is not known yet has its own while there
  // is room.
  std::string LabelOf(const std::string& endpoint) const;
  // Adds the counts. With `zeros` those of answers that never came as well.
  void AddTo(const std::string& upstream, bool zeros, metrics::Sums& sums) const;

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  size_t named() const { return named_; }

 private:
  struct Entry {
    std::shared_ptr<EndpointCounts> counts;
    bool named = false;
    AnswerCounts present{};  // at the last look
    AnswerCounts begin{};    // when its series began
    AnswerCounts ended{};    // what series of it that have ended had
    uint64_t recent = 0;     // requests, older ones counting less
    uint64_t looked_at = 0;  // how many there were when `recent` was last made
    std::optional<TimePoint> left_at;

    uint64_t total() const;  // of `present`
    uint64_t lately() const { return recent + total() - looked_at; }
    // Its part of `other`.
    AnswerCounts Others() const;
  };
  using Entries = std::map<std::string, Entry>;  // by the text of the address

  void BeginSeries(Entry& entry);
  void EndSeries(Entry& entry);
  // What it had of `other` stays there.
  Entries::iterator Forget(Entries::iterator entry);
  void NoteWhoLeft(TimePoint now, Duration keep_for);
  // Those without a series that are here, the busiest first.
  std::vector<Entry*> Unnamed();
  // Ends series of those who have left, the first of them first, until so many fit.
  void MakeRoom(size_t wanted);
  void SwapWithBusier(const std::vector<Entry*>& unnamed);

  Entries entries_;
  size_t named_ = 0;
  AnswerCounts forgotten_{};  // of `other`, by those who are no longer here
  std::optional<TimePoint> next_swap_;
  size_t sweep_at_ = 2 * kMaxNamed;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_ENDPOINT_SERIES_H_
