#ifndef HOLDFAST_POOL_BALANCER_H_
#define HOLDFAST_POOL_BALANCER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <absl/functional/function_ref.h>

#include "pool/cluster_options.h"
#include "pool/endpoint.h"
#include "pool/key_table.h"
#include "pool/net/clock.h"
#include "pool/net/random.h"
#include "pool/net/socket_address.h"
#include "pool/weighted_draw.h"

namespace holdfast::pool {

// An endpoint as far as the choice depends on it.
struct BalancerEndpoint {
  SocketAddress address;              // unique; its text is what ring hash and maglev go by
  uint32_t weight = 1;                // its share beside the others of its tier; at least 1
  bool backup = false;                // it is in the second tier
  bool usable = true;                 // nothing known speaks against it
  bool drained = false;               // an operator drains it: gets nothing, not even in a panic
  std::optional<TimePoint> up_since;  // slow start counts from here; nullopt: always
};

BalancerEndpoint BalancerEndpointOf(const EndpointState& endpoint);

// Makes the table of keys for the endpoints; null unless the policy goes by keys. If `before`,
// which may be null, still fits it is given back: changes of health seldom need a new one.
std::shared_ptr<const KeyTable> MakeKeyTable(BalancePolicy policy,
                                             std::span<const BalancerEndpoint> endpoints,
                                             const std::shared_ptr<const KeyTable>& before);

// Chooses an endpoint for a request.
//
// Tiers: backups serve while no endpoint of the first tier may, and they serve the repetition of a
// request that all of the first tier have failed. If none of these takes a connection, the last
// resort is an endpoint that is not usable: the verdict on it may be out of date, and nothing is
// lost.
//
// Panic: if fewer than panic_percent of a tier's endpoints are usable, or none of either tier is,
// all endpoints of the tier serve as if they were usable. Most likely the verdicts are wrong, and
// if they are right the rest would break under the load. A first tier without any usable endpoint
// gives way to a usable backup rather than panic.
//
// Slow start: an endpoint's weight grows evenly from a tenth to the whole within slow_start of
// up_since. The hash policies ignore it, because a weight that changes would move keys twice.
//
// Weights: round robin and random give shares by weight. Least request draws two by weight, so it
// does the same among idle endpoints; among busy ones it makes requests in flight proportional to
// weight.
//
// One thread. Pick allocates nothing; it takes O(1) or O(log n), but O(n) for round robin, in slow
// start and while endpoints are avoided. The other methods are called when something changes.
// SetEndpoints is linear, but without a table of keys it makes its own, which costs milliseconds.
class Balancer {
 public:
  static constexpr size_t kNoEndpoint = static_cast<size_t>(-1);

  // How far a choice goes.
  enum class Reach : uint8_t {
    kUntried,     // usable endpoints that were not tried, backups among them, or none
    kUsable,      // when all of them were tried, those of the tier in use once more
    kLastResort,  // before that, those that are not usable
  };
  struct Query {
    TimePoint now;
    // The key's hash for ring hash and maglev, which choose as random does without one.
    std::optional<uint64_t> hash;
    // Indices of endpoints that are chosen only when no other may be.
    std::span<const size_t> tried;
    Reach reach = Reach::kUsable;
  };
  // How many requests endpoint i has in flight in the whole process. Called for candidates only.
  using Load = absl::FunctionRef<size_t(size_t)>;

  // `random` outlives it.
  Balancer(const BalancerOptions& options, Random* random);

  void Configure(const BalancerOptions& options);
  // From now on indices are those of `endpoints`. `keys` is what MakeKeyTable made for them; if it
  // is null, or for another policy, the balancer makes its own. Round robin starts anew at a random
  // place, so that workers do not march in step.
  void SetEndpoints(std::vector<BalancerEndpoint> endpoints,
                    std::shared_ptr<const KeyTable> keys = nullptr);

  // The index of the endpoint to use; kNoEndpoint when all are drained, or none is within the
  // query's reach.
  size_t Pick(const Query& query, Load load);
  // What Pick answers to every query without `tried`; kNoEndpoint: that depends.
  size_t only() const { return choices_.size() == 1 ? choices_.item(0) : kNoEndpoint; }
  // All endpoints of the tier in use serve because too few are usable.
  bool panic() const { return panic_; }
  // Whether nothing speaks against the endpoint, whoever's turn it is: it is usable and of the tier
  // in use.
  bool MayTake(size_t i) const {
    return endpoints_[i].usable && !endpoints_[i].drained && !choices_.empty() &&
           endpoints_[choices_.item(0)].backup == endpoints_[i].backup;
  }
  // Whether any endpoint may be chosen that is not among `tried`, the last resort included.
  bool HasUntried(std::span<const size_t> tried) const;

  // The table in which keys are looked up; null unless the policy goes by keys. For tests.
  const KeyTable* keys() const { return keys_.get(); }

 private:
  // Decides who may be chosen, after a change of any kind.
  void Arrange();
  void ArrangeHashing(bool backup);

  uint64_t WeightNow(const BalancerEndpoint& endpoint, TimePoint now) const;
  // The endpoints to choose from: choices_ as it stands, or a selection of it at its present
  // weights.
  const WeightedDraw& ChoicesFor(TimePoint now, std::span<const size_t> tried);
  // Selects those of `from` that were not tried, with the weights that slow start gives them then.
  const WeightedDraw& Select(const WeightedDraw& from, std::span<const size_t> tried,
                             const TimePoint* slow_at);

  size_t TakeTurn(const WeightedDraw& choices);
  size_t LessLoaded(const WeightedDraw& choices, Load load);
  size_t PickByHash(uint64_t hash, std::span<const size_t> tried);
  bool hashing() const { return keys_ != nullptr; }

  BalancerOptions options_;
  Random* random_;
  std::vector<BalancerEndpoint> endpoints_;
  bool panic_ = false;
  WeightedDraw choices_;    // who may be chosen, with their whole weights
  WeightedDraw reserve_;    // usable backups, while the first tier is in use
  WeightedDraw outcasts_;   // neither usable nor drained, nor in choices_
  WeightedDraw selection_;  // scratch, kept for its memory
  std::optional<TimePoint> slow_until_;
  // Round robin: by how much an endpoint is behind its share.
  std::vector<int64_t> arrears_;
  // Hashing: the tier in use, usable or not. Changes of health rebuild nothing.
  std::vector<size_t> member_endpoints_;
  std::vector<bool> chosen_;               // endpoint -> is in choices_
  std::shared_ptr<const KeyTable> given_;  // with the endpoints
  std::shared_ptr<const KeyTable> keys_;   // given_, or the balancer's own
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_BALANCER_H_
