#include "gateway/policy/token_buckets.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "pool/net/check.h"

namespace holdfast::policy {
namespace {

using pool::Duration;
using pool::TimePoint;

// The time in a word wraps. Its distance from now is right while it is less than half of that.
// A bucket is less than a sixteenth of it, and a set is swept at least every eighth of it. When
// that is late, it is so by no more than another eighth and a set's turn, or else everything is
// known to be old.
constexpr int kTimeBits = 40;
constexpr int kCapacityBits = kTimeBits - 4;
// With debts a bucket is less than a quarter of it, which still leaves a quarter to be late by.
// What of them is left when nobody has taken a token for an eighth of it is forgiven by the sweep.
constexpr int kDebtBits = kTimeBits - 2;
constexpr int kSweepBits = kTimeBits - 3;
constexpr uint64_t kTimeMask = (uint64_t{1} << kTimeBits) - 1;
constexpr int kTagBits = 64 - kTimeBits;
constexpr uint64_t kTagMask = (uint64_t{1} << kTagBits) - 1;

constexpr size_t kWordsPerKey = 2;

// A unit is a 128th of a token's interval, or less as long as it is a microsecond: that is exact
// enough for any pace, and a long time until the words wrap.
constexpr int kFewestTokenBits = 7;
constexpr Duration kFinestUnit = std::chrono::microseconds(1);

int TokenBits(const RateLimit& limit) {
  HOLDFAST_CHECK(IsUsable(limit));
  const int most = kCapacityBits - std::bit_width(limit.capacity());
  int bits = std::min(kFewestTokenBits, most);
  const int64_t interval = limit.per.count() / limit.requests;
  while (bits < most && interval >> (bits + 1) >= kFinestUnit.count()) ++bits;
  return bits;
}

size_t SetCount(size_t max_keys) {
  constexpr size_t kWordsPerSet = 8;
  HOLDFAST_CHECK(max_keys >= 1 && max_keys <= TokenBuckets::kMostKeys);
  return (max_keys * kWordsPerKey + kWordsPerSet - 1) / kWordsPerSet;
}

uint64_t TagOf(uint64_t key) { return std::max<uint64_t>(key & kTagMask, 1); }

uint64_t MakeWord(uint64_t tag, int64_t time) {
  return tag << kTimeBits | (static_cast<uint64_t>(time) & kTimeMask);
}

uint64_t TagIn(uint64_t word) { return word >> kTimeBits; }

// How far the word's time is ahead of now; negative: the bucket has been full for so long.
int64_t Ahead(uint64_t word, int64_t now) {
  return static_cast<int64_t>((word - static_cast<uint64_t>(now)) << kTagBits) >> kTagBits;
}

// A word says all about its key, so that no order between words is needed.
uint64_t Load(uint64_t& word) {
  return std::atomic_ref<uint64_t>(word).load(std::memory_order_relaxed);
}

bool Replace(uint64_t& word, uint64_t seen, uint64_t with) {
  return std::atomic_ref<uint64_t>(word).compare_exchange_strong(seen, with,
                                                                 std::memory_order_relaxed);
}

}  // namespace

bool IsUsable(const RateLimit& limit) {
  return limit.requests > 0 && limit.per.count() / limit.requests >= kShortestInterval.count();
}

TokenBuckets::TokenBuckets(const RateLimit& limit, size_t max_keys, TimePoint now, Debts debts)
    : limit_(limit),
      token_bits_(TokenBits(limit)),
      token_(uint64_t{1} << token_bits_),
      capacity_(limit.capacity() * token_),
      most_used_(debts == Debts::kNone ? capacity_ : (uint64_t{1} << kDebtBits) - 1),
      // The first is rounded up so that a token's interval is never a unit short of a token, and
      // the second down so that a whole second is not a nanosecond longer.
      units_per_nanosecond_(MakeRatio(limit.requests * token_, limit.per.count(), true)),
      nanoseconds_per_unit_(MakeRatio(limit.per.count(), limit.requests * token_, false)),
      set_count_(SetCount(max_keys)),
      sweep_shift_(kSweepBits - std::bit_width(set_count_)),
      pages_(bytes()),
      sets_(static_cast<Set*>(pages_.data())),
      swept_(UnitsAt(now) >> sweep_shift_) {
  HOLDFAST_CHECK(capacity_ < uint64_t{1} << kCapacityBits);
  HOLDFAST_CHECK(set_count_ << sweep_shift_ >= uint64_t{1} << kCapacityBits);
}

TokenBuckets::Ratio TokenBuckets::MakeRatio(uint64_t numerator, uint64_t denominator,
                                            bool round_up) {
  const int shift = 62 + std::bit_width(denominator) - std::bit_width(numerator);
  HOLDFAST_CHECK(shift > 0 && shift < 127);
  const auto dividend = static_cast<unsigned __int128>(numerator) << shift;
  return {static_cast<uint64_t>((dividend + (round_up ? denominator - 1 : 0)) / denominator),
          shift};
}

int64_t TokenBuckets::UnitsIn(Duration duration) const {
  const auto product = static_cast<__int128>(duration.count()) * units_per_nanosecond_.factor;
  return static_cast<int64_t>(product >> units_per_nanosecond_.shift);
}

Duration TokenBuckets::TimeOf(uint64_t units) const {
  HOLDFAST_CHECK(units > 0);
  const auto [factor, shift] = nanoseconds_per_unit_;
  const auto nanoseconds = ((static_cast<unsigned __int128>(units) * factor - 1) >> shift) + 1;
  constexpr auto kMost = static_cast<uint64_t>(Duration::max().count());
  return Duration(static_cast<int64_t>(nanoseconds < kMost ? nanoseconds : kMost));
}

TokenBuckets::Place TokenBuckets::Find(Set* set, uint64_t tag, int64_t now) {
  Place earliest{};
  int64_t least = std::numeric_limits<int64_t>::max();
  for (uint64_t& word : set->words) {
    const uint64_t seen = Load(word);
    if (TagIn(seen) == tag) return {&word, seen, true};
    const int64_t ahead = seen != 0 ? Ahead(seen, now) : std::numeric_limits<int64_t>::min();
    if (ahead >= least) continue;
    least = ahead;
    earliest = {&word, seen, false};
  }
  return earliest;
}

// The upper half of the key finds the set, the lower end tells the keys in it apart.
TokenBuckets::Set* TokenBuckets::SetOf(uint64_t key) const {
  return sets_ + ((key >> 32) * set_count_ >> 32);
}

TokenBuckets::Verdict TokenBuckets::Take(uint64_t key, TimePoint now) {
  const int64_t units = UnitsAt(now);
  if (units >> sweep_shift_ > swept_.load(std::memory_order_relaxed)) [[unlikely]] {
    Sweep(units);
  }
  Set* const set = SetOf(key);
  const uint64_t tag = TagOf(key);
  // It goes round again only when another request in this set was allowed meanwhile.
  while (true) {
    const Place place = Find(set, tag, units);
    const int64_t ahead = place.seen != 0 ? Ahead(place.seen, units) : 0;
    const uint64_t used =
        place.own ? std::clamp<int64_t>(ahead, 0, static_cast<int64_t>(most_used_)) : 0;
    if (used + token_ > capacity_) return Refusal(used);
    const uint64_t then = used + token_;
    if (!Replace(*place.word, place.seen, MakeWord(tag, units + static_cast<int64_t>(then)))) {
      continue;
    }
    return {.allowed = true,
            .displaced = !place.own && ahead > 0,
            .remaining = static_cast<uint32_t>((capacity_ - then) >> token_bits_),
            .retry_after = Duration::zero(),
            .reset = TimeOf(then)};
  }
}

void TokenBuckets::Raise(uint64_t key, Duration until_full, TimePoint now) {
  const int64_t units = UnitsAt(now);
  const int64_t used =
      std::clamp<int64_t>(UnitsIn(until_full), 0, static_cast<int64_t>(most_used_));
  Set* const set = SetOf(key);
  const uint64_t tag = TagOf(key);
  // It goes round again only when a request in this set was allowed meanwhile.
  while (true) {
    const Place place = Find(set, tag, units);
    // Another that used more keeps its word.
    const int64_t ahead = place.seen != 0 ? Ahead(place.seen, units) : 0;
    if (ahead >= used) return;
    if (Replace(*place.word, place.seen, MakeWord(tag, units + used))) return;
  }
}

TokenBuckets::Verdict TokenBuckets::Refusal(uint64_t used) const {
  return {.allowed = false,
          .displaced = false,
          .remaining = 0,
          .retry_after = TimeOf(used + token_ - capacity_),
          .reset = TimeOf(used)};
}

void TokenBuckets::Sweep(int64_t now) {
  const int64_t due = now >> sweep_shift_;
  const auto sets = static_cast<int64_t>(set_count_);
  int64_t first = swept_.load(std::memory_order_relaxed);
  if (due <= first || !swept_.compare_exchange_strong(first, due, std::memory_order_relaxed)) {
    return;  // another does it
  }
  // If nobody took a token for so long, every bucket is full, and no time in a word is to be
  // trusted. A request that comes to another worker during this turn may find its key's bucket
  // empty or full instead, whatever it was.
  const bool all_old = due - first > sets;
  for (int64_t i = 0; i < std::min(due - first, sets); ++i) {
    const int64_t index = (first + i) % sets;
    for (uint64_t& word : sets_[index < 0 ? index + sets : index].words) {
      const uint64_t seen = Load(word);
      if (seen == 0 || (!all_old && Ahead(seen, now) >= 0)) continue;
      Replace(word, seen, MakeWord(TagIn(seen), now));  // or else it has just been renewed
    }
  }
}

}  // namespace holdfast::policy
