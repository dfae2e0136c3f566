#ifndef HOLDFAST_POOL_BALANCER_H_
#define HOLDFAST_POOL_BALANCER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "pool/random.h"

namespace holdfast::pool {

enum class BalancePolicy : uint8_t {
  kRoundRobin,
  kLeastRequest,  // of two chosen at random (Mitzenmacher, "The power of two choices")
};

// Chooses among endpoints by their load (requests in flight and waiting). One thread.
class Balancer {
 public:
  static constexpr size_t kNoEndpoint = static_cast<size_t>(-1);

  Balancer(BalancePolicy policy, Random* random);

  void set_policy(BalancePolicy policy) { policy_ = policy; }

  // The index of the endpoint to use, kNoEndpoint when there is none. `avoid` (an index) is chosen
  // only when it is the only one: a repetition goes elsewhere.
  size_t Pick(std::span<const size_t> loads, size_t avoid = kNoEndpoint);

 private:
  BalancePolicy policy_;
  Random* random_;
  size_t next_;  // round robin; starts at random so that workers do not march in step
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_BALANCER_H_
