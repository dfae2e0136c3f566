#ifndef HOLDFAST_POOL_MAGLEV_H_
#define HOLDFAST_POOL_MAGLEV_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <absl/functional/function_ref.h>

#include "pool/key_hash.h"

namespace holdfast::pool {

// Maglev hashing (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
// NSDI 2016, section 3.4): one look-up in a table whose slots the members have claimed in turns,
// each in an order of its own. Shares follow the weights to within a slot. When a member leaves, a
// few in a hundred of the other members' keys move as well. The order of the members does not
// matter.
//
// A member that may not be used for the moment stays in the table, and only its own keys go
// elsewhere until it may be used again. One thread. A value.
class Maglev {
 public:
  static constexpr size_t kNone = static_cast<size_t>(-1);
  // A prime, so that every step from 1 on visits all slots; the paper's smaller size.
  static constexpr uint32_t kTableSize = 65537;
  // How many slots a look-up tries before it gives up. While half the members may be used, 32
  // misses in a row have a chance of one in four thousand millions.
  static constexpr int kMaxTries = 32;

  void Build(std::span<const HashMember> members);
  void Clear();

  // The index of the member to which `hash` belongs, of those that `may` be used; kNone when there
  // are few of these and none was found. Allocates nothing.
  size_t Find(uint64_t hash, absl::FunctionRef<bool(size_t)> may) const;

  // Which member has which slot; for tests.
  std::span<const uint32_t> table() const { return table_; }

 private:
  std::vector<uint32_t> table_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_MAGLEV_H_
