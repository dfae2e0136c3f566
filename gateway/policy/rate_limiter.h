#ifndef HOLDFAST_GATEWAY_POLICY_RATE_LIMITER_H_
#define HOLDFAST_GATEWAY_POLICY_RATE_LIMITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/policy/token_buckets.h"
#include "pool/net/clock.h"
#include "pool/net/socket_address.h"
#include "pool/net/word_table.h"

namespace holdfast::policy {

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

  RateLimiter(const RateLimitRule& rule, uint64_t seed, pool::TimePoint now);

  const RateLimitRule& rule() const { return rule_; }
  // One request more of whoever is known by this text.
  TokenBuckets::Verdict Take(std::string_view key, pool::TimePoint now);
  size_t bytes() const { return buckets_.bytes(); }

 private:
  const RateLimitRule rule_;
  const uint64_t seed_;
  TokenBuckets buckets_;
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
