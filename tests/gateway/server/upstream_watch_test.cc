#include "gateway/server/upstream_watch.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "pool/net/socket.h"
#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

using metrics::Metric;
using pool::Availability;
using pool::SocketAddress;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A TCP check finds it while it listens.
class Endpoint {
 public:
  Endpoint() { Listen(*SocketAddress::Parse("127.0.0.1:0")); }
  const SocketAddress& address() const { return address_; }
  void Stop() { socket_.Reset(); }
  void Listen() { Listen(address_); }

 private:
  void Listen(const SocketAddress& address) {
    socket_ = std::move(*pool::Listen(address, /*reuse_port=*/false));
    address_ = *pool::LocalAddress(socket_.get());
  }
  pool::FileDescriptor socket_;
  SocketAddress address_;
};

class UpstreamWatchTest : public testing::Test {
 protected:
  ~UpstreamWatchTest() override {
    watch_.reset();
    loop_.DestroyAside();
  }

  static config::Upstream UpstreamOf(const std::string& name,
                                     const std::vector<const Endpoint*>& endpoints) {
    config::Upstream upstream{.name = name};
    for (const Endpoint* endpoint : endpoints) {
      upstream.endpoints.push_back(*config::ParseEndpoint(endpoint->address().ToString()));
    }
    return upstream;
  }
  static config::HealthCheck TcpCheck() {
    return {.type = config::HealthCheck::Type::kTcp,
            .interval = seconds(1),
            .timeout = seconds(1),
            .fall = 2,
            .rise = 2};
  }
  void Adopt(std::vector<config::Upstream> upstreams) {
    config::Config config;
    config.upstreams = std::move(upstreams);
    watch_->Adopt(config, tls::TlsPlan());
    Turns();
  }
  void Turns() {
    for (int i = 0; i < 8; ++i) loop_.RunOnce(pool::Duration::zero());
  }
  void Pass(pool::Duration time) {
    constexpr pool::Duration kStep = milliseconds(50);
    for (; time > pool::Duration::zero(); time -= kStep) {
      clock_.Advance(std::min(time, kStep));
      Turns();
    }
  }
  // As the workers were told last.
  Availability StateOf(const Endpoint& endpoint, const std::string& upstream = "web") {
    for (const pool::EndpointState& state : told_[upstream].endpoints) {
      if (state.address == endpoint.address()) return state.availability;
    }
    ADD_FAILURE() << endpoint.address().ToString() << " is not among the endpoints";
    return Availability::kUp;
  }
  uint64_t Checks(const Endpoint& endpoint) {
    metrics::Sums sums;
    watch_->AddTo(sums);
    uint64_t checks = 0;
    for (const auto& [labels, count] : sums.Of<metrics::Counter>(Metric::kHealthChecksTotal)) {
      if (labels[1] == endpoint.address().ToString()) checks += count;
    }
    return checks;
  }

  pool::ManualClock clock_;
  pool::SlabPool slabs_;
  pool::EventLoop loop_{&clock_};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  std::map<std::string, uint64_t> requests_;
  std::map<std::string, pool::EndpointSet> told_;
  Endpoint one_;
  Endpoint two_;
  std::unique_ptr<UpstreamWatch> watch_ = std::make_unique<UpstreamWatch>(
      &loop_, &slabs_, [this](const std::string& upstream) { return requests_[upstream]; }, shard_,
      [this](const std::string& upstream, const pool::EndpointSet& endpoints) {
        told_[upstream] = endpoints;
      });
};

TEST_F(UpstreamWatchTest, WhatTheConfigurationNamesIsThereAtOnce) {
  config::Upstream upstream = UpstreamOf("web", {&one_, &two_});
  for (config::Endpoint& endpoint : upstream.endpoints) {
    if (*endpoint.literal != two_.address()) continue;
    endpoint.weight = 3;
    endpoint.backup = true;
  }
  config::Config config;
  config.upstreams = {upstream};
  watch_->Adopt(config, tls::TlsPlan());
  const pool::EndpointSet set = watch_->Current("web");
  ASSERT_EQ(set.endpoints.size(), 2u);
  const auto two = std::ranges::find(set.endpoints, two_.address(), &pool::EndpointState::address);
  EXPECT_EQ(two->weight, 3u);
  EXPECT_TRUE(two->backup);
  EXPECT_TRUE(watch_->AllNamed());
  EXPECT_TRUE(told_.empty()) << "never within a call";
  Turns();
  EXPECT_EQ(told_["web"], set);
}

// One table for all workers, which changes of health leave alone.
TEST_F(UpstreamWatchTest, KeysAreLookedUpInOneTableUntilTheEndpointsAreOthers) {
  config::Upstream upstream = UpstreamOf("web", {&one_, &two_});
  upstream.cluster.balancing.policy = pool::BalancePolicy::kMaglev;
  Adopt({upstream, UpstreamOf("api", {&one_})});
  const auto keys = told_["web"].keys;
  ASSERT_NE(keys, nullptr);
  EXPECT_EQ(keys->members().size(), 2u);
  EXPECT_EQ(watch_->Current("web").keys, keys);
  EXPECT_EQ(told_["api"].keys, nullptr);
  watch_->OnTrouble("web", one_.address(), "502");
  Turns();
  EXPECT_EQ(StateOf(one_), Availability::kEjected);
  EXPECT_EQ(told_["web"].keys, keys);
  Adopt({upstream});
  EXPECT_EQ(watch_->Current("web").keys, keys);
  upstream.endpoints.pop_back();
  Adopt({upstream});
  EXPECT_NE(watch_->Current("web").keys, keys);
  EXPECT_EQ(watch_->Current("web").keys->members().size(), 1u);
}

TEST_F(UpstreamWatchTest, AnUpstreamWithoutAnAddressIsNotNamed) {
  config::Upstream upstream{.name = "web",
                            .endpoints = {{.text = "a.test:80", .host = "a.test", .port = 80}}};
  config::Config config;
  config.dns.servers = {one_.address()};  // Nothing listens there for UDP.
  config.upstreams = {UpstreamOf("api", {&one_}), upstream};
  watch_->Adopt(config, tls::TlsPlan());
  EXPECT_FALSE(watch_->AllNamed());
  EXPECT_NE(watch_->Current("web").note.find("a.test"), std::string::npos);
}

TEST_F(UpstreamWatchTest, AFailingCheckTakesAnEndpointOutUntilItSucceeds) {
  config::Upstream upstream = UpstreamOf("web", {&one_, &two_});
  upstream.health_check = TcpCheck();
  Adopt({upstream});
  Pass(seconds(5));
  EXPECT_EQ(StateOf(one_), Availability::kUp);
  one_.Stop();
  Pass(seconds(3));
  EXPECT_EQ(StateOf(one_), Availability::kUnhealthy);
  EXPECT_EQ(StateOf(two_), Availability::kUp);
  one_.Listen();
  Pass(seconds(3));
  EXPECT_EQ(StateOf(one_), Availability::kUp);
}

TEST_F(UpstreamWatchTest, AnEndpointInTroubleIsEjectedForAWhile) {
  config::Upstream upstream = UpstreamOf("web", {&one_, &two_});
  upstream.cluster.outlier = pool::OutlierOptions{.base_time = seconds(2), .max_time = seconds(2)};
  Adopt({upstream});
  watch_->OnTrouble("web", one_.address(), "502");
  Turns();
  EXPECT_EQ(StateOf(one_), Availability::kEjected);
  Pass(seconds(2));
  EXPECT_EQ(StateOf(one_), Availability::kUp);
}

TEST_F(UpstreamWatchTest, WithoutEjectionTroubleIsIgnored) {
  config::Upstream upstream = UpstreamOf("web", {&one_, &two_});
  upstream.cluster.outlier.reset();
  Adopt({upstream});
  watch_->OnTrouble("web", one_.address(), "502");
  Turns();
  EXPECT_EQ(StateOf(one_), Availability::kUp);
}

TEST_F(UpstreamWatchTest, AReloadKeepsWhatIsKnownOfUpstreamsThatStay) {
  config::Upstream upstream = UpstreamOf("web", {&one_, &two_});
  upstream.health_check = TcpCheck();
  one_.Stop();
  Adopt({upstream});
  Pass(seconds(4));
  watch_->OnTrouble("web", two_.address(), "502");
  Adopt({UpstreamOf("api", {&two_}), upstream});
  EXPECT_EQ(StateOf(one_), Availability::kUnhealthy);
  EXPECT_EQ(StateOf(two_), Availability::kUp) << "the last one";
  EXPECT_EQ(StateOf(two_, "api"), Availability::kUp);
}

TEST_F(UpstreamWatchTest, AReloadWithoutTheCheckLetsItsVictimsBack) {
  config::Upstream upstream = UpstreamOf("web", {&one_, &two_});
  upstream.health_check = TcpCheck();
  one_.Stop();
  Adopt({upstream});
  Pass(seconds(4));
  EXPECT_EQ(StateOf(one_), Availability::kUnhealthy);
  upstream.health_check.reset();
  Adopt({upstream});
  EXPECT_EQ(StateOf(one_), Availability::kUp);
  EXPECT_EQ(Checks(one_), 0u);
  upstream.health_check = TcpCheck();
  Adopt({upstream});
  Pass(seconds(4));
  EXPECT_EQ(StateOf(one_), Availability::kUnhealthy);
}

TEST_F(UpstreamWatchTest, AnUpstreamThatIsDroppedIsNotCheckedAnyMore) {
  config::Upstream upstream = UpstreamOf("web", {&one_});
  upstream.health_check = TcpCheck();
  Adopt({upstream});
  Pass(seconds(2));
  EXPECT_GE(Checks(one_), 1u);
  Adopt({UpstreamOf("api", {&two_})});
  EXPECT_EQ(Checks(one_), 0u);
  watch_->OnTrouble("web", one_.address(), "502");
  Pass(seconds(3));
  EXPECT_EQ(Checks(one_), 0u);
}

TEST_F(UpstreamWatchTest, RequestsAreTheTrafficThatMakesChecksFrequent) {
  config::Upstream upstream = UpstreamOf("web", {&one_});
  upstream.health_check = TcpCheck();
  upstream.health_check->idle_interval = std::chrono::hours(1);
  Adopt({upstream});
  ++requests_["api"];
  Pass(seconds(10));
  EXPECT_EQ(Checks(one_), 1u);
  for (int i = 0; i < 10; ++i) {
    ++requests_["web"];
    Pass(seconds(1));
  }
  EXPECT_GE(Checks(one_), 6u);
}

TEST_F(UpstreamWatchTest, MetricsCountEachEndpointOnce) {
  Adopt({UpstreamOf("web", {&one_, &two_})});
  metrics::Sums sums;
  watch_->AddTo(sums);
  EXPECT_EQ(sums.Of<metrics::Gauge>(Metric::kUpstreamEndpoints).at({"web", "up"}), 2);
}

}  // namespace
}  // namespace holdfast::server
