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
#include "pool/net/word_table.h"

namespace holdfast::auth {

// What a good token says. Immutable.
struct GoodToken {
  pool::WallTime until;  // with the leeway
  // One for each of the rules' claims_to_headers. nullopt: the token has no such claim, or one that
  // is no text, number, boolean or list of texts.
  std::vector<std::optional<std::string>> values;
};

// Why a token is no good one, the first thing that was found. The words are the access log's
// `detail`, and nobody else's: a client that is told which it was learns what to mend in a forgery.
enum class TokenFault : uint8_t {
  kNone,
  kRepeated,     // there are several fields with credentials
  kTooLong,      // longer than kMaxTokenBytes
  kMalformed,    // not three parts, of which the first two are JSON, or `kid` is no name
  kCritical,     // it has `crit`
  kAlgorithm,    // that is not one of the rules', or it names none
  kKeyUnknown,   // it names a key that is not among the rules'
  kKeyUnfit,     // no key that may be its is one for its algorithm
  kTooManyKeys,  // kMaxKeysTried were tried, and more fit
  kSignature,    // no such key has signed it
  kDate,         // `exp`, `nbf` or `iat` is no date
  kNoExpiry,
  kIssuer,
  kAudience,
  kNotYetValid,  // `nbf` or `iat` is to come
  kClaim,        // no field can hold what it claims
};
inline constexpr auto kTokenFaultWords = pool::Words<TokenFault>({
    {"none", TokenFault::kNone},
    {"token_repeated", TokenFault::kRepeated},
    {"token_too_long", TokenFault::kTooLong},
    {"token_malformed", TokenFault::kMalformed},
    {"token_critical", TokenFault::kCritical},
    {"token_algorithm", TokenFault::kAlgorithm},
    {"token_key_unknown", TokenFault::kKeyUnknown},
    {"token_key_unfit", TokenFault::kKeyUnfit},
    {"token_too_many_keys", TokenFault::kTooManyKeys},
    {"token_signature", TokenFault::kSignature},
    {"token_date", TokenFault::kDate},
    {"token_no_expiry", TokenFault::kNoExpiry},
    {"token_issuer", TokenFault::kIssuer},
    {"token_audience", TokenFault::kAudience},
    {"token_not_yet_valid", TokenFault::kNotYetValid},
    {"token_claim", TokenFault::kClaim},
});
constexpr const auto& WordsOf(TokenFault) { return kTokenFaultWords; }

// What came of a check.
struct TokenVerdict {
  enum class Kind : uint8_t {
    kGood,
    kBad,
    kExpired,     // it would have been good
    kUnknownKey,  // it names a key that is not among the rules'
  };
  Kind kind = Kind::kBad;
  TokenFault fault = TokenFault::kNone;    // of kBad and kUnknownKey
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
