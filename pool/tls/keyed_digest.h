#ifndef HOLDFAST_POOL_TLS_KEYED_DIGEST_H_
#define HOLDFAST_POOL_TLS_KEYED_DIGEST_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

struct evp_mac_ctx_st;

namespace holdfast::pool {

// HMAC with SHA-256 (RFC 2104): names for what may not be kept itself. Without the key nobody can
// tell what a name stands for, by guessing neither. Copies share the keyed state. One thread.
class KeyedDigest {
 public:
  using Key = std::array<uint8_t, 32>;
  using Value = std::array<uint8_t, 32>;

  // A new one. Aborts if the system has no random bytes.
  static Key FreshKey();

  explicit KeyedDigest(const Key& key);

  // Of all of these texts, each behind its length (8 bytes, the lowest first), so that no other
  // texts come to the same. The library wipes what it has seen of them.
  Value Of(std::initializer_list<std::string_view> texts) const;

 private:
  std::shared_ptr<evp_mac_ctx_st> keyed_;  // has the key and no text yet
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_KEYED_DIGEST_H_
