#include "pool/balancer.h"

namespace holdfast::pool {

Balancer::Balancer(BalancePolicy policy, Random* random)
    : policy_(policy), random_(random), next_(random->Next() >> 32) {}

size_t Balancer::Pick(std::span<const size_t> loads, size_t avoid) {
  const size_t count = loads.size();
  if (count == 0) return kNoEndpoint;
  if (count == 1) return 0;
  // Choosing among `choices` and stepping over the avoided one keeps the rest equally likely.
  const bool avoiding = avoid < count;
  const size_t choices = avoiding ? count - 1 : count;
  const auto step_over = [&](size_t i) { return avoiding && i >= avoid ? i + 1 : i; };
  if (policy_ == BalancePolicy::kRoundRobin || choices == 1) {
    return step_over(next_++ % choices);
  }
  const size_t first = random_->Below(static_cast<uint32_t>(choices));
  size_t second = random_->Below(static_cast<uint32_t>(choices - 1));
  if (second >= first) ++second;
  const size_t a = step_over(first);
  const size_t b = step_over(second);
  return loads[b] < loads[a] ? b : a;
}

}  // namespace holdfast::pool
