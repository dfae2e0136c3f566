#include "pool/endpoint_directory.h"

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

using metrics::Metric;
using std::chrono::minutes;
using std::chrono::seconds;

SocketAddress Address(int i) {
  return *SocketAddress::Parse("127.0.0.1:" + std::to_string(1000 + i));
}

class EndpointDirectoryTest : public testing::Test {
 protected:
  void SetUp() override { Name(); }

  // One upstream "web" with this policy.
  void Name(bool checked = true, std::optional<OutlierOptions> outlier = OutlierOptions{}) {
    directory_.SetUpstreams({{.upstream = "web", .outlier = outlier, .checked = checked}});
  }
  void Discover(std::initializer_list<int> endpoints, const std::string& note = "") {
    std::vector<EndpointSpec> specs;
    for (const int i : endpoints) specs.push_back({.address = Address(i)});
    directory_.SetDiscovered("web", specs, note);
    Turn();
  }
  void Health(int i, bool healthy) {
    directory_.SetHealth("web", Address(i), healthy);
    Turn();
  }
  void Trouble(int i) {
    directory_.OnTrouble("web", Address(i));
    Turn();
  }
  bool Manual(int i, ManualState state) {
    const bool known = directory_.SetManual("web", Address(i), state);
    Turn();
    return known;
  }
  void Turn() { loop_.RunOnce(Duration::zero()); }
  void Pass(Duration time) {
    clock_.Advance(time);
    Turn();
  }

  // As the workers know it.
  const EndpointState& Told(int i) {
    static const EndpointState kNone;
    for (const EndpointState& endpoint : told_["web"].endpoints) {
      if (endpoint.address == Address(i)) return endpoint;
    }
    ADD_FAILURE() << "endpoint " << i << " is not in the set";
    return kNone;
  }
  Availability State(int i) { return Told(i).availability; }

  uint64_t Counter(Metric metric, const metrics::LabelValues& labels) {
    metrics::Sums sums;
    directory_.AddTo(sums);
    const auto& family = sums.Of<metrics::Counter>(metric);
    const auto found = family.find(labels);
    return found != family.end() ? found->second : 0;
  }
  int64_t Gauge(Metric metric, const metrics::LabelValues& labels) {
    metrics::Sums sums;
    directory_.AddTo(sums);
    const auto& family = sums.Of<metrics::Gauge>(metric);
    const auto found = family.find(labels);
    return found != family.end() ? found->second : -1;
  }

  ManualClock clock_;
  EventLoop loop_{&clock_};
  std::map<std::string, EndpointSet> told_;
  int tellings_ = 0;
  EndpointDirectory directory_{&loop_, [this](const std::string& upstream, const EndpointSet& set) {
                                 told_[upstream] = set;
                                 ++tellings_;
                               }};
};

TEST_F(EndpointDirectoryTest, TellsWhatIsDiscovered) {
  const EndpointSpec spec{.address = Address(1), .weight = 3, .backup = true, .host = "web.test"};
  directory_.SetDiscovered("web", {spec}, "waiting for DNS");
  EXPECT_EQ(tellings_, 0) << "never within the call";
  Turn();
  EXPECT_EQ(told_["web"].note, "waiting for DNS");
  EXPECT_EQ(told_["web"].endpoints, std::vector<EndpointState>{EndpointState{spec}});
  EXPECT_EQ(directory_.Current("web"), told_["web"]);
}

TEST_F(EndpointDirectoryTest, ThoseWhoShareANameAreUpTogether) {
  Discover({1, 2, 3});
  const auto label_of = [&](const std::string& upstream, const SocketAddress& endpoint) {
    EXPECT_EQ(upstream, "web");
    return endpoint == Address(1) ? endpoint.ToString() : std::string("other");
  };
  const auto up = [&] {
    metrics::Sums sums;
    directory_.AddTo(sums, label_of);
    EXPECT_FALSE(sums.Of<metrics::Counter>(Metric::kUpstreamEndpointStateChangesTotal)
                     .contains({"web", "other", "up"}));
    return sums.Of<metrics::Gauge>(Metric::kUpstreamEndpointUp);
  };
  EXPECT_EQ(up().size(), 2u);
  EXPECT_EQ(up().at({"web", "other"}), 1);
  Health(3, false);
  EXPECT_EQ(up().at({"web", "other"}), 0);
  EXPECT_EQ(up().at({"web", Address(1).ToString()}), 1);
}

TEST_F(EndpointDirectoryTest, ChangesOfOneTurnAreToldTogetherAndNoChangeNotAtAll) {
  Discover({1, 2});
  directory_.SetHealth("web", Address(1), false);
  directory_.SetHealth("web", Address(2), false);
  directory_.SetHealth("web", Address(2), true);
  Turn();
  EXPECT_EQ(tellings_, 2);
  Discover({1, 2});
  Health(1, false);
  EXPECT_EQ(tellings_, 2);
}

TEST_F(EndpointDirectoryTest, AnEndpointNamedTwiceCountsOnce) {
  Discover({1, 2, 1});
  EXPECT_EQ(told_["web"].endpoints.size(), 2u);
}

TEST_F(EndpointDirectoryTest, WhatIsUnknownIsIgnored) {
  Discover({1});
  directory_.SetDiscovered("api", {}, "");
  directory_.SetHealth("api", Address(1), false);
  directory_.OnTrouble("api", Address(1));
  Health(7, false);
  Trouble(7);
  EXPECT_FALSE(Manual(7, ManualState::kDrained));
  EXPECT_FALSE(directory_.SetManual("api", Address(1), ManualState::kDrained));
  EXPECT_FALSE(directory_.SetWeight("web", Address(7), 2));
  EXPECT_EQ(tellings_, 1);
  EXPECT_EQ(State(1), Availability::kUp);
}

TEST_F(EndpointDirectoryTest, OneReasonHidesTheNext) {
  Discover({1, 2});
  Trouble(1);
  EXPECT_EQ(State(1), Availability::kEjected);
  Health(1, false);
  EXPECT_EQ(State(1), Availability::kUnhealthy);
  EXPECT_TRUE(Manual(1, ManualState::kDrained));
  EXPECT_EQ(State(1), Availability::kDrained);
  EXPECT_TRUE(Manual(1, ManualState::kMaintenance));
  EXPECT_EQ(State(1), Availability::kMaintenance);
  EXPECT_TRUE(Manual(1, ManualState::kUp));
  EXPECT_EQ(State(1), Availability::kUnhealthy);
  Health(1, true);
  EXPECT_EQ(State(1), Availability::kEjected);
  Pass(seconds(11));
  EXPECT_EQ(State(1), Availability::kUp);
  EXPECT_EQ(State(2), Availability::kUp);
}

TEST_F(EndpointDirectoryTest, AWeightGivenByHandReplacesTheDiscoveredOne) {
  Discover({1});
  EXPECT_TRUE(directory_.SetWeight("web", Address(1), 5));
  Turn();
  EXPECT_EQ(Told(1).weight, 5u);
  Discover({1});
  EXPECT_EQ(Told(1).weight, 5u);
  EXPECT_TRUE(directory_.SetWeight("web", Address(1), std::nullopt));
  Turn();
  EXPECT_EQ(Told(1).weight, 1u);
}

TEST_F(EndpointDirectoryTest, AnEjectionEndsByItself) {
  Discover({1, 2});
  Trouble(1);
  Pass(seconds(9));
  EXPECT_EQ(State(1), Availability::kEjected);
  Pass(seconds(1));
  EXPECT_EQ(State(1), Availability::kUp);
}

TEST_F(EndpointDirectoryTest, EachEjectionEndsInItsOwnTime) {
  Discover({1, 2, 3, 4});
  Trouble(1);
  Pass(seconds(4));
  Trouble(2);
  Pass(seconds(6));
  EXPECT_EQ(State(1), Availability::kUp);
  EXPECT_EQ(State(2), Availability::kEjected);
  Pass(seconds(4));
  EXPECT_EQ(State(2), Availability::kUp);
  Trouble(1);
  Pass(seconds(19));
  EXPECT_EQ(State(1), Availability::kEjected) << "its second in a row";
  Pass(seconds(1));
  EXPECT_EQ(State(1), Availability::kUp);
}

TEST_F(EndpointDirectoryTest, TroubleOfTheLastUsableChangesNothing) {
  Discover({1, 2});
  Health(2, false);
  Trouble(1);
  EXPECT_EQ(State(1), Availability::kUp);
  EXPECT_EQ(Counter(Metric::kUpstreamEjectionsTotal, {"web", "last_usable"}), 1u);
}

TEST_F(EndpointDirectoryTest, OnlyAShareIsEjected) {
  Discover({1, 2, 3, 4});
  for (const int i : {1, 2, 3, 1}) Trouble(i);
  EXPECT_EQ(State(2), Availability::kEjected);
  EXPECT_EQ(State(3), Availability::kUp);
  EXPECT_EQ(Counter(Metric::kUpstreamEjectionsTotal, {"web", "ejected"}), 2u);
  EXPECT_EQ(Counter(Metric::kUpstreamEjectionsTotal, {"web", "max_percent"}), 1u);
  EXPECT_EQ(Counter(Metric::kUpstreamEjectionsTotal, {"web", "already_out"}), 1u);
}

TEST_F(EndpointDirectoryTest, SlowStartCountsFromTheReturn) {
  Discover({1, 2});
  EXPECT_EQ(Told(1).up_since, std::nullopt) << "all began together";
  Health(1, false);
  EXPECT_EQ(Told(1).up_since, std::nullopt);
  Pass(seconds(5));
  Health(1, true);
  EXPECT_EQ(Told(1).up_since, loop_.now());
  EXPECT_EQ(Told(2).up_since, std::nullopt);
}

TEST_F(EndpointDirectoryTest, SlowStartCountsFromALateDiscovery) {
  Discover({1});
  Pass(EndpointDirectory::kStartTime);
  Discover({1, 2});
  EXPECT_EQ(Told(1).up_since, std::nullopt);
  EXPECT_EQ(Told(2).up_since, loop_.now());
}

TEST_F(EndpointDirectoryTest, NamesThatAnswerOneAfterTheOtherStartTogether) {
  Discover({1});
  Pass(seconds(1));
  Discover({1, 2});
  EXPECT_EQ(Told(2).up_since, std::nullopt);
}

TEST_F(EndpointDirectoryTest, TheFirstEndpointsOfAnUpstreamNeedNoSlowStart) {
  Pass(minutes(1));
  Discover({1, 2});
  EXPECT_EQ(Told(1).up_since, std::nullopt);
}

TEST_F(EndpointDirectoryTest, AbsenceFromDiscoveryKeepsWhatIsKnown) {
  Discover({1, 2, 3});
  Health(1, false);
  Manual(2, ManualState::kDrained);
  Trouble(3);
  EXPECT_EQ(State(3), Availability::kUp) << "it is the last";
  Discover({3});
  EXPECT_EQ(told_["web"].endpoints.size(), 1u);
  EXPECT_FALSE(Manual(2, ManualState::kUp)) << "it is not there";
  Pass(EndpointDirectory::kRememberTime - seconds(1));
  Discover({1, 2, 3});
  EXPECT_EQ(State(1), Availability::kUnhealthy);
  EXPECT_EQ(State(2), Availability::kDrained);
  EXPECT_FALSE(directory_.Healthy("web", Address(1)));
  EXPECT_TRUE(directory_.Healthy("web", Address(3)));
}

TEST_F(EndpointDirectoryTest, AnEjectionEndsWhileItsEndpointIsAway) {
  Discover({1, 2});
  Trouble(1);
  Discover({2});
  Pass(seconds(10));
  Discover({1, 2});
  EXPECT_EQ(State(1), Availability::kUp);
  EXPECT_EQ(Told(1).up_since, loop_.now());
}

TEST_F(EndpointDirectoryTest, LongAbsenceIsForgotten) {
  Discover({1, 2});
  Health(1, false);
  Discover({2});
  Pass(EndpointDirectory::kRememberTime);
  Discover({2});
  Discover({1, 2});
  EXPECT_EQ(State(1), Availability::kUp);
}

TEST_F(EndpointDirectoryTest, OnlySoManyOfTheDepartedAreRemembered) {
  std::vector<EndpointSpec> specs;
  const int many = static_cast<int>(EndpointDirectory::kMaxRemembered) + 1;
  for (int i = 0; i < many; ++i) specs.push_back({.address = Address(i)});
  directory_.SetDiscovered("web", specs, "");
  for (int i = 0; i < many; ++i) directory_.SetHealth("web", Address(i), false);
  specs.erase(specs.begin());
  directory_.SetDiscovered("web", specs, "");
  Pass(seconds(1));
  directory_.SetDiscovered("web", {}, "");
  EXPECT_TRUE(directory_.Healthy("web", Address(0))) << "it left first";
  for (int i = 1; i < many; ++i) EXPECT_FALSE(directory_.Healthy("web", Address(i))) << i;
}

TEST_F(EndpointDirectoryTest, AReloadKeepsWhatIsKnown) {
  Discover({1, 2});
  Health(1, false);
  Manual(2, ManualState::kMaintenance);
  directory_.SetUpstreams({{.upstream = "api", .checked = true},
                           {.upstream = "web", .outlier = OutlierOptions{}, .checked = true}});
  Turn();
  EXPECT_EQ(State(1), Availability::kUnhealthy);
  EXPECT_EQ(State(2), Availability::kMaintenance);
  EXPECT_TRUE(directory_.Current("api").endpoints.empty());
}

TEST_F(EndpointDirectoryTest, AReloadThatDropsAnUpstreamForgetsIt) {
  Discover({1, 2});
  Health(1, false);
  directory_.SetHealth("web", Address(2), false);
  directory_.SetUpstreams({});
  Turn();
  EXPECT_EQ(tellings_, 2) << "nothing is told of what is gone";
  Name();
  Discover({1, 2});
  EXPECT_EQ(State(1), Availability::kUp);
}

TEST_F(EndpointDirectoryTest, WithoutChecksEverythingIsHealthy) {
  Discover({1, 2});
  Health(1, false);
  Name(/*checked=*/false);
  Turn();
  EXPECT_EQ(State(1), Availability::kUp);
  Health(1, false);
  EXPECT_EQ(State(1), Availability::kUp) << "the answer of a check that was under way";
}

TEST_F(EndpointDirectoryTest, SwitchedOffEjectionLetsEverythingBack) {
  Discover({1, 2});
  Trouble(1);
  Name(/*checked=*/true, /*outlier=*/std::nullopt);
  Turn();
  EXPECT_EQ(State(1), Availability::kUp);
  Trouble(1);
  EXPECT_EQ(State(1), Availability::kUp);
  Pass(seconds(20));
  EXPECT_EQ(State(1), Availability::kUp);
}

TEST_F(EndpointDirectoryTest, OtherEjectionTimesHoldFromTheNextOn) {
  Discover({1, 2});
  Trouble(1);
  Name(/*checked=*/true, OutlierOptions{.base_time = seconds(2), .max_time = seconds(2)});
  Pass(seconds(9));
  EXPECT_EQ(State(1), Availability::kEjected);
  Pass(seconds(1));
  Trouble(1);
  Pass(seconds(2));
  EXPECT_EQ(State(1), Availability::kUp);
}

TEST_F(EndpointDirectoryTest, MetricsCountWhatHasBeenTold) {
  directory_.SetDiscovered("web", {{.address = Address(1)}}, "");
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpoints, {"web", "up"}), 0);
  Turn();
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpoints, {"web", "up"}), 1);
}

TEST_F(EndpointDirectoryTest, MetricsSayWhatIsUpAndHowOftenThatChanged) {
  Discover({1, 2, 3});
  Trouble(1);
  Health(2, false);
  Health(2, true);
  Health(2, false);
  const std::string one = Address(1).ToString();
  const std::string two = Address(2).ToString();
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpoints, {"web", "up"}), 1);
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpoints, {"web", "ejected"}), 1);
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpoints, {"web", "unhealthy"}), 1);
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpoints, {"web", "drained"}), 0);
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpointUp, {"web", one}), 0);
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpointUp, {"web", Address(3).ToString()}), 1);
  EXPECT_EQ(Counter(Metric::kUpstreamEndpointStateChangesTotal, {"web", one, "ejected"}), 1u);
  EXPECT_EQ(Counter(Metric::kUpstreamEndpointStateChangesTotal, {"web", two, "unhealthy"}), 2u);
  EXPECT_EQ(Counter(Metric::kUpstreamEndpointStateChangesTotal, {"web", two, "up"}), 1u);
}

TEST_F(EndpointDirectoryTest, AnEndpointThatLeftHasNoSeries) {
  Discover({1, 2});
  Discover({2});
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpoints, {"web", "up"}), 1);
  EXPECT_EQ(Gauge(Metric::kUpstreamEndpointUp, {"web", Address(1).ToString()}), -1);
}

TEST_F(EndpointDirectoryTest, TheCallbackMayChangeTheUpstreams) {
  EndpointDirectory* inner = nullptr;
  int told = 0;
  EndpointDirectory directory(&loop_, [&](const std::string&, const EndpointSet&) {
    ++told;
    inner->SetUpstreams({});
  });
  inner = &directory;
  directory.SetUpstreams({{.upstream = "a"}, {.upstream = "b"}});
  directory.SetDiscovered("a", {{.address = Address(1)}}, "");
  directory.SetDiscovered("b", {{.address = Address(1)}}, "");
  Turn();
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace holdfast::pool
