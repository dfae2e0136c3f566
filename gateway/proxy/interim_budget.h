#ifndef HOLDFAST_GATEWAY_PROXY_INTERIM_BUDGET_H_
#define HOLDFAST_GATEWAY_PROXY_INTERIM_BUDGET_H_

#include <cstddef>

#include "pool/net/clock.h"

namespace holdfast::proxy {

// What an upstream may send in interim responses (1xx) to one request: as much as there is at once,
// and as much again in every second after that, for as long as the request may take. A service that
// says every now and then that it is still at work stays within it; one that floods does not.
//
// A value inside the exchange. One thread.
class InterimBudget {
 public:
  // At once, and in each second.
  static constexpr int kResponses = 16;
  static constexpr size_t kBytes = size_t{64} * 1024;

  // For one more, of so many bytes; false: it is too much.
  bool Spend(size_t bytes, pool::TimePoint now);

 private:
  // When all that was spent is earned again.
  pool::TimePoint responses_earned_;
  pool::TimePoint bytes_earned_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_INTERIM_BUDGET_H_
