#include "pool/outlier.h"

#include <algorithm>

#include "pool/net/check.h"

namespace holdfast::pool {

EjectionResult DecideEjection(const EjectionFacts& facts, const OutlierOptions& options) {
  HOLDFAST_CHECK(facts.all_ejected + facts.all_usable <= facts.endpoints);
  if (!facts.usable) return EjectionResult::kAlreadyOut;
  const size_t share = facts.endpoints * options.max_percent / 100;
  const size_t allowed = options.max_percent == 0 ? 0 : std::max<size_t>(1, share);
  if (facts.all_ejected >= allowed) return EjectionResult::kMaxPercent;
  if (facts.all_usable <= 1) return EjectionResult::kLastUsable;
  return EjectionResult::kEjected;
}

Duration EjectionTime(const OutlierOptions& options, uint32_t in_a_row) {
  HOLDFAST_CHECK(in_a_row >= 1 && options.base_time > Duration::zero());
  Duration time = options.base_time;
  for (uint32_t i = 1; i < in_a_row && time < options.max_time; ++i) {
    time = time > options.max_time / 2 ? options.max_time : time * 2;
  }
  return std::min(time, options.max_time);
}

uint32_t EjectionRecord::InARow(const OutlierOptions& options, TimePoint now) const {
  uint32_t in_a_row = in_a_row_;
  if (ejected_) return in_a_row;
  for (Duration good = now - changed_; in_a_row > 0; --in_a_row) {
    const Duration stretch = EjectionTime(options, in_a_row);
    if (good < stretch) break;
    good -= stretch;
  }
  return in_a_row;
}

TimePoint EjectionRecord::Eject(const OutlierOptions& options, TimePoint now) {
  HOLDFAST_CHECK(!ejected_);
  // An endpoint that fails for days is ejected for max_time at most, and must not take days to be
  // forgiven.
  const uint32_t before = InARow(options, now);
  const bool longest = before > 0 && EjectionTime(options, before) >= options.max_time;
  in_a_row_ = longest ? before : before + 1;
  ejected_ = true;
  changed_ = now;
  return now + EjectionTime(options, in_a_row_);
}

void EjectionRecord::EndEjection(TimePoint now) {
  HOLDFAST_CHECK(ejected_);
  ejected_ = false;
  changed_ = now;
}

}  // namespace holdfast::pool
