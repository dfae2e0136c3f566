#ifndef HOLDFAST_POOL_KEY_TABLE_H_
#define HOLDFAST_POOL_KEY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <absl/functional/function_ref.h>

#include "pool/hash_ring.h"
#include "pool/key_hash.h"
#include "pool/maglev.h"

namespace holdfast::pool {

// Which of an upstream's endpoints has which keys: a ring or a maglev table over the members of one
// tier. Making one takes milliseconds, so the main thread makes it once and every worker's balancer
// looks keys up in that one.
//
// It is immutable after construction: any thread may look up at any time. Its holders share it.
class KeyTable {
 public:
  enum class Kind : uint8_t { kRing, kMaglev };
  static constexpr size_t kNone = static_cast<size_t>(-1);

  // `backup` says which tier the members are.
  KeyTable(Kind kind, bool backup, std::vector<HashMember> members)
      : kind_(kind), backup_(backup), members_(std::move(members)) {
    kind_ == Kind::kRing ? ring_.Build(members_) : maglev_.Build(members_);
  }
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  // The members as given, by index.
  const std::vector<HashMember>& members() const { return members_; }
  bool IsFor(Kind kind, bool backup, size_t members) const {
    return kind == kind_ && backup == backup_ && members == members_.size();
  }

  // Finds as HashRing::Find and Maglev::Find do.
  size_t Find(uint64_t hash, absl::FunctionRef<bool(size_t)> may) const {
    return kind_ == Kind::kRing ? ring_.Find(hash, may) : maglev_.Find(hash, may);
  }

 private:
  static_assert(HashRing::kNone == kNone && Maglev::kNone == kNone);

  const Kind kind_;
  const bool backup_;
  const std::vector<HashMember> members_;
  HashRing ring_;
  Maglev maglev_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_KEY_TABLE_H_
