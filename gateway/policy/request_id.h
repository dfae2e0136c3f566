#ifndef HOLDFAST_GATEWAY_POLICY_REQUEST_ID_H_
#define HOLDFAST_GATEWAY_POLICY_REQUEST_ID_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pool/net/clock.h"
#include "pool/net/random.h"

namespace holdfast::policy {

// By what one request is found again in the logs of all who had to do with it.

// Whether a client's id may be kept: 1 to 128 letters, digits and "-_.:+/=" of ASCII. UUIDs,
// hexadecimal and base64 are of these; nothing is that has a meaning to logs, shells, mark-up or
// templates. Pure.
inline constexpr size_t kMaxRequestIdBytes = 128;
bool IsRequestId(std::string_view text);

// The text of a UUID (RFC 9562 section 4).
using UuidText = std::array<char, 36>;

// Makes UUIDs of version 7 (RFC 9562 section 5.7), and random bits for others. Those of one source
// are in the order in which they were made, within a millisecond too: its counter (section 6.2,
// method 1) begins anew in each at a random place in the lower half of 12 bits. When it is full, or
// the clock is set back a little, ids run ahead of the clock.
//
// They are hard to meet twice, not hard to guess: no secret. One thread.
class RequestIdSource {
 public:
  // A clock that is set back by more than this is followed.
  static constexpr pool::Duration kMaxAhead = std::chrono::seconds(10);

  // The same seeds make the same ids.
  RequestIdSource(uint64_t seed, uint64_t other_seed) : high_(seed), low_(other_seed) {}
  // With seeds of the kernel's (getrandom). Aborts if it has none.
  static RequestIdSource Fresh();

  // A `now` before 1970 counts as its beginning.
  UuidText MakeUuid(pool::WallTime now);
  // 64 bits, never 0.
  uint64_t Bits();
  // True for about so many of a million.
  bool Chance(uint32_t of_a_million) { return low_.Below(1'000'000) < of_a_million; }

 private:
  static constexpr uint16_t kMaxCounter = 0xfff;

  // Moves to the next id's millisecond and counter.
  void Step(uint64_t milliseconds);

  // Two, so that what one id tells of them is not all.
  pool::Random high_;
  pool::Random low_;
  uint64_t milliseconds_ = 0;  // of the last id
  uint16_t counter_ = 0;
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_REQUEST_ID_H_
