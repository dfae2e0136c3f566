#ifndef HOLDFAST_GATEWAY_COMPRESSION_TIME_BUDGET_H_
#define HOLDFAST_GATEWAY_COMPRESSION_TIME_BUDGET_H_

#include "pool/net/clock.h"

namespace holdfast::compression {

// How much of its time a worker may spend on encoding: no more than a share of it, beyond which
// bodies are sent as they are. A short burst is free. One thread.
class TimeBudget {
 public:
  static constexpr double kShare = 0.5;
  static constexpr pool::Duration kBurst = std::chrono::milliseconds(100);

  // Whether another body may be encoded.
  bool HasRoom(pool::TimePoint now);
  void Spend(pool::Duration time) { left_ -= time; }

 private:
  pool::Duration left_ = kBurst;
  pool::TimePoint filled_at_;
};

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_TIME_BUDGET_H_
