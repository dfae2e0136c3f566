#ifndef HOLDFAST_GATEWAY_POLICY_TOKEN_BUCKETS_H_
#define HOLDFAST_GATEWAY_POLICY_TOKEN_BUCKETS_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "gateway/policy/zeroed_pages.h"
#include "pool/net/clock.h"

namespace holdfast::policy {

// How often each key may send: a bucket of `burst` tokens, into which `requests` tokens per `per`
// drip evenly. A value.
struct RateLimit {
  uint32_t requests = 1;
  pool::Duration per = std::chrono::seconds(1);
  // As many at once from a full bucket, so that nginx's `burst=N nodelay` is N + 1 here; 1: nothing
  // but the even pace; 0: as many as `requests`.
  uint32_t burst = 0;

  uint32_t capacity() const { return burst > 0 ? burst : requests; }
  bool operator==(const RateLimit&) const = default;
};

// A pace that is faster than this limits nobody.
inline constexpr pool::Duration kShortestInterval{10};
// Whether there is a pace, and one no faster than one token per kShortestInterval. Pure.
bool IsUsable(const RateLimit& limit);

// Door 6: the buckets of all keys under one limit, for all workers together.
//
// It is the generic cell rate algorithm: of a key it keeps only when its bucket will be full again,
// in one word, which a Take changes by one compare-and-swap. So a key gets exactly what its limit
// says, however many workers serve it. Refused requests take no token.
//
// Eight words make a set of 64 bytes, and a key belongs in one set. A new key takes the place of
// the one there whose bucket is full first: mostly a full bucket, with which nothing is lost. For
// `max_keys` there are twice as many words. With more keys than that at a time, those that used
// least start anew with full buckets, and a key at its limit stays limited as long as others used
// less.
//
// Thread: any, without a lock, but for construction and destruction. Nobody may call it any more
// when it is destroyed. All memory is reserved by the constructor, and the kernel provides it as
// keys come. Calls back nobody.
//
// Time is the caller's. The workers' clocks may differ, and time may go back: a bucket then seems
// emptier by that difference, never emptier than empty, and the pace stays that of the fastest
// clock.
//
// Where others take of the same buckets elsewhere, Raise tells how much is used in all. What was
// taken beyond a full bucket in the meantime is then a debt (Debts::kKept), which the pace pays off
// before anything is allowed: so the pace holds in the long run whoever takes.
class TokenBuckets {
 public:
  static constexpr size_t kMostKeys = size_t{1} << 28;

  // Whether a bucket may be emptier than empty.
  enum class Debts : uint8_t { kNone, kKept };

  struct Verdict {
    bool allowed;
    // The key took the place of one whose bucket was not full. That is rare up to `max_keys` keys
    // at a time, and common beyond.
    bool displaced;
    uint32_t remaining;  // whole tokens
    // Until one request will be allowed, if no other comes first; zero if this one was. A client
    // that keeps to it is never early, and late by at most a 128th of the time of a token
    // (a 16th where the burst is beyond half a thousand million).
    pool::Duration retry_after;
    // Until the bucket is full, as exactly. At most Duration's max().
    pool::Duration reset;
  };

  // `limit` IsUsable; `max_keys` is in [1, kMostKeys]. A key costs 16 bytes.
  TokenBuckets(const RateLimit& limit, size_t max_keys, pool::TimePoint now,
               Debts debts = Debts::kNone);
  TokenBuckets(const TokenBuckets&) = delete;
  TokenBuckets& operator=(const TokenBuckets&) = delete;

  // Takes a token of the key. `key` is a hash with a secret seed, so that nobody can aim at the
  // bucket of another: two keys share one if 42 of its bits are alike (in a table of the default
  // size).
  Verdict Take(uint64_t key, pool::TimePoint now);
  // The key's bucket will not be full for so long at least, since others took of it, too. With
  // Debts::kKept a debt of three full buckets is kept, and longer ones as far as there is room.
  void Raise(uint64_t key, pool::Duration until_full, pool::TimePoint now);

  const RateLimit& limit() const { return limit_; }
  // Whether the kernel let it reserve its memory. Where not, nothing may be asked but bytes().
  bool has_memory() const { return sets_ != nullptr; }
  // What it reserves.
  size_t bytes() const { return set_count_ * sizeof(Set); }

 private:
  // A fraction, to multiply by in a few nanoseconds.
  struct Ratio {
    uint64_t factor;  // in units of 2^-shift
    int shift;
  };
  // A word is 24 bits of a tag and below them the time in units, modulo 2^40. All zero: no key.
  struct alignas(64) Set {
    uint64_t words[8];
  };
  // The word of a key, or else the one to give up for it.
  struct Place {
    uint64_t* word;
    uint64_t seen;  // its value
    bool own;
  };

  static Ratio MakeRatio(uint64_t numerator, uint64_t denominator, bool round_up);
  // Here and below `now` is in units, where it is a number.
  static Place Find(Set* set, uint64_t tag, int64_t now);

  int64_t UnitsAt(pool::TimePoint now) const { return UnitsIn(now.time_since_epoch()); }
  int64_t UnitsIn(pool::Duration duration) const;
  Set* SetOf(uint64_t key) const;
  // Rounded up; `units` > 0.
  pool::Duration TimeOf(uint64_t units) const;
  Verdict Refusal(uint64_t used) const;
  // Renews the times of full buckets before they could be taken for times to come.
  void Sweep(int64_t now);

  const RateLimit limit_;
  // Time is counted in units: 2^token_bits_ to the interval between two tokens.
  const int token_bits_;
  const uint64_t token_;
  const uint64_t capacity_;   // of a bucket, in units
  const uint64_t most_used_;  // of it, debts included
  const Ratio units_per_nanosecond_;
  const Ratio nanoseconds_per_unit_;
  const size_t set_count_;
  const int sweep_shift_;  // every 2^sweep_shift_ units another set is due
  const ZeroedPages pages_;
  Set* const sets_;
  std::atomic<int64_t> swept_;  // as many sets, since time began
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_TOKEN_BUCKETS_H_
