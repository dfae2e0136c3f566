#ifndef HOLDFAST_POOL_LEARNED_EXPIRY_H_
#define HOLDFAST_POOL_LEARNED_EXPIRY_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pool/net/clock.h"

namespace holdfast::pool {

// How long a kept connection may be idle before we close it, learned from when the peer closes. A
// request that is sent as the peer closes is lost, so our side has to be first.
//
// The expiry begins at kStart. Each connection that the peer leaves open for all of that time
// raises it by a quarter, up to kCap. A connection that the peer closes at the age T lowers it at
// once to T less a margin.
//
// Not every close is a timeout. A server that restarts closes every idle connection at the
// same moment, whatever their ages; a timeout closes each at the same age, whatever the moment. So
// closes are weighed in bursts of kBurst. A burst in which all ages are alike is two points of
// evidence for that age; a burst of mixed ages is one point for each of its ages. Then
//   1 point   does nothing: most likely a restart;
//   2 points  lower the expiry, but by no more than half, and for kDoubtfulHold: perhaps the
//             restart of a server that had one idle connection;
//   4 points  are a timeout (or a server that restarts all the time, which comes to the same).
//
// A learned timeout holds for as long as Hold says. After that the expiry rises again in small
// steps until the peer closes at that age once more, or does not. So a server whose timeout was
// raised is noticed, at the price of one close each time.
//
// A plain value without locks; it allocates nothing. Whoever shares it guards it.
class LearnedExpiry {
 public:
  static constexpr Duration kStart = std::chrono::seconds(4);
  // Below the 60 s after which many servers and network boxes close.
  static constexpr Duration kCap = std::chrono::seconds(55);
  // A close sooner than this is no idle timeout: servers that restart under load close connections
  // of just such ages, one like the other. An even shorter expiry wins nothing, because the pool
  // looks at a connection's socket before each use.
  static constexpr Duration kFloor = std::chrono::milliseconds(100);
  // How long the closes of one restart take to arrive.
  static constexpr Duration kBurst = std::chrono::seconds(1);
  static constexpr Duration kDoubtfulHold = std::chrono::minutes(1);
  // Older points say nothing about what happens now.
  static constexpr Duration kMemory = std::chrono::minutes(10);

  // The age at which our side closes, for a peer that closes at the age `timeout`. The margin
  // covers a request's way to the peer and how late either side's loop may be: 200 ms are the
  // longest way on this planet and a busy loop. A tenth is for servers with coarse timers, which
  // fire early by more the longer the timeout.
  static constexpr Duration WithMargin(Duration timeout) {
    const Duration margin = std::max<Duration>(std::chrono::milliseconds(200), timeout / 10);
    return std::max(kFloor, timeout - margin);
  }
  // How long a timeout holds once it was learned. A short one is soon learned again, so it may be
  // doubted sooner.
  static constexpr Duration Hold(Duration timeout) {
    return std::clamp<Duration>(100 * timeout, std::chrono::minutes(1), kMemory);
  }

  // The peer closed a connection that had been idle for so long; negative, as two threads' clocks
  // may give, says nothing.
  void ObservePeerClose(Duration idle_age, TimePoint now);
  // We closed a connection that had been idle for so long and that the peer had not closed.
  void ObserveSurvived(Duration idle_age, TimePoint now);

  // From kFloor to kCap. Changes with observations only.
  Duration current() const { return expiry_; }

  // The lowest age that is known as a timeout of the peer, whether or not it still holds.
  std::optional<Duration> learned() const;

 private:
  // Closes at ages that are alike.
  struct Sample {
    Duration age{};  // the lowest of them, or a little more when the later ones were higher
    TimePoint last;
    uint32_t burst = 0;  // in which it was seen last
    int evidence = 0;
    int gained = 0;  // of that in the last burst
  };
  struct Burst {
    uint32_t number = 0;  // 0: there was none yet
    TimePoint begin;
    Duration lowest{};
    Duration highest{};
    bool mixed = false;
    Duration before{};  // the expiry at its begin
  };

  static constexpr size_t kSamples = 8;
  static constexpr int kSome = 2;
  static constexpr int kSure = 4;

  static bool Alike(Duration a, Duration b);
  static bool Holds(const Sample& sample, TimePoint now);

  std::span<Sample> samples() { return std::span(samples_).first(count_); }
  std::span<const Sample> samples() const { return std::span(samples_).first(count_); }
  void EnterBurst(Duration age, TimePoint now);
  Sample& SampleFor(Duration age, TimePoint now);
  void NoteClose(Duration age, TimePoint now);
  Duration Climb(Duration survived, TimePoint now);

  Duration expiry_ = kStart;
  Burst burst_;
  std::array<Sample, kSamples> samples_;
  size_t count_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_LEARNED_EXPIRY_H_
