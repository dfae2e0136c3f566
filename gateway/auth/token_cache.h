#ifndef HOLDFAST_GATEWAY_AUTH_TOKEN_CACHE_H_
#define HOLDFAST_GATEWAY_AUTH_TOKEN_CACHE_H_

#include <cstddef>
#include <memory>

#include <absl/container/flat_hash_map.h>

#include "gateway/auth/token_check.h"
#include "pool/net/clock.h"
#include "pool/net/intrusive_list.h"
#include "pool/tls/keyed_digest.h"

namespace holdfast::auth {

// The tokens that were found good, each until it ends. A key is a keyed digest of the rules and the
// token: no token can be read from it. Bad ones are not remembered: anybody can make any number of
// them. Bounded in number and in bytes: the least recently used gives way. One thread.
class TokenCache {
 public:
  using Key = pool::KeyedDigest::Value;
  static constexpr size_t kMaxTokens = 8192;
  // Of what they say. One alone is far below it.
  static constexpr size_t kMaxBytes = size_t{8} << 20;

  TokenCache() = default;
  ~TokenCache();
  TokenCache(const TokenCache&) = delete;
  TokenCache& operator=(const TokenCache&) = delete;

  // Null: it is not known, or has ended.
  std::shared_ptr<const GoodToken> Find(const Key& key, pool::WallTime now);
  // Replaces what is there.
  void Put(const Key& key, std::shared_ptr<const GoodToken> token);
  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry : pool::ListNode<Entry> {
    Key key;
    std::shared_ptr<const GoodToken> token;
    size_t bytes;
  };

  void Remove(Entry& entry);

  absl::flat_hash_map<Key, std::unique_ptr<Entry>> entries_;
  pool::IntrusiveList<Entry> recent_;  // all of them; those used last are in front
  size_t bytes_ = 0;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_TOKEN_CACHE_H_
