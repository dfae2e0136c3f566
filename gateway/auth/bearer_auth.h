#ifndef HOLDFAST_GATEWAY_AUTH_BEARER_AUTH_H_
#define HOLDFAST_GATEWAY_AUTH_BEARER_AUTH_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "gateway/auth/token_cache.h"
#include "gateway/auth/token_rules.h"
#include "gateway/http/header_list.h"
#include "pool/net/clock.h"
#include "pool/net/word_table.h"
#include "pool/tls/keyed_digest.h"

namespace holdfast::auth {

// Whether a client may pass by its token.
enum class TokenAnswer : uint8_t {
  kAdmitted,
  kMissing,  // 401: it has sent none
  kInvalid,  // 401: it has sent something else than one good token
  kExpired,  // 401: it was good
};
inline constexpr auto kTokenAnswerWords = pool::Words<TokenAnswer>({
    {"admitted", TokenAnswer::kAdmitted},
    {"jwt_missing", TokenAnswer::kMissing},
    {"jwt_invalid", TokenAnswer::kInvalid},
    {"jwt_expired", TokenAnswer::kExpired},
});
constexpr const auto& WordsOf(TokenAnswer) { return kTokenAnswerWords; }

// Asks what a client's token says (RFC 6750 section 2.1), for one worker. What was found good is
// remembered until it ends; anything else is checked there and then, which takes some 50 us.
//
//   switch (tokens->Ask(*route.jwt, request.headers, loop->wall_now(), &token)) ...
//
// One thread.
class BearerAuth {
 public:
  BearerAuth();
  BearerAuth(const BearerAuth&) = delete;
  BearerAuth& operator=(const BearerAuth&) = delete;

  // Of kAdmitted `*token` is what the token says.
  TokenAnswer Ask(const TokenRules& rules, const http::HeaderList& fields, pool::WallTime now,
                  std::shared_ptr<const GoodToken>* token);

  const TokenCache& known() const { return known_; }

 private:
  const pool::KeyedDigest digest_;
  TokenCache known_;
};

// Takes the fields out that say what tokens claim, in every spelling of their names.
void DropClaims(const TokenRules& rules, http::HeaderList* fields);
// Puts those of `token` in their place, which is good by these rules. They point into both.
void WriteClaims(const TokenRules& rules, const GoodToken& token, http::HeaderList* fields);

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_BEARER_AUTH_H_
