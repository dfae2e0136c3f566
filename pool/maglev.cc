#include "pool/maglev.h"

#include <algorithm>
#include <limits>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

constexpr uint32_t kFree = std::numeric_limits<uint32_t>::max();

// A member's walk through the table, and when its turn comes to take a step.
struct Claimant {
  uint32_t member;
  uint32_t slot;    // the next to look at
  uint32_t stride;  // from slot to slot
  uint32_t rank;    // by identity
  uint64_t weight;
  uint64_t turns;  // had so far
};

// Turn k of a member comes at k/weight, so each has one turn in the first round and then turns by
// weight. (The paper gives equal turns.) This is a heap's comparison: the greatest is the next.
bool ComesLater(const Claimant& a, const Claimant& b) {
  const uint64_t left = a.turns * b.weight;
  const uint64_t right = b.turns * a.weight;
  return left != right ? left > right : a.rank > b.rank;
}

std::vector<Claimant> Claimants(std::span<const HashMember> members) {
  std::vector<Claimant> claimants;
  claimants.reserve(members.size());
  for (uint32_t i = 0; i < members.size(); ++i) {
    HOLDFAST_CHECK(members[i].weight > 0);
    const std::string& identity = members[i].identity;
    claimants.push_back(
        {.member = i,
         .slot = static_cast<uint32_t>(HashBytes(identity, 0) % Maglev::kTableSize),
         .stride = static_cast<uint32_t>(HashBytes(identity, 1) % (Maglev::kTableSize - 1)) + 1,
         .weight = members[i].weight});
  }
  std::ranges::sort(claimants, {}, [&](const Claimant& claimant) -> const std::string& {
    return members[claimant.member].identity;
  });
  for (uint32_t rank = 0; rank < claimants.size(); ++rank) claimants[rank].rank = rank;
  return claimants;
}

}  // namespace

void Maglev::Build(std::span<const HashMember> members) {
  Clear();
  if (members.empty()) return;
  table_.resize(kTableSize, kFree);
  // Sorted by rank, and before any turn, it is a heap already.
  std::vector<Claimant> claimants = Claimants(members);
  for (uint32_t claimed = 0; claimed < kTableSize; ++claimed) {
    std::ranges::pop_heap(claimants, ComesLater);
    Claimant& next = claimants.back();
    while (table_[next.slot] != kFree) next.slot = (next.slot + next.stride) % kTableSize;
    table_[next.slot] = next.member;
    ++next.turns;
    std::ranges::push_heap(claimants, ComesLater);
  }
}

void Maglev::Clear() { table_ = {}; }

size_t Maglev::Find(uint64_t hash, absl::FunctionRef<bool(size_t)> may) const {
  if (table_.empty()) return kNone;
  for (int tries = 0; tries < kMaxTries; ++tries, hash = NextHash(hash)) {
    const uint32_t member = table_[hash % kTableSize];
    if (may(member)) return member;
  }
  return kNone;
}

}  // namespace holdfast::pool
