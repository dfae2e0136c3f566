#ifndef HOLDFAST_GATEWAY_AUTH_TOKEN_CHECK_H_
#define HOLDFAST_GATEWAY_AUTH_TOKEN_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/auth/token_rules.h"
#include "pool/net/clock.h"

namespace holdfast::auth {

// What a good token says. Immutable.
struct GoodToken {
  pool::WallTime until;  // with the leeway
  // One for each of the rules' claims_to_headers. nullopt: the token has no such claim, or one that
  // is no text, number, boolean or list of texts.
  std::vector<std::optional<std::string>> values;
};

// What came of a check.
struct TokenVerdict {
  enum class Kind : uint8_t {
    kGood,
    kBad,
    kExpired,     // it would have been good
    kUnknownKey,  // it names a key that is not among the rules'
  };
  Kind kind = Kind::kBad;
  std::shared_ptr<const GoodToken> token;  // of kGood
};

// The longest token that is looked at, and how many keys are tried for one that does not say which
// key it is signed with.
inline constexpr size_t kMaxTokenBytes = 8192;
inline constexpr size_t kMaxKeysTried = 4;

// Checks a token in its compact form (RFC 7515 section 7.1) as RFC 8725 wants it: the algorithm is
// one of the rules' and of a key of that kind, the key is the one that is named, nothing of the
// claims is read before the signature is found good, no extension is critical, and the issuer and
// the audience are those of the rules. A token that does not say when it expires is none.
//
// Takes as long as the signature: some 50 us for ES256. Any thread; safe on any bytes.
TokenVerdict CheckToken(const TokenRules& rules, std::string_view token, pool::WallTime now);

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_TOKEN_CHECK_H_
