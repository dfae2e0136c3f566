#include "pool/balancer.h"

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

// Weights count in thousandths, so that slow start has steps to climb.
constexpr uint64_t kWhole = 1000;
constexpr uint64_t kSlowStartFloor = kWhole / 10;

bool Contains(std::span<const size_t> indices, size_t index) {
  return std::ranges::find(indices, index) != indices.end();
}

bool Covers(std::span<const size_t> indices, const WeightedDraw& all) {
  if (indices.size() < all.size()) return false;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!Contains(indices, all.item(i))) return false;
  }
  return true;
}

struct Tier {
  size_t open = 0;  // not drained
  size_t usable = 0;
};

Tier CountTier(std::span<const BalancerEndpoint> endpoints, bool backup) {
  Tier tier;
  for (const BalancerEndpoint& endpoint : endpoints) {
    if (endpoint.backup != backup || endpoint.drained) continue;
    ++tier.open;
    if (endpoint.usable) ++tier.usable;
  }
  return tier;
}

// The tier in use is that of the backups.
bool BackupsServe(const Tier& first, const Tier& backups) {
  return first.usable == 0 && (backups.usable > 0 || first.open == 0);
}

std::optional<KeyTable::Kind> KindOf(BalancePolicy policy) {
  switch (policy) {
    case BalancePolicy::kRingHash: return KeyTable::Kind::kRing;
    case BalancePolicy::kMaglev: return KeyTable::Kind::kMaglev;
    case BalancePolicy::kRoundRobin:
    case BalancePolicy::kLeastRequest:
    case BalancePolicy::kRandom: break;
  }
  return std::nullopt;
}

}  // namespace

BalancerEndpoint BalancerEndpointOf(const EndpointState& endpoint) {
  return {.address = endpoint.address,
          .weight = endpoint.weight,
          .backup = endpoint.backup,
          .usable = endpoint.availability == Availability::kUp,
          .drained = endpoint.availability == Availability::kDrained ||
                     endpoint.availability == Availability::kMaintenance,
          .up_since = endpoint.up_since};
}

std::shared_ptr<const KeyTable> MakeKeyTable(BalancePolicy policy,
                                             std::span<const BalancerEndpoint> endpoints,
                                             const std::shared_ptr<const KeyTable>& before) {
  const std::optional<KeyTable::Kind> kind = KindOf(policy);
  if (!kind.has_value()) return nullptr;
  const bool backup = BackupsServe(CountTier(endpoints, false), CountTier(endpoints, true));
  std::vector<HashMember> members;
  for (const BalancerEndpoint& endpoint : endpoints) {
    if (endpoint.backup != backup) continue;
    members.push_back({endpoint.address.ToString(), endpoint.weight});
  }
  if (before != nullptr && before->IsFor(*kind, backup, members.size()) &&
      before->members() == members) {
    return before;
  }
  return std::make_shared<const KeyTable>(*kind, backup, std::move(members));
}

Balancer::Balancer(const BalancerOptions& options, Random* random)
    : options_(options), random_(random) {}

void Balancer::Configure(const BalancerOptions& options) {
  if (options == options_) return;
  options_ = options;
  Arrange();
}

void Balancer::SetEndpoints(std::vector<BalancerEndpoint> endpoints,
                            std::shared_ptr<const KeyTable> keys) {
  endpoints_ = std::move(endpoints);
  given_ = std::move(keys);
  for (const BalancerEndpoint& endpoint : endpoints_) HOLDFAST_CHECK(endpoint.weight > 0);
  Arrange();
}

void Balancer::Arrange() {
  const Tier first = CountTier(endpoints_, /*backup=*/false);
  const Tier second = CountTier(endpoints_, /*backup=*/true);
  const bool backup = BackupsServe(first, second);
  const Tier& tier = backup ? second : first;
  panic_ =
      tier.open > 0 && (tier.usable == 0 || tier.usable * 100 < tier.open * options_.panic_percent);

  choices_.Clear();
  choices_.Reserve(endpoints_.size());
  reserve_.Clear();
  reserve_.Reserve(endpoints_.size());
  outcasts_.Clear();
  outcasts_.Reserve(endpoints_.size());
  selection_.Reserve(endpoints_.size());
  chosen_.assign(endpoints_.size(), false);
  arrears_.assign(endpoints_.size(), 0);
  slow_until_.reset();
  const Duration slow_start = options_.slow_start.value_or(Duration::zero());
  for (uint32_t i = 0; i < endpoints_.size(); ++i) {
    const BalancerEndpoint& endpoint = endpoints_[i];
    if (endpoint.drained) continue;
    if (!endpoint.usable && (endpoint.backup != backup || !panic_)) {
      outcasts_.Add(i, endpoint.weight * kWhole);
      continue;
    }
    if (endpoint.backup != backup) {
      if (endpoint.backup) reserve_.Add(i, endpoint.weight * kWhole);
      continue;
    }
    chosen_[i] = true;
    choices_.Add(i, endpoint.weight * kWhole);
    if (slow_start > Duration::zero() && endpoint.up_since.has_value()) {
      const TimePoint end = *endpoint.up_since + slow_start;
      slow_until_ = std::max(end, slow_until_.value_or(end));
    }
  }
  // The arrears are those after a random number of turns.
  for (size_t i = 0; i < choices_.size(); ++i) {
    arrears_[choices_.item(i)] = static_cast<int64_t>(random_->Next() % choices_.total());
  }
  ArrangeHashing(backup);
}

void Balancer::ArrangeHashing(bool backup) {
  const std::optional<KeyTable::Kind> kind = KindOf(options_.policy);
  member_endpoints_.clear();
  for (size_t i = 0; kind.has_value() && i < endpoints_.size(); ++i) {
    if (endpoints_[i].backup == backup) member_endpoints_.push_back(i);
  }
  const bool fits = kind.has_value() && given_ != nullptr &&
                    given_->IsFor(*kind, backup, member_endpoints_.size());
  keys_ = fits ? given_ : MakeKeyTable(options_.policy, endpoints_, keys_);
}

size_t Balancer::Pick(const Query& query, Load load) {
  if (choices_.empty()) return kNoEndpoint;
  const bool by_hash = hashing() && query.hash.has_value();
  std::span<const size_t> tried = query.tried;
  if (Covers(tried, choices_)) {
    const bool last = query.reach == Reach::kLastResort;
    const WeightedDraw* others = !Covers(tried, reserve_)            ? &reserve_
                                 : last && !Covers(tried, outcasts_) ? &outcasts_
                                                                     : nullptr;
    if (others != nullptr) {
      const WeightedDraw& left = Select(*others, tried, /*slow_at=*/nullptr);
      return left.item(left.Draw(by_hash ? NextHash(*query.hash) : random_->Next()));
    }
    if (query.reach == Reach::kUntried) return kNoEndpoint;
    tried = {};
  }
  if (choices_.size() == 1) return choices_.item(0);
  if (by_hash) return PickByHash(*query.hash, tried);

  const WeightedDraw& choices = ChoicesFor(query.now, tried);
  switch (options_.policy) {
    case BalancePolicy::kRoundRobin: return TakeTurn(choices);
    case BalancePolicy::kLeastRequest: return LessLoaded(choices, load);
    case BalancePolicy::kRandom:
    case BalancePolicy::kRingHash:
    case BalancePolicy::kMaglev: break;
  }
  return choices.item(choices.Draw(random_->Next()));
}

bool Balancer::HasUntried(std::span<const size_t> tried) const {
  return !Covers(tried, choices_) || !Covers(tried, reserve_) || !Covers(tried, outcasts_);
}

const WeightedDraw& Balancer::ChoicesFor(TimePoint now, std::span<const size_t> tried) {
  const bool slow = slow_until_.has_value() && now < *slow_until_;
  if (!slow && tried.empty()) return choices_;
  return Select(choices_, tried, slow ? &now : nullptr);
}

const WeightedDraw& Balancer::Select(const WeightedDraw& from, std::span<const size_t> tried,
                                     const TimePoint* slow_at) {
  selection_.Clear();
  for (size_t i = 0; i < from.size(); ++i) {
    const uint32_t endpoint = from.item(i);
    if (Contains(tried, endpoint)) continue;
    const bool slow = slow_at != nullptr;
    selection_.Add(endpoint, slow ? WeightNow(endpoints_[endpoint], *slow_at) : from.weight(i));
  }
  return selection_;
}

uint64_t Balancer::WeightNow(const BalancerEndpoint& endpoint, TimePoint now) const {
  if (!endpoint.up_since.has_value()) return endpoint.weight * kWhole;
  const double elapsed = static_cast<double>((now - *endpoint.up_since).count());
  const double part =
      std::clamp(elapsed / static_cast<double>(options_.slow_start->count()), 0.0, 1.0);
  constexpr double kClimb = kWhole - kSlowStartFloor;
  return endpoint.weight * (kSlowStartFloor + static_cast<uint64_t>(part * kClimb));
}

// Works as nginx's: the arrears of each endpoint grow by its weight, and the one whose turn it is
// pays for all.
size_t Balancer::TakeTurn(const WeightedDraw& choices) {
  uint32_t next = choices.item(0);
  for (size_t i = 0; i < choices.size(); ++i) {
    const uint32_t endpoint = choices.item(i);
    arrears_[endpoint] += static_cast<int64_t>(choices.weight(i));
    if (arrears_[endpoint] > arrears_[next]) next = endpoint;
  }
  arrears_[next] -= static_cast<int64_t>(choices.total());
  return next;
}

// The first is drawn by weight, so that idle endpoints get their shares. The second, a different
// one, is taken if with this request it would be no fuller for its weight than the first is without
// it: with equal weights, if it has fewer requests. A comparison of the loads as they stand would
// always favour the heavier of two idle endpoints (counting this request) or the lighter (not
// counting it). Of two endpoints both are looked at, so that a small upstream needs no case of its
// own.
size_t Balancer::LessLoaded(const WeightedDraw& choices, Load load) {
  const size_t first = choices.Draw(random_->Next());
  const size_t first_load = load(choices.item(first));
  if (first_load == 0 || choices.size() == 1) return choices.item(first);
  const size_t second = choices.Draw(random_->Next(), first);
  const size_t second_load = load(choices.item(second));
  const bool better =
      (second_load + 1) * choices.weight(first) <= first_load * choices.weight(second);
  return choices.item(better ? second : first);
}

size_t Balancer::PickByHash(uint64_t hash, std::span<const size_t> tried) {
  const auto may = [&](size_t member) {
    const size_t endpoint = member_endpoints_[member];
    return chosen_[endpoint] && !Contains(tried, endpoint);
  };
  const size_t member = keys_->Find(hash, may);
  if (member != KeyTable::kNone) return member_endpoints_[member];
  // Few may be chosen. The draw depends on the key alone, but keys move whenever those few change.
  const WeightedDraw& choices = Select(choices_, tried, /*slow_at=*/nullptr);
  return choices.item(choices.Draw(NextHash(hash)));
}

}  // namespace holdfast::pool
