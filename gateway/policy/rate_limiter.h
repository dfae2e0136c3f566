#ifndef HOLDFAST_GATEWAY_POLICY_RATE_LIMITER_H_
#define HOLDFAST_GATEWAY_POLICY_RATE_LIMITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/policy/shared_spending.h"
#include "gateway/policy/token_buckets.h"
#include "pool/net/clock.h"
#include "pool/net/socket_address.h"
#include "pool/net/word_table.h"

namespace holdfast::policy {

// Of a configuration, different ones.
inline constexpr size_t kMaxSharedLinks = 16;

// Where several gateways tell each other what they let pass under one limit. A value.
struct SharedLimit {
  std::string redis;     // "host:port" or "unix:/path"
  std::string username;  // empty: Redis' default user
  std::string password;  // empty: it asks for none
  uint32_t database = 0;
  std::string prefix = "holdfast";  // of the keys there
  pool::Duration sync = std::chrono::milliseconds(100);
  pool::Duration timeout = std::chrono::seconds(1);

  bool operator==(const SharedLimit&) const = default;
};

// A limit to what a route takes, as the configuration has it. A value.
struct RateLimitRule {
  // Who shares a bucket.
  enum class Key : uint8_t { kClient, kHeader, kCookie, kClientCertificate, kGlobal };

  uint32_t requests = 0;  // at least 1
  pool::Duration per = std::chrono::seconds(1);
  uint32_t burst = 0;  // 0: as many as `requests`
  Key key = Key::kClient;
  std::string name;       // of the field or the cookie
  uint16_t status = 429;  // or 503
  bool shadow = false;    // what it would refuse is counted and let pass
  uint64_t max_keys = 1'000'000;
  std::optional<SharedLimit> shared;  // nullopt: it is this process's alone

  RateLimit limit() const { return {.requests = requests, .per = per, .burst = burst}; }
  bool operator==(const RateLimitRule&) const = default;
};
// Those without a name of their own; the others are "header:NAME" and "cookie:NAME".
inline constexpr auto kRateLimitKeyWords = pool::Words<RateLimitRule::Key>({
    {"client", RateLimitRule::Key::kClient},
    {"header", RateLimitRule::Key::kHeader},
    {"cookie", RateLimitRule::Key::kCookie},
    {"client_certificate", RateLimitRule::Key::kClientCertificate},
    {"global", RateLimitRule::Key::kGlobal},
});

// The key of a client by its address: IPv4 addresses each for themselves, IPv6 ones by their first
// 64 bits, since that is what one subscriber has (RFC 6177); all who have no IP address are one.
// Written into `*bytes`, of which the answer is a part.
struct ClientKeyBytes {
  char bytes[17];
};
std::string_view ClientKey(const pool::SocketAddress& address, ClientKeyBytes* bytes);
// The same of an address's text.
std::string_view ClientKey(std::string_view address, ClientKeyBytes* bytes);

// Door 6, too: a rule at work, for all workers together. Any thread, without a lock.
class RateLimiter {
 public:
  // A secret one, of the kernel.
  static uint64_t FreshSeed();
  // Of a shared limit: the same wherever prefix, password and route are. Only who knows them can
  // tell whose a key in Redis is.
  static uint64_t SharedSeed(const SharedLimit& shared, std::string_view route);

  RateLimiter(const RateLimitRule& rule, uint64_t seed, pool::TimePoint now);

  const RateLimitRule& rule() const { return rule_; }
  // One request more of whoever is known by this text.
  TokenBuckets::Verdict Take(std::string_view key, pool::TimePoint now);
  // Whether the kernel let it reserve its memory. Where not, nothing may be asked but bytes().
  bool has_memory() const {
    return buckets_.has_memory() && (spending_ == nullptr || spending_->has_memory());
  }
  size_t bytes() const { return buckets_.bytes(); }

  // What others are to be told; null: the limit is not shared.
  SharedSpending* spending() { return spending_.get(); }
  // Of a shared limit: whoever has this key in spending() has used so much in all.
  void Learn(uint64_t shared_key, pool::Duration until_full, pool::TimePoint now);

 private:
  const RateLimitRule rule_;
  const uint64_t seed_;
  TokenBuckets buckets_;
  const std::unique_ptr<SharedSpending> spending_;
};

// "10 requests per 1s", for the fields RateLimit-Policy and RateLimit
// (draft-ietf-httpapi-ratelimit-headers): `"api";q=10;w=1`. `name` has neither quotes nor
// backslashes.
std::string RateLimitPolicyValue(std::string_view name, const RateLimitRule& rule);
std::string RateLimitValue(std::string_view name, const TokenBuckets::Verdict& verdict);
// Whole seconds, rounded up, at least one.
std::string RetryAfterValue(const TokenBuckets::Verdict& verdict);

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_RATE_LIMITER_H_
