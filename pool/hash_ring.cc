#include "pool/hash_ring.h"

#include <algorithm>
#include <string>

#include "pool/net/check.h"

namespace holdfast::pool {

void HashRing::Build(std::span<const HashMember> members) {
  uint64_t total = 0;
  for (const HashMember& member : members) {
    HOLDFAST_CHECK(member.weight > 0);
    total += member.weight * kPointsPerWeight;
  }
  int halvings = 0;
  while (total >> halvings > kMaxPoints) ++halvings;

  points_.clear();
  points_.reserve((total >> halvings) + members.size());
  std::string text;
  for (uint32_t i = 0; i < members.size(); ++i) {
    const uint64_t count =
        std::max<uint64_t>(1, (members[i].weight * kPointsPerWeight) >> halvings);
    for (uint64_t point = 0; point < count; ++point) {
      text = members[i].identity;
      text += '#';
      text += std::to_string(point);
      points_.push_back({HashBytes(text), i});
    }
  }
  // Identities, not indices, decide between equal hashes, because replicas may order members
  // differently.
  std::ranges::sort(points_, [&](const Point& a, const Point& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return members[a.member].identity < members[b.member].identity;
  });
}

void HashRing::Clear() { points_ = {}; }

size_t HashRing::Find(uint64_t hash, absl::FunctionRef<bool(size_t)> may) const {
  size_t at = static_cast<size_t>(std::ranges::lower_bound(points_, hash, {}, &Point::hash) -
                                  points_.begin());
  const size_t steps = std::min(points_.size(), kMaxSteps);
  for (size_t step = 0; step < steps; ++step, ++at) {
    if (at >= points_.size()) at = 0;
    if (may(points_[at].member)) return points_[at].member;
  }
  return kNone;
}

}  // namespace holdfast::pool
