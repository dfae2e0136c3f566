#ifndef HOLDFAST_GATEWAY_HTTP2_FLOOD_GUARD_H_
#define HOLDFAST_GATEWAY_HTTP2_FLOOD_GUARD_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "gateway/http2/limits.h"
#include "pool/net/clock.h"
#include "pool/net/word_table.h"

namespace holdfast::http2 {

// What costs a peer little and us something. The names are metric label values.
enum class Glitch : uint8_t {
  kReset,         // a stream that it resets, or that its faults make us reset
  kRefused,       // a stream beyond those that are welcome
  kPing,          // asks for an answer, although nothing was sent
  kSettings,      // the same
  kPriority,      // asks for another order, or in words that are ignored
  kEmptyData,     // DATA without a byte that ends nothing
  kWindowUpdate,  // makes room although nothing was sent
  kHeads,         // a head beyond what is kept of heads
};
inline constexpr auto kGlitchWords = pool::Words<Glitch>({
    {"reset", Glitch::kReset},
    {"refused", Glitch::kRefused},
    {"ping", Glitch::kPing},
    {"settings", Glitch::kSettings},
    {"priority", Glitch::kPriority},
    {"empty_data", Glitch::kEmptyData},
    {"window_update", Glitch::kWindowUpdate},
    {"heads", Glitch::kHeads},
});
constexpr const auto& WordsOf(Glitch) { return kGlitchWords; }
inline constexpr size_t kGlitches = 8;

// Counts what a peer does that it gains nothing by, against a budget for resets (CVE-2023-44487,
// CVE-2025-8671) and one for all else. Every second half of what was counted is forgotten. Pure but
// for its counts: time is an argument. One for each connection.
class FloodGuard {
 public:
  enum class Verdict : uint8_t {
    kFine,
    kRefuse,   // half of the budget for resets is spent: no new streams
    kGoodbye,  // three quarters of the other one: the peer shall go elsewhere
    kEnd,      // a budget is spent
  };

  explicit FloodGuard(const Limits& limits) : limits_(limits) {}

  Verdict Note(Glitch glitch, pool::TimePoint now);
  // As things stand.
  Verdict Judge(pool::TimePoint now);
  // A frame of a body was sent, of so many bytes, which peers make room for again, and by which
  // some measure the way (gRPC's ask with a PING for each). Of many small messages in one frame
  // they may make room for each by itself, which costs no more than if they sent as many bytes.
  void NoteSentData(size_t bytes) {
    const size_t updates = 2 + bytes / kBytesOfUpdate;
    updates_due_ = static_cast<uint32_t>(std::min<size_t>(updates_due_ + updates, kMaxUpdatesDue));
    pings_due_ = std::min(pings_due_ + 1, kMaxPingsDue);
  }
  // Room was made, or a PING has come: true when that is a glitch.
  bool SpendUpdate() { return !Spend(&updates_due_); }
  bool SpendPing() { return !Spend(&pings_due_); }
  // What was counted since the last call, by kind.
  std::array<uint32_t, kGlitches> TakeCounts();
  bool has_counts() const { return counted_; }

 private:
  // A peer may open its windows by itself as well, once for each stream.
  static constexpr uint32_t kFirstUpdates = 100;
  static constexpr uint32_t kMaxUpdatesDue = 10'000;
  static constexpr uint32_t kMaxPingsDue = 1'000;
  // The smallest message that is worth one: gRPC's have 5 bytes and what is in them.
  static constexpr size_t kBytesOfUpdate = 4;

  static bool Spend(uint32_t* due) { return *due > 0 && (*due)-- > 0; }
  void Forget(pool::TimePoint now);

  Limits limits_;
  uint32_t resets_ = 0;
  uint32_t others_ = 0;
  uint32_t updates_due_ = kFirstUpdates;
  uint32_t pings_due_ = 0;
  bool counted_ = false;
  pool::TimePoint since_;
  std::array<uint32_t, kGlitches> counts_{};
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_FLOOD_GUARD_H_
