#include "gateway/policy/rate_limiter.h"

#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "pool/key_hash.h"
#include "pool/net/check.h"
#include "pool/net/ipv4_text.h"
#include "pool/tls/keyed_digest.h"

namespace holdfast::policy {
namespace {

using std::chrono::seconds;

std::string Seconds(pool::Duration duration) {
  return std::to_string(std::max<int64_t>(1, std::chrono::ceil<seconds>(duration).count()));
}

std::string Named(std::string_view name) { return "\"" + std::string(name) + "\";"; }

}  // namespace

std::string_view ClientKey(std::string_view address, ClientKeyBytes* bytes) {
  if (const auto v4 = pool::ReadIpv4(address)) {
    const uint32_t network = htonl(*v4);
    bytes->bytes[0] = static_cast<char>(AF_INET);
    std::memcpy(bytes->bytes + 1, &network, sizeof(network));
    return {bytes->bytes, 5};
  }
  const auto other = pool::SocketAddress::FromIp(address, 0);
  return other.has_value() ? ClientKey(*other, bytes) : std::string_view();
}

std::string_view ClientKey(const pool::SocketAddress& address, ClientKeyBytes* bytes) {
  if (!address.is_ip()) return {};
  const sockaddr* raw = address.get();
  bytes->bytes[0] = static_cast<char>(raw->sa_family);
  if (raw->sa_family == AF_INET) {
    std::memcpy(bytes->bytes + 1, &reinterpret_cast<const sockaddr_in*>(raw)->sin_addr, 4);
    return {bytes->bytes, 5};
  }
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(raw)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    bytes->bytes[0] = static_cast<char>(AF_INET);
    std::memcpy(bytes->bytes + 1, v6.s6_addr + 12, 4);
    return {bytes->bytes, 5};
  }
  std::memcpy(bytes->bytes + 1, v6.s6_addr, 8);
  return {bytes->bytes, 9};
}

uint64_t RateLimiter::FreshSeed() {
  uint64_t seed = 0;
  HOLDFAST_CHECK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
  return seed;
}

uint64_t RateLimiter::SharedSeed(const SharedLimit& shared, std::string_view route) {
  const pool::KeyedDigest::Value digest =
      pool::KeyedDigest(pool::KeyedDigest::Key{})
          .Of({"shared", shared.prefix, route, shared.password});
  uint64_t seed = 0;
  for (size_t i = 0; i < sizeof(seed); ++i) seed = seed << 8 | digest[i];
  return seed;
}

RateLimiter::RateLimiter(const RateLimitRule& rule, uint64_t seed, pool::TimePoint now)
    : rule_(rule),
      seed_(seed),
      buckets_(rule.limit(), rule.max_keys, now,
               rule.shared.has_value() ? TokenBuckets::Debts::kKept : TokenBuckets::Debts::kNone),
      spending_(rule.shared.has_value() ? std::make_unique<SharedSpending>() : nullptr) {}

TokenBuckets::Verdict RateLimiter::Take(std::string_view key, pool::TimePoint now) {
  const uint64_t hash = pool::HashBytes(key, seed_);
  if (spending_ == nullptr) return buckets_.Take(hash, now);
  const uint64_t shared_key = SharedSpending::KeyOf(hash);
  const TokenBuckets::Verdict verdict = buckets_.Take(pool::NextHash(shared_key), now);
  if (verdict.allowed) spending_->Note(shared_key);
  return verdict;
}

void RateLimiter::Learn(uint64_t shared_key, pool::Duration until_full, pool::TimePoint now) {
  buckets_.Raise(pool::NextHash(shared_key), until_full, now);
}

std::string RateLimitPolicyValue(std::string_view name, const RateLimitRule& rule) {
  return Named(name) + "q=" + std::to_string(rule.requests) + ";w=" + Seconds(rule.per);
}

std::string RateLimitValue(std::string_view name, const TokenBuckets::Verdict& verdict) {
  return Named(name) + "r=" + std::to_string(verdict.remaining) + ";t=" + Seconds(verdict.reset);
}

std::string RetryAfterValue(const TokenBuckets::Verdict& verdict) {
  return Seconds(verdict.retry_after);
}

}  // namespace holdfast::policy
