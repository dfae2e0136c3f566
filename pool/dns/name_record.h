#ifndef HOLDFAST_POOL_DNS_NAME_RECORD_H_
#define HOLDFAST_POOL_DNS_NAME_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>

#include "pool/net/clock.h"

namespace holdfast::pool {

// What people should be told of a look-up.
enum class NameNews : uint8_t {
  kNone,
  kTrouble,       // something is wrong, for the first time or worse than before
  kStillTrouble,  // it has been wrong for long
  kResolved,      // all is well after trouble that was told
};

// How the look-ups of one name have gone. It tells trouble at once, then every kRepeat, and says no
// more than two things in kPause of a name that comes and goes. A plain value; time is an argument.
class NameRecord {
 public:
  static constexpr Duration kRepeat = std::chrono::minutes(10);
  static constexpr Duration kPause = std::chrono::minutes(1);

  // A look-up has ended: with addresses or without, and with something to complain of or not.
  NameNews OnLookup(bool found, bool trouble, TimePoint now, WallTime wall_now);

  // Look-ups that brought no address.
  uint64_t failures() const { return failures_; }
  std::optional<WallTime> last_success() const { return last_success_; }

 private:
  enum class Told : uint8_t { kWell, kDefect, kFailure };

  uint64_t failures_ = 0;
  std::optional<WallTime> last_success_;
  Told told_ = Told::kWell;
  std::optional<TimePoint> told_at_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_NAME_RECORD_H_
