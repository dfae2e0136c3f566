#include "gateway/route/limiters.h"

#include <cstdint>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/policy/zeroed_pages.h"
#include "pool/net/clock.h"

namespace holdfast::route {
namespace {

std::shared_ptr<policy::RateLimiter> MakeLimiter(const config::Route& route) {
  const std::optional<policy::SharedLimit>& shared = route.rate_limit->shared;
  const uint64_t seed = shared.has_value() ? policy::RateLimiter::SharedSeed(*shared, route.name)
                                           : policy::RateLimiter::FreshSeed();
  return std::make_shared<policy::RateLimiter>(*route.rate_limit, seed, pool::SystemClock().Now());
}

}  // namespace

absl::StatusOr<Limiters> MakeLimiters(const config::Config& config, const Limiters& before) {
  Limiters limiters;
  for (const config::Route& route : config.routes) {
    if (!route.rate_limit.has_value()) continue;
    const auto known = before.find(route.name);
    const bool goes_on = known != before.end() && known->second->rule() == *route.rate_limit;
    std::shared_ptr<policy::RateLimiter> limiter = goes_on ? known->second : MakeLimiter(route);
    if (!limiter->has_memory()) {
      const std::string what = absl::StrCat(route.rate_limit->max_keys, " keys");
      return absl::ResourceExhaustedError(absl::StrCat(
          "route ", route.name, ": rate_limit: ", policy::NoPagesText(limiter->bytes(), what),
          ", or lower max_keys"));
    }
    limiters[route.name] = std::move(limiter);
  }
  return limiters;
}

}  // namespace holdfast::route
