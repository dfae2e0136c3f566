#ifndef HOLDFAST_TESTS_POOL_BALANCER_HARNESS_H_
#define HOLDFAST_TESTS_POOL_BALANCER_HARNESS_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/balancer.h"
#include "pool/key_hash.h"
#include "pool/net/random.h"

namespace holdfast::pool {

inline constexpr BalancePolicy kEveryPolicy[] = {
    BalancePolicy::kRoundRobin, BalancePolicy::kLeastRequest, BalancePolicy::kRandom,
    BalancePolicy::kRingHash, BalancePolicy::kMaglev};

inline uint64_t KeyHash(size_t key) { return HashBytes("key-" + std::to_string(key)); }

// 10.0.0.1:80, 10.0.0.2:80 and so on, one for each weight.
inline std::vector<BalancerEndpoint> EndpointsOf(const std::vector<uint32_t>& weights) {
  std::vector<BalancerEndpoint> endpoints;
  for (const uint32_t weight : weights) {
    const size_t n = endpoints.size() + 1;
    const std::string text =
        "10.0." + std::to_string(n / 256) + "." + std::to_string(n % 256) + ":80";
    endpoints.push_back({.address = *SocketAddress::Parse(text), .weight = weight});
  }
  return endpoints;
}

// A balancer, what it asks about, and counts of what it picks.
struct BalancerHarness {
  explicit BalancerHarness(const BalancerOptions& options, uint64_t seed = 7)
      : random(seed), balancer(options, &random) {}
  BalancerHarness(const BalancerOptions& options, std::vector<BalancerEndpoint> endpoints)
      : BalancerHarness(options) {
    Set(std::move(endpoints));
  }

  void Set(std::vector<BalancerEndpoint> endpoints) {
    loads.assign(endpoints.size(), 0);
    balancer.SetEndpoints(std::move(endpoints));
  }
  size_t Pick(std::span<const size_t> tried = {}) { return Pick(std::nullopt, tried); }
  size_t Pick(std::optional<uint64_t> hash, std::span<const size_t> tried = {}) {
    return balancer.Pick({.now = now, .hash = hash, .tried = tried},
                         [this](size_t i) { return loads.at(i); });
  }
  // How often each endpoint was picked.
  std::vector<size_t> Count(size_t picks, std::span<const size_t> tried = {}) {
    std::vector<size_t> counts(loads.size());
    for (size_t i = 0; i < picks; ++i) ++counts.at(Pick(tried));
    return counts;
  }
  // The owners of the keys 0, 1, ...
  std::vector<size_t> Owners(size_t keys, std::span<const size_t> tried = {}) {
    std::vector<size_t> owners;
    for (size_t key = 0; key < keys; ++key) owners.push_back(Pick(KeyHash(key), tried));
    return owners;
  }

  Random random;
  Balancer balancer;
  TimePoint now;
  std::vector<size_t> loads;
};

// That `counts` are a sample drawn with these probabilities (Pearson's chi-square test at five
// standard deviations); where a weight is 0 there may be none at all.
inline void ExpectDrawn(const std::vector<size_t>& counts, const std::vector<double>& weights) {
  ASSERT_EQ(counts.size(), weights.size());
  double total = 0;
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    total += static_cast<double>(counts[i]);
    sum += weights[i];
  }
  double statistic = 0;
  double freedom = -1;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (weights[i] == 0) {
      EXPECT_EQ(counts[i], 0u) << "endpoint " << i;
      continue;
    }
    const double expected = total * weights[i] / sum;
    const double off = static_cast<double>(counts[i]) - expected;
    statistic += off * off / expected;
    freedom += 1;
  }
  EXPECT_LE(statistic, freedom + 5 * std::sqrt(2 * freedom)) << testing::PrintToString(counts);
}

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_BALANCER_HARNESS_H_
