#ifndef HOLDFAST_GATEWAY_ACME_TROUBLE_H_
#define HOLDFAST_GATEWAY_ACME_TROUBLE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "pool/net/clock.h"
#include "pool/net/word_table.h"

namespace holdfast::acme {

// How an order ended. The names are the metric's label values.
enum class Result : uint8_t {
  kOk,
  kUnreachable,      // the directory's server could not be spoken to
  kRateLimited,      // it wants fewer requests
  kRefused,          // it says no, for another reason
  kChallengeFailed,  // it could not see that the name leads here
  kTimeout,          // it did not come to an end
  kBadAnswer,        // it says what makes no sense
  kStorage,          // what came could not be kept
};
inline constexpr auto kResultWords =
    pool::Words<Result>({{"ok", Result::kOk},
                         {"unreachable", Result::kUnreachable},
                         {"rate_limited", Result::kRateLimited},
                         {"refused", Result::kRefused},
                         {"challenge_failed", Result::kChallengeFailed},
                         {"timeout", Result::kTimeout},
                         {"bad_answer", Result::kBadAnswer},
                         {"storage", Result::kStorage}});
constexpr const auto& WordsOf(Result) { return kResultWords; }

// What stood in the way. A plain value.
struct Trouble {
  Result result = Result::kRefused;
  std::string type;  // the authority's word for it; empty: it has said nothing
  std::string text;  // for people, without the type's namespace
  // The authority wants to be left alone so long.
  std::optional<pool::Duration> retry_after;
};

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_TROUBLE_H_
