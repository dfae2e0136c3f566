#ifndef HOLDFAST_GATEWAY_PROXY_INTERIM_BUDGET_H_
#define HOLDFAST_GATEWAY_PROXY_INTERIM_BUDGET_H_

#include <cstddef>

#include "pool/net/clock.h"

namespace holdfast::proxy {

// How much an upstream may send in interim responses (1xx) to one request: the whole budget at
// once, and as much again in every second after that, for as long as the request may take. A
// service that now and then says that it is still at work stays within it; one that floods does
// not.
//
// A value inside the exchange. One thread.
class InterimBudget {
 public:
  // The budget, at once and for each second.
  static constexpr int kResponses = 16;
  static constexpr size_t kBytes = size_t{64} * 1024;

  // Spends the budget for one more response of so many bytes. False: it is too much.
  bool Spend(size_t bytes, pool::TimePoint now);

 private:
  // When everything that was spent is earned again.
  pool::TimePoint responses_earned_;
  pool::TimePoint bytes_earned_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_INTERIM_BUDGET_H_
