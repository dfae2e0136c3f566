#include "pool/dns/name_record.h"

#include <algorithm>

#include "pool/net/check.h"

namespace holdfast::pool {

NameNews NameRecord::OnLookup(bool found, bool trouble, TimePoint now, WallTime wall_now) {
  HOLDFAST_CHECK(found || trouble);
  if (found) {
    last_success_ = wall_now;
  } else {
    ++failures_;
  }
  const Told told = !found ? Told::kFailure : trouble ? Told::kDefect : Told::kWell;
  const bool rested = !told_at_.has_value() || now - *told_at_ >= kPause;
  if (told == Told::kWell) {
    if (told_ == Told::kWell) return NameNews::kNone;
    told_ = Told::kWell;
    told_at_ = now;
    return NameNews::kResolved;
  }
  const bool long_ago = told_at_.has_value() && now - *told_at_ >= kRepeat;
  const bool worse = told > told_ && (told_ == Told::kDefect || rested);
  if (!worse && (told_ == Told::kWell || !long_ago)) return NameNews::kNone;
  told_ = std::max(told, told_);
  told_at_ = now;
  return worse ? NameNews::kTrouble : NameNews::kStillTrouble;
}

}  // namespace holdfast::pool
