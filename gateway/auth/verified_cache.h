#ifndef HOLDFAST_GATEWAY_AUTH_VERIFIED_CACHE_H_
#define HOLDFAST_GATEWAY_AUTH_VERIFIED_CACHE_H_

#include <cstddef>
#include <memory>
#include <optional>

#include <absl/container/flat_hash_map.h>

#include "pool/net/clock.h"
#include "pool/net/intrusive_list.h"
#include "pool/tls/keyed_digest.h"

namespace holdfast::auth {

// What came of a check, and how long that may be remembered.
struct Verdict {
  // A good one spares its user the next checks. A bad one makes the same wrong guess cost nothing,
  // and ends soon: the password may be right in a minute.
  static constexpr pool::Duration kGoodLife = std::chrono::seconds(60);
  static constexpr pool::Duration kBadLife = std::chrono::seconds(5);

  static Verdict Of(bool good, pool::TimePoint now) {
    return {.good = good, .until = now + (good ? kGoodLife : kBadLife)};
  }

  bool good = false;
  pool::TimePoint until;
};

// The verdicts of a while. A key is a keyed digest of all that a verdict depends on: no password
// can be read from it, nor found by guessing. Bounded: the least recently used gives way, and good
// ones never to bad ones, of which anybody can make many. One thread; owns its entries.
class VerifiedCache {
 public:
  using Key = pool::KeyedDigest::Value;
  static constexpr size_t kMaxGood = 4096;
  static constexpr size_t kMaxBad = 1024;

  VerifiedCache() = default;
  ~VerifiedCache();
  VerifiedCache(const VerifiedCache&) = delete;
  VerifiedCache& operator=(const VerifiedCache&) = delete;

  std::optional<Verdict> Find(const Key& key, pool::TimePoint now);
  // Replaces what is there.
  void Put(const Key& key, const Verdict& verdict);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry : pool::ListNode<Entry> {
    Key key;
    Verdict verdict;
  };
  using List = pool::IntrusiveList<Entry>;

  List& ListOf(const Entry& entry) { return entry.verdict.good ? good_ : bad_; }
  void Remove(Entry& entry);

  absl::flat_hash_map<Key, std::unique_ptr<Entry>> entries_;
  // Each entry is in one of them; those used last are in front.
  List good_;
  List bad_;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_VERIFIED_CACHE_H_
