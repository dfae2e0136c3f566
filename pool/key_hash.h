#ifndef HOLDFAST_POOL_KEY_HASH_H_
#define HOLDFAST_POOL_KEY_HASH_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::pool {

// The hash behind ring hash and maglev. Its values are part of the interface between versions,
// because replicas of different versions send a key to the same endpoint. The tests hold golden
// values.

// XXH64 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md). Allocates nothing.
uint64_t HashBytes(std::string_view bytes, uint64_t seed = 0);

// The hash to try after `hash`, if that leads to an endpoint that may not be used: the finalizer of
// SplitMix64, a permutation.
inline uint64_t NextHash(uint64_t hash) {
  hash += 0x9E3779B97F4A7C15u;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9u;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBu;
  return hash ^ (hash >> 31);
}

// A member among which the keys are shared out.
struct HashMember {
  std::string identity;  // the same at every replica; unique among the members
  uint32_t weight = 1;   // at least 1

  bool operator==(const HashMember&) const = default;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_KEY_HASH_H_
