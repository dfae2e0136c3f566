#ifndef HOLDFAST_POOL_OUTLIER_H_
#define HOLDFAST_POOL_OUTLIER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pool/cluster_options.h"
#include "pool/net/clock.h"

namespace holdfast::pool {

// What came of an endpoint's failures in a row. Names are label values.
enum class EjectionResult : uint8_t {
  kEjected,
  kAlreadyOut,  // ejected already, unhealthy, or taken out by an operator
  kMaxPercent,  // so many are ejected that it has to stay
  kLastUsable,  // no other could take its requests
};
inline constexpr int kEjectionResults = 4;
std::string_view EjectionResultName(EjectionResult result);

// An upstream's endpoints at the moment of a decision.
struct EjectionFacts {
  bool usable = true;      // the endpoint in question gets requests
  size_t endpoints = 0;    // all there are
  size_t all_ejected = 0;  // of them, those ejected
  size_t all_usable = 0;   // of them, those that get requests
};
// Pure. The first reason against it, in the order of the enum.
EjectionResult DecideEjection(const EjectionFacts& facts, const OutlierOptions& options);

// One endpoint's ejections; how many failures in a row bring one about is counted where the
// requests are. It is out for base_time, twice as long when that was not its first
// ejection in a row, and so on up to max_time. Back in use it is forgiven step by step: for every
// stretch without an ejection as long as its last one took, one is forgotten and the stretch halves
// with it. A plain value; time is an argument and does not go back.
class EjectionRecord {
 public:
  // Begins an ejection and returns its end, for EndEjection to be called at.
  TimePoint Eject(const OutlierOptions& options, TimePoint now);
  // At the ejection's end, or before (ejection was switched off).
  void EndEjection(TimePoint now);

  bool ejected() const { return ejected_; }
  // How many ejections in a row there have been, as far as they are not forgotten at `now`.
  uint32_t InARow(const OutlierOptions& options, TimePoint now) const;

 private:
  uint32_t in_a_row_ = 0;  // at the time of changed_
  bool ejected_ = false;
  TimePoint changed_;  // of the ejection's begin or end
};

// Of the `in_a_row`-th ejection (>= 1).
Duration EjectionTime(const OutlierOptions& options, uint32_t in_a_row);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_OUTLIER_H_
