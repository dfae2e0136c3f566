#ifndef HOLDFAST_POOL_NET_RANDOM_H_
#define HOLDFAST_POOL_NET_RANDOM_H_

#include <cstdint>

namespace holdfast::pool {

// A small fast generator (xorshift64*, Vigna 2016) for balancing and jitter, not for secrets. One
// thread; each worker has a seed of its own.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed != 0 ? seed : 0x9E3779B97F4A7C15u) {}

  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }

  // Uniform in [0, bound); bound > 0 (Lemire's multiplication, its tiny bias accepted).
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>(((Next() >> 32) * uint64_t{bound}) >> 32);
  }

  // Changes `value` (not negative) by up to a tenth either way, so that things that began together
  // do not end together.
  template <class Duration>
  Duration JitterTenth(Duration value) {
    return value - value / 10 + PartOf(value / 5);
  }
  // Shortens `value` by up to a tenth, for what must not take longer.
  template <class Duration>
  Duration ShortenTenth(Duration value) {
    return value - PartOf(value / 10);
  }

 private:
  // Uniform in [0, span].
  template <class Duration>
  Duration PartOf(Duration span) {
    constexpr int kSteps = 1000;
    // Whole steps and the rest are taken apart, because the product of a long duration would
    // overflow.
    const auto step = Below(kSteps + 1);
    return span / kSteps * step + span % kSteps * step / kSteps;
  }

  uint64_t state_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_RANDOM_H_
