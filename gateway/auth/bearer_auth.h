#ifndef HOLDFAST_GATEWAY_AUTH_BEARER_AUTH_H_
#define HOLDFAST_GATEWAY_AUTH_BEARER_AUTH_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <absl/container/flat_hash_map.h>

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
  kMissing,          // 401: it has sent none
  kInvalid,          // 401: it has sent something else than one good token
  kExpired,          // 401: it was good
  kKeysUnavailable,  // 503: the keys have not been fetched yet
};
inline constexpr auto kTokenAnswerWords = pool::Words<TokenAnswer>({
    {"admitted", TokenAnswer::kAdmitted},
    {"jwt_missing", TokenAnswer::kMissing},
    {"jwt_invalid", TokenAnswer::kInvalid},
    {"jwt_expired", TokenAnswer::kExpired},
    {"jwt_keys_unavailable", TokenAnswer::kKeysUnavailable},
});
constexpr const auto& WordsOf(TokenAnswer) { return kTokenAnswerWords; }

// Asks what a client's token says (RFC 6750 section 2.1), for one worker. What was found good is
// remembered until it ends; anything else is checked there and then, which takes some 50 us.
//
//   switch (tokens->Ask(*route.jwt, request.headers, loop->wall_now(), &token, &fault)) ...
//
// One thread.
class BearerAuth {
 public:
  // How often it says of one URL that its keys are wanted.
  static constexpr pool::Duration kWantEvery = std::chrono::seconds(10);
  // Of so many URLs at most within that time.
  static constexpr size_t kMaxWanted = 64;
  // A token names a key that is not among those of the URL, so that there may be newer ones. Called
  // within Ask, which it may not call.
  using WantKeys = std::function<void(const std::string& url)>;

  // `want_keys` may be null: nobody fetches any.
  explicit BearerAuth(WantKeys want_keys = nullptr);
  BearerAuth(const BearerAuth&) = delete;
  BearerAuth& operator=(const BearerAuth&) = delete;

  // Of kAdmitted `*token` is what the token says; of kInvalid `*fault` is why, and else it stays.
  TokenAnswer Ask(const TokenRules& rules, const http::HeaderList& fields, pool::WallTime now,
                  std::shared_ptr<const GoodToken>* token, TokenFault* fault);

  const TokenCache& known() const { return known_; }

 private:
  void Want(const std::string& url, pool::WallTime now);

  const pool::KeyedDigest digest_;
  const WantKeys want_keys_;
  TokenCache known_;
  absl::flat_hash_map<std::string, pool::WallTime> wanted_;  // when it was said last, by URL
};

// Takes the fields out that say what tokens claim, in every spelling of their names.
void DropClaims(const TokenRules& rules, http::HeaderList* fields);
// Puts those of `token` in their place, which is good by these rules. They point into both.
void WriteClaims(const TokenRules& rules, const GoodToken& token, http::HeaderList* fields);

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_BEARER_AUTH_H_
