#include "pool/shelves.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

class ShelvesTest : public testing::Test {
 protected:
  Shelves shelves_{3};
  EndpointKey key_{"web", *SocketAddress::Parse("127.0.0.1:80")};
  std::shared_ptr<Shelf> shelf_ = shelves_.For(key_);
};

TEST_F(ShelvesTest, OneShelfForEachEndpointAndGoesWithItsHolders) {
  EXPECT_EQ(shelves_.For(key_), shelf_);
  const EndpointKey other{"web", *SocketAddress::Parse("127.0.0.1:81")};
  EXPECT_NE(shelves_.For(other), shelf_);
  EXPECT_EQ(&shelves_.For(other)->totals(), &shelf_->totals()) << "of one upstream";
  EXPECT_NE(&shelves_.For({"api", key_.address})->totals(), &shelf_->totals());
  const std::weak_ptr<Shelf> watched = shelf_;
  shelf_.reset();
  EXPECT_TRUE(watched.expired());
}

TEST_F(ShelvesTest, AnotherTlsIdentityIsAnotherShelf) {
  EndpointKey other = key_;
  other.tls = TlsIdentity(TlsSettings{.server_name = "web.test"});
  EXPECT_NE(shelves_.For(other), shelf_);
  EXPECT_EQ(&shelves_.For(other)->totals(), &shelf_->totals());
}

TEST_F(ShelvesTest, TheProcessHasSoManyConnectionsWhateverTheCapsSay) {
  const std::shared_ptr<Shelf> other = shelves_.For({"api", key_.address});
  shelves_.SetConnectionLimit(3);
  EXPECT_TRUE(shelf_->TakeConnection());
  EXPECT_TRUE(shelf_->TakeConnection());
  EXPECT_TRUE(other->TakeConnection());
  EXPECT_FALSE(other->TakeConnection());
  EXPECT_TRUE(other->OutOfDescriptors());
  EXPECT_EQ(other->connections(), 1u) << "what failed took nothing";
  shelf_->ReturnConnection();
  EXPECT_FALSE(other->OutOfDescriptors());
  EXPECT_TRUE(other->TakeConnection());
}

TEST_F(ShelvesTest, RequestsOfAnUpstreamAreCounted) {
  EXPECT_EQ(shelves_.RequestsOf("web"), 0u);
  EXPECT_EQ(shelves_.RequestsOf("nobody"), 0u);
  shelf_->totals().AddActive(1, 1);
  EXPECT_EQ(shelves_.RequestsOf("web"), 1u);
  EXPECT_EQ(shelves_.RequestsOf("nobody"), 0u);
}

int64_t GaugeOf(const metrics::Sums& sums, metrics::Metric metric,
                const metrics::LabelValues& labels) {
  const auto& gauges = sums.Of<metrics::Gauge>(metric);
  const auto found = gauges.find(labels);
  return found != gauges.end() ? found->second : -1;
}

TEST_F(ShelvesTest, AnEndpointsAnswersAreThoseOfAllWorkersAndIdentities) {
  EndpointKey other = key_;
  other.tls = TlsIdentity(TlsSettings{.server_name = "web.test"});
  const std::shared_ptr<Shelf> secure = shelves_.For(other);
  shelf_->CountAnswer(0, AnswerClass::k2xx);
  shelf_->CountAnswer(2, AnswerClass::k2xx);
  secure->CountAnswer(1, AnswerClass::k5xx);
  EXPECT_TRUE(shelf_->TakeConnection() && secure->TakeConnection());
  metrics::Sums sums;
  shelves_.AddTo(TimePoint(), sums);
  const auto& counts = sums.Of<metrics::Counter>(metrics::Metric::kUpstreamEndpointRequestsTotal);
  EXPECT_EQ(counts.at({"web", "127.0.0.1:80", "2xx"}), 2u);
  EXPECT_EQ(counts.at({"web", "127.0.0.1:80", "5xx"}), 1u);
  EXPECT_EQ(counts.at({"web", "127.0.0.1:80", "none"}), 0u);
  EXPECT_EQ(GaugeOf(sums, metrics::Metric::kUpstreamEndpointConnections, {"web", "127.0.0.1:80"}),
            2);
}

TEST_F(ShelvesTest, AnEndpointThatLeavesKeepsItsCountsForAWhile) {
  shelf_->CountAnswer(0, AnswerClass::k2xx);
  shelf_.reset();
  metrics::Sums sums;
  shelves_.AddTo(TimePoint(), sums);
  const auto& counts = sums.Of<metrics::Counter>(metrics::Metric::kUpstreamEndpointRequestsTotal);
  EXPECT_EQ(counts.at({"web", "127.0.0.1:80", "2xx"}), 1u);
  EXPECT_EQ(GaugeOf(sums, metrics::Metric::kUpstreamEndpointConnections, {"web", "127.0.0.1:80"}),
            -1);
  metrics::Sums later;
  shelves_.AddTo(TimePoint(std::chrono::hours(1)), later);
  EXPECT_TRUE(later.Of<metrics::Counter>(metrics::Metric::kUpstreamEndpointRequestsTotal).empty());
}

TEST_F(ShelvesTest, AnEndpointWithoutRoomForItsOwnSeriesIsOther) {
  std::vector<std::shared_ptr<Shelf>> shelves;
  for (int port = 1000; port < 1000 + static_cast<int>(EndpointSeries::kMaxNamed); ++port) {
    shelves.push_back(
        shelves_.For({"web", *SocketAddress::Parse("127.0.0.1:" + std::to_string(port))}));
  }
  EXPECT_EQ(shelves_.LabelOf("web", key_.address), "127.0.0.1:80");
  const EndpointKey late{"web", *SocketAddress::Parse("127.0.0.1:81")};
  shelves.push_back(shelves_.For(late));
  EXPECT_EQ(shelves_.LabelOf("web", late.address), "other");
  EXPECT_EQ(shelves_.LabelOf("nobody", key_.address), "127.0.0.1:80");
}

TEST_F(ShelvesTest, BreakersPanicAndCapsAreGauges) {
  using metrics::Metric;
  const auto gauge = [this](Metric metric, const metrics::LabelValues& labels) {
    metrics::Sums sums;
    shelves_.AddTo(TimePoint(), sums);
    return GaugeOf(sums, metric, labels);
  };
  UpstreamTotals& totals = shelf_->totals();
  totals.SetLimits({.connections = 1, .requests = 2}, RetryBudgetLimits{});
  shelf_->SetCaps(1, 10);
  for (const char* breaker : {"connections", "requests", "pending", "retries"}) {
    EXPECT_EQ(gauge(Metric::kUpstreamBreakerOpen, {"web", breaker}), 0) << breaker;
  }
  EXPECT_EQ(gauge(Metric::kUpstreamEndpointsAtCap, {"web"}), 0);
  EXPECT_EQ(gauge(Metric::kUpstreamPanic, {"web"}), 0);
  totals.AddActive(0, 2);
  totals.AddRetries(0, 1000);
  EXPECT_TRUE(shelf_->TakeConnection() && totals.TakeConnection());
  totals.SetPanic(true);
  EXPECT_EQ(gauge(Metric::kUpstreamBreakerOpen, {"web", "connections"}), 1);
  EXPECT_EQ(gauge(Metric::kUpstreamBreakerOpen, {"web", "requests"}), 1);
  EXPECT_EQ(gauge(Metric::kUpstreamBreakerOpen, {"web", "pending"}), 0);
  EXPECT_EQ(gauge(Metric::kUpstreamBreakerOpen, {"web", "retries"}), 1);
  EXPECT_EQ(gauge(Metric::kUpstreamRetriesInFlight, {"web"}), 1000);
  EXPECT_EQ(gauge(Metric::kUpstreamEndpointsAtCap, {"web"}), 1);
  EXPECT_EQ(gauge(Metric::kUpstreamPanic, {"web"}), 1);
}

TEST_F(ShelvesTest, TheProcessesLimitsAreGauges) {
  metrics::Sums before;
  shelves_.AddTo(TimePoint(), before);
  EXPECT_EQ(GaugeOf(before, metrics::Metric::kLimitMax, {"upstream_connections"}), -1) << "none";
  shelves_.SetConnectionLimit(3);
  shelves_.SetIdleLimit(2);
  EXPECT_TRUE(shelf_->TakeConnection());
  metrics::Sums sums;
  shelves_.AddTo(TimePoint(), sums);
  EXPECT_EQ(GaugeOf(sums, metrics::Metric::kLimitUsed, {"upstream_connections"}), 1);
  EXPECT_EQ(GaugeOf(sums, metrics::Metric::kLimitMax, {"upstream_connections"}), 3);
  EXPECT_EQ(GaugeOf(sums, metrics::Metric::kLimitUsed, {"idle_upstream_connections"}), 0);
  EXPECT_EQ(GaugeOf(sums, metrics::Metric::kLimitMax, {"idle_upstream_connections"}), 2);
}

}  // namespace
}  // namespace holdfast::pool
