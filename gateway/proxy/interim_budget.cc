#include "gateway/proxy/interim_budget.h"

#include <algorithm>

namespace holdfast::proxy {
namespace {

constexpr pool::Duration kPeriod = std::chrono::seconds(1);

bool Earn(pool::TimePoint* earned, pool::Duration price, pool::TimePoint now) {
  *earned = std::max(*earned, now) + price;
  return *earned <= now + kPeriod;
}

}  // namespace

bool InterimBudget::Spend(size_t bytes, pool::TimePoint now) {
  const bool few = Earn(&responses_earned_, kPeriod / kResponses, now);
  const bool small = Earn(&bytes_earned_, kPeriod * bytes / kBytes, now);
  return few && small;
}

}  // namespace holdfast::proxy
