#include "gateway/server/descriptor_budget.h"

#include <sys/resource.h>

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/address.h"
#include "gateway/proxy/health_prober.h"
#include "gateway/server/key_keeper.h"

namespace holdfast::server {
namespace {

using ::testing::HasSubstr;

config::Upstream UpstreamOf(size_t endpoints, std::optional<uint32_t> max_connections) {
  config::Upstream upstream;
  for (size_t i = 0; i < endpoints; ++i) {
    upstream.endpoints.push_back(*config::ParseEndpoint("127.0.0.1:" + std::to_string(i + 1)));
  }
  upstream.cluster.pool.max_connections = max_connections;
  return upstream;
}

config::Config ConfigOf(size_t listeners, std::vector<config::Upstream> upstreams) {
  config::Config config;
  config.listeners.resize(listeners);
  config.upstreams = std::move(upstreams);
  return config;
}

DescriptorBudget Plan(const config::Config& config, size_t workers, size_t limit) {
  const absl::StatusOr<DescriptorBudget> budget = PlanDescriptors(config, workers, limit);
  EXPECT_TRUE(budget.ok()) << budget.status();
  return budget.value_or(DescriptorBudget{});
}

std::string ErrorOf(const config::Config& config, size_t workers, size_t limit) {
  const absl::StatusOr<DescriptorBudget> budget = PlanDescriptors(config, workers, limit);
  EXPECT_FALSE(budget.ok());
  return std::string(budget.status().message());
}

// What upstreams have beside what they ask for, while no listener asks for it.
size_t SpareOf(const DescriptorBudget& budget) { return (budget.limit - budget.gateway) / 8; }

void ExpectSound(const DescriptorBudget& budget) {
  EXPECT_EQ(budget.limit, budget.gateway + budget.upstreams + budget.clients) << budget.ToString();
  EXPECT_LE(budget.idle_upstreams, budget.limit / 5) << budget.ToString();
  EXPECT_LE(budget.idle_upstreams, budget.upstreams) << budget.ToString();
  EXPECT_GE(budget.clients, budget.upstreams) << budget.ToString();
}

TEST(DescriptorBudgetTest, TheSumIsExactAndSaysSo) {
  const DescriptorBudget budget = Plan(ConfigOf(1, {UpstreamOf(1, 512)}), 2, 20000);
  ExpectSound(budget);
  EXPECT_EQ(budget.upstreams, 512 + SpareOf(budget));
  EXPECT_EQ(budget.idle_upstreams, budget.upstreams);
  const std::string upstreams = std::to_string(budget.upstreams);
  EXPECT_EQ(budget.ToString(), "20000 descriptors = " + std::to_string(budget.gateway) +
                                   " gateway + " + upstreams + " upstream connections (at most " +
                                   upstreams + " idle) + " + std::to_string(budget.clients) +
                                   " clients");
}

TEST(DescriptorBudgetTest, FetchesOfKeysHaveTheirPart) {
  config::Config config = ConfigOf(1, {});
  const size_t without = Plan(config, 2, 20000).gateway;
  const auto with = [&](size_t routes, const std::string& jwks) {
    config.routes.assign(routes, config::Route());
    for (config::Route& route : config.routes) route.jwt = auth::TokenRules{.jwks = jwks};
    return Plan(config, 2, 20000).gateway;
  };
  EXPECT_EQ(with(1, "/keys"), without);
  const size_t one = with(1, "https://i.test/k") - without;
  EXPECT_GT(one, 0u);
  EXPECT_EQ(with(1000, "https://i.test/k"), without + KeyKeeper::kMaxFetches * one);
}

TEST(DescriptorBudgetTest, HealthChecksHaveTheirPart) {
  config::Upstream upstream = UpstreamOf(0, 512);
  upstream.endpoints = {*config::ParseEndpoint("127.0.0.1:80"),
                        *config::ParseEndpoint("127.0.0.2:80"),
                        *config::ParseEndpoint("web.test:80")};
  const size_t without = Plan(ConfigOf(1, {upstream}), 2, 20000).gateway;
  upstream.health_check.emplace();
  const DescriptorBudget budget = Plan(ConfigOf(1, {upstream}), 2, 20000);
  ExpectSound(budget);
  EXPECT_EQ(budget.gateway, without + 10);
  upstream.endpoints.resize(1000);
  EXPECT_EQ(Plan(ConfigOf(1, {upstream}), 2, 20000).gateway,
            without + proxy::HealthProber::kMaxKept);
}

TEST(DescriptorBudgetTest, FurtherTargetsOfTheAccessLogHaveTheirPart) {
  config::Config config = ConfigOf(1, {UpstreamOf(1, 512)});
  const size_t without = Plan(config, 2, 20000).gateway;
  config.access_log.resize(1);
  EXPECT_EQ(Plan(config, 2, 20000).gateway, without);
  config.access_log.resize(3);
  const DescriptorBudget budget = Plan(config, 2, 20000);
  ExpectSound(budget);
  EXPECT_EQ(budget.gateway, without + 16);
}

TEST(DescriptorBudgetTest, ANameStandsForSeveralAddresses) {
  config::Upstream upstream = UpstreamOf(1, 100);
  upstream.endpoints.push_back(*config::ParseEndpoint("web.test:80"));
  const DescriptorBudget budget = Plan(ConfigOf(1, {upstream}), 2, 20000);
  EXPECT_EQ(budget.upstreams, 900 + SpareOf(budget));
}

// Where descriptors abound, what a reload or DNS took away does not stand in the way of what came,
// and a name may have any number of addresses.
TEST(DescriptorBudgetTest, UpstreamsHaveMoreThanTheyAskForUnlessListenersAskForIt) {
  config::Config config = ConfigOf(1, {UpstreamOf(1, 2)});
  const DescriptorBudget budget = Plan(config, 2, 20000);
  EXPECT_EQ(budget.upstreams, 2 + SpareOf(budget));
  config.listeners[0].max_connections = static_cast<uint32_t>(budget.clients) + 100;
  EXPECT_EQ(Plan(config, 2, 20000).upstreams, budget.upstreams - 100);
  EXPECT_EQ(Plan(ConfigOf(1, {}), 2, 20000).upstreams, 0u);
}

TEST(DescriptorBudgetTest, ABreakerIsPartOfThePlan) {
  config::Upstream upstream = UpstreamOf(4, 512);
  upstream.cluster.breakers.connections = 300;
  const DescriptorBudget budget = Plan(ConfigOf(1, {upstream}), 2, 20000);
  EXPECT_EQ(budget.upstreams, 300 + SpareOf(budget));
  upstream.cluster.pool.max_connections.reset();
  EXPECT_EQ(Plan(ConfigOf(1, {upstream}), 2, 20000).upstreams, budget.upstreams);
}

TEST(DescriptorBudgetTest, TheSumHoldsForEveryShape) {
  for (const size_t limit : {1024u, 4096u, 20000u, 1u << 20}) {
    for (const size_t workers : {1u, 3u, 64u}) {
      for (const size_t endpoints : {0u, 1u, 7u, 500u}) {
        ExpectSound(
            Plan(ConfigOf(2, {UpstreamOf(endpoints, 512), UpstreamOf(1, 3)}), workers, limit));
      }
    }
  }
}

TEST(DescriptorBudgetTest, WorkersAndListenersCostDescriptors) {
  const size_t small = Plan(ConfigOf(1, {}), 1, 20000).gateway;
  EXPECT_GT(Plan(ConfigOf(2, {}), 1, 20000).gateway, small);
  EXPECT_GT(Plan(ConfigOf(1, {}), 2, 20000).gateway, small);
}

TEST(DescriptorBudgetTest, EveryEndpointOfEveryUpstreamCounts) {
  const config::Config config = ConfigOf(1, {UpstreamOf(3, 10), UpstreamOf(2, 100)});
  const DescriptorBudget budget = Plan(config, 1, 20000);
  EXPECT_EQ(budget.upstreams, 230 + SpareOf(budget));
}

TEST(DescriptorBudgetTest, UpstreamsGetAtMostHalfOfWhatIsLeft) {
  const DescriptorBudget budget = Plan(ConfigOf(1, {UpstreamOf(1000, 512)}), 1, 10000);
  EXPECT_EQ(budget.upstreams, (10000 - budget.gateway) / 2);
  EXPECT_EQ(budget.idle_upstreams, 2000u);
  ExpectSound(budget);
}

TEST(DescriptorBudgetTest, MaxConnectionsOffMayUseTheWholeUpstreamShare) {
  const DescriptorBudget budget = Plan(ConfigOf(1, {UpstreamOf(1, std::nullopt)}), 1, 10000);
  EXPECT_EQ(budget.upstreams, (10000 - budget.gateway) / 2);
  ExpectSound(budget);
}

TEST(DescriptorBudgetTest, NumbersAsLargeAsCanBeWrittenDoNotOverflow) {
  const uint32_t most = std::numeric_limits<uint32_t>::max();
  const size_t limit = std::numeric_limits<size_t>::max();
  const config::Config config =
      ConfigOf(1, {UpstreamOf(5, std::nullopt), UpstreamOf(3, most), UpstreamOf(2, std::nullopt)});
  const DescriptorBudget budget = Plan(config, 1, limit);
  EXPECT_EQ(budget.upstreams, (limit - budget.gateway) / 2);
  ExpectSound(budget);
  ExpectSound(Plan(config, 1, 1024));
}

TEST(DescriptorBudgetTest, ALimitTooLowForTheGatewayItselfNamesTheNumbers) {
  // With so few descriptors the status port has as many as it must.
  const size_t gateway = Plan(ConfigOf(3, {}), 4, 1024).gateway;
  EXPECT_EQ(ErrorOf(ConfigOf(3, {}), 4, 64),
            "the descriptor limit of 64 is too low: 4 workers and 3 listeners need " +
                std::to_string(gateway) +
                " for themselves and 32 for connections (raise it with ulimit -n or "
                "LimitNOFILE=)");
  ExpectSound(Plan(ConfigOf(3, {}), 4, gateway + 32));
  ErrorOf(ConfigOf(3, {}), 4, gateway + 31);
}

TEST(DescriptorBudgetTest, CapsThatDoNotFitAreAnErrorWithTheSum) {
  config::Config config = ConfigOf(2, {UpstreamOf(1, 100)});
  config.listeners[0].max_connections = 600;
  config.listeners[1].max_connections = 400;
  const std::string error = ErrorOf(config, 1, 1024);
  EXPECT_THAT(error, HasSubstr("the descriptor limit of 1024 is too low for the caps"));
  EXPECT_THAT(error, HasSubstr("max_connections add up to 1000"));
  EXPECT_THAT(error, HasSubstr("+ 100 upstream connections"));
}

TEST(DescriptorBudgetTest, CapsThatJustFitAreFine) {
  config::Config config = ConfigOf(2, {UpstreamOf(1, 100)});
  const size_t clients = 1024 - Plan(config, 1, 1024).gateway - 100;
  config.listeners[0].max_connections = static_cast<uint32_t>(clients) - 10;
  config.listeners[1].max_connections = 10;
  ExpectSound(Plan(config, 1, 1024));
  config.listeners[1].max_connections = 11;
  ErrorOf(config, 1, 1024);
}

TEST(DescriptorBudgetTest, TheSoftLimitIsRaisedToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const size_t raised = RaiseDescriptorLimit();
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  EXPECT_EQ(raised, std::min<rlim_t>(before.rlim_max, 1 << 20));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(DescriptorBudgetTest, ACapThatHasNoRoomIsNamed) {
  config::Upstream upstream = UpstreamOf(1, 10'000);
  upstream.name = "web";
  const DescriptorBudget budget = Plan(ConfigOf(1, {upstream}), 2, 1024);
  ASSERT_EQ(budget.cuts.size(), 1u);
  EXPECT_EQ(budget.cuts[0],
            "upstream web: max_connections is 10000, but the descriptor limit of 1024 leaves " +
                std::to_string(budget.upstreams) +
                " for all upstreams (raise it with ulimit -n or LimitNOFILE=)");
  EXPECT_TRUE(Plan(ConfigOf(1, {upstream}), 2, 50'000).cuts.empty());
  // What nobody has asked for needs no word.
  EXPECT_TRUE(Plan(ConfigOf(1, {UpstreamOf(1, 512)}), 2, 1024).cuts.empty());
}

TEST(DescriptorBudgetTest, EachRedisThatLimitsAreSharedByHasAConnection) {
  config::Config config = ConfigOf(1, {UpstreamOf(1, 512)});
  const size_t before = Plan(config, 2, 20000).gateway;
  config.routes.resize(4);
  const auto plan = [&](const std::string& one, const std::string& two) {
    for (size_t i = 0; i < 3; ++i) {
      config.routes[i].rate_limit = policy::RateLimitRule{
          .requests = 1, .shared = policy::SharedLimit{.redis = i == 0 ? one : two}};
    }
    const DescriptorBudget budget = Plan(config, 2, 20000);
    ExpectSound(budget);
    return budget.gateway;
  };
  config.routes[3].rate_limit = policy::RateLimitRule{.requests = 1};
  EXPECT_EQ(plan("192.0.2.1:1", "192.0.2.2:1"), before + 4) << "two, and two more for a reload";
  EXPECT_EQ(plan("unix:/redis", "unix:/redis"), before + 2) << "the same one";
}

TEST(DescriptorBudgetTest, ARedisWithANameIsLookedUp) {
  config::Config config = ConfigOf(1, {});
  config.routes.resize(1);
  const auto plan = [&](const std::string& redis) {
    config.routes[0].rate_limit =
        policy::RateLimitRule{.requests = 1, .shared = policy::SharedLimit{.redis = redis}};
    return Plan(config, 2, 20000).gateway;
  };
  // Five sockets before there is the connection, for it and for its copy.
  EXPECT_EQ(plan("redis.test:6379"), plan("[2001:db8::1]:6379") - 2 + 10);
}

}  // namespace
}  // namespace holdfast::server
