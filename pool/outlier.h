#ifndef HOLDFAST_POOL_OUTLIER_H_
#define HOLDFAST_POOL_OUTLIER_H_

#include <cstddef>
#include <cstdint>

#include "pool/cluster_options.h"
#include "pool/net/clock.h"
#include "pool/net/word_table.h"

namespace holdfast::pool {

// What came of an endpoint's failures in a row. Names are label values.
enum class EjectionResult : uint8_t {
  kEjected,
  kAlreadyOut,  // ejected already, unhealthy, or taken out by an operator
  kMaxPercent,  // so many are ejected that it has to stay
  kLastUsable,  // no other could take its requests
};
inline constexpr auto kEjectionResultWords = Words<EjectionResult>({
    {"ejected", EjectionResult::kEjected},
    {"already_out", EjectionResult::kAlreadyOut},
    {"max_percent", EjectionResult::kMaxPercent},
    {"last_usable", EjectionResult::kLastUsable},
});
constexpr const auto& WordsOf(EjectionResult) { return kEjectionResultWords; }

// An upstream's endpoints at the moment of a decision.
struct EjectionFacts {
  bool usable = true;      // the endpoint in question gets requests
  size_t endpoints = 0;    // all there are
  size_t all_ejected = 0;  // of them, those ejected
  size_t all_usable = 0;   // of them, those that get requests
};
// Pure. Gives the first reason against an ejection, in the order of the enum.
EjectionResult DecideEjection(const EjectionFacts& facts, const OutlierOptions& options);

// One endpoint's ejections. The first lasts for base_time, and each further one in a row twice as
// long as the one before, up to max_time. Once the endpoint is back in use, a stretch without an
// ejection that is as long as the last one lasted makes it forget one, and the next such stretch is
// half as long. A plain value; time is an argument and does not go back.
class EjectionRecord {
 public:
  // Begins an ejection and returns the time at which the caller ends it.
  TimePoint Eject(const OutlierOptions& options, TimePoint now);
  // Ends the ejection, at its time or before (when ejection was switched off).
  void EndEjection(TimePoint now);

  bool ejected() const { return ejected_; }
  // How many ejections in a row there have been, as far as they are not forgotten at `now`.
  uint32_t InARow(const OutlierOptions& options, TimePoint now) const;

 private:
  uint32_t in_a_row_ = 0;  // at the time of changed_
  bool ejected_ = false;
  TimePoint changed_;  // when the ejection began or ended
};

// How long the `in_a_row`-th ejection (>= 1) lasts.
Duration EjectionTime(const OutlierOptions& options, uint32_t in_a_row);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_OUTLIER_H_
