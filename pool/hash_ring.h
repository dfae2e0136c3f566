#ifndef HOLDFAST_POOL_HASH_RING_H_
#define HOLDFAST_POOL_HASH_RING_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <absl/functional/function_ref.h>

#include "pool/key_hash.h"

namespace holdfast::pool {

// Consistent hashing on a ring (Karger et al. 1997, with points by weight as in libketama). Every
// member has points at HashBytes("identity#0"), "#1" and so on, and a key belongs to the member
// with the next point at or after its hash. A member that leaves gives up its own keys and moves no
// others, whatever the order of the members.
//
// The more points, the more even the shares: with 160 of them one share in three is more than 8 %
// off. One thread. A value.
class HashRing {
 public:
  static constexpr size_t kNone = static_cast<size_t>(-1);
  static constexpr uint64_t kPointsPerWeight = 160;
  // Beyond this every member has half its points, a quarter and so on, but at least one. Keys move
  // between members that stay only when the sum of the weights crosses such a step.
  static constexpr uint64_t kMaxPoints = 128 * 1024;
  // How many points a look-up passes before it gives up. It reaches this when the members that may
  // be used have less than about a thousandth of the ring.
  static constexpr size_t kMaxSteps = 4096;

  void Build(std::span<const HashMember> members);
  void Clear();

  // The index of the member to which `hash` belongs, of those that `may` be used; kNone when there
  // is none nearby. Allocates nothing.
  size_t Find(uint64_t hash, absl::FunctionRef<bool(size_t)> may) const;

  // For tests.
  size_t points() const { return points_.size(); }

 private:
  struct Point {
    uint64_t hash;
    uint32_t member;
  };
  std::vector<Point> points_;  // by hash
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_HASH_RING_H_
