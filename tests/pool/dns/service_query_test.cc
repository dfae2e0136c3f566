#include "pool/dns/service_query.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/dns/scripted_resolver.h"
#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

// As they are most easily written: target, port, priority, weight.
std::vector<SrvTarget> Rank(std::vector<SrvRecord> records) {
  return RankTargets(std::move(records));
}

TEST(RankTargetsTest, TheLowestPriorityValueIsTheFirstTierAndAllOthersAreBackups) {
  EXPECT_EQ(Rank({{"c.test", 80, 30, 1}, {"a.test", 80, 20, 1}, {"b.test", 81, 10, 5}}),
            (std::vector<SrvTarget>{{.host = "b.test", .port = 81, .weight = 5},
                                    {.host = "a.test", .port = 80, .backup = true},
                                    {.host = "c.test", .port = 80, .backup = true}}));
}

TEST(RankTargetsTest, TheOrderOfTheRecordsDoesNotMatter) {
  const std::vector<SrvTarget> ranked = Rank({{"a.test", 80, 1, 2}, {"b.test", 80, 1, 3}});
  EXPECT_EQ(ranked, Rank({{"b.test", 80, 1, 3}, {"a.test", 80, 1, 2}}));
  EXPECT_EQ(ranked, (std::vector<SrvTarget>{{.host = "a.test", .port = 80, .weight = 2},
                                            {.host = "b.test", .port = 80, .weight = 3}}));
}

TEST(RankTargetsTest, AWeightOfZeroIsOne) {
  const std::vector<SrvTarget> ranked = Rank({{"a.test", 80, 1, 0}, {"b.test", 80, 1, 9}});
  ASSERT_EQ(ranked.size(), 2u);
  EXPECT_EQ(ranked[0].weight, 1u);
  EXPECT_EQ(ranked[1].weight, 9u);
}

TEST(RankTargetsTest, LargeWeightsShrinkTogetherWithinTheirTier) {
  const std::vector<SrvTarget> ranked = Rank({{"a.test", 80, 1, 60000},
                                              {"b.test", 80, 1, 30000},
                                              {"c.test", 80, 1, 1},
                                              {"d.test", 80, 2, 4000},
                                              {"e.test", 80, 2, 40}});
  ASSERT_EQ(ranked.size(), 5u);
  EXPECT_EQ(ranked[0].weight, 1000u);
  EXPECT_EQ(ranked[1].weight, 500u);
  EXPECT_EQ(ranked[2].weight, 1u) << "never none";
  EXPECT_EQ(ranked[3].weight, 1000u) << "the other tier by itself";
  EXPECT_EQ(ranked[4].weight, 10u);
}

TEST(RankTargetsTest, ATargetNamedTwiceCountsOnceInItsBestTier) {
  EXPECT_EQ(Rank({{"a.test", 80, 2, 9}, {"A.Test", 80, 1, 4}, {"a.test", 81, 2, 1}}),
            (std::vector<SrvTarget>{{.host = "a.test", .port = 80, .weight = 4},
                                    {.host = "a.test", .port = 81, .backup = true}}));
}

TEST(RankTargetsTest, ATargetOfOnlyTheRootIsNone) { EXPECT_TRUE(Rank({{"", 0, 0, 0}}).empty()); }

TEST(RankTargetsTest, TooManyAreCutBackupsFirst) {
  std::vector<SrvRecord> records = {{"last.test", 80, 2, 1}};
  for (uint16_t i = 0; i < kMaxSrvTargets; ++i) {
    records.push_back({"a.test", static_cast<uint16_t>(1000 + i), 1, 1});
  }
  const std::vector<SrvTarget> ranked = Rank(records);
  EXPECT_EQ(ranked.size(), kMaxSrvTargets);
  EXPECT_EQ(ranked.back().host, "a.test");
}

TEST(ToEndpointsTest, AnAddressIsAnEndpointOfItsHost) {
  const EndpointAnswer answer =
      ToEndpoints("web.test", 80, {ResolveStatus::kOk, Addresses({"10.0.0.1:80"}), seconds(9)});
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  EXPECT_EQ(answer.endpoints,
            (std::vector<EndpointSpec>{
                {.address = *SocketAddress::Parse("10.0.0.1:80"), .host = "web.test"}}));
  EXPECT_EQ(answer.ttl, seconds(9));
  EXPECT_TRUE(answer.unknown.empty());
}

TEST(ToEndpointsTest, AFailedFamilyIsUnknown) {
  const EndpointAnswer answer = ToEndpoints(
      "web.test", 80, {ResolveStatus::kOk, Addresses({"10.0.0.1:80"}), seconds(9), "", AF_INET6});
  EXPECT_EQ(answer.unknown, (std::vector<UnknownAddresses>{{"web.test", 80, AF_INET6}}));
}

TEST(ToEndpointsTest, AFailureStaysOne) {
  const EndpointAnswer answer =
      ToEndpoints("web.test", 80, {ResolveStatus::kTimeout, {}, seconds(0), "why"});
  EXPECT_EQ(answer.status, ResolveStatus::kTimeout);
  EXPECT_EQ(answer.detail, "why");
  EXPECT_TRUE(answer.endpoints.empty());
}

TEST(UnknownAddressesTest, AreThoseOfTheHostPortAndFamily) {
  const auto v4 = *SocketAddress::Parse("10.0.0.1:80");
  const auto v6 = *SocketAddress::Parse("[fd00::1]:80");
  EXPECT_TRUE((UnknownAddresses{"a", 80, AF_INET}.Includes({.address = v4, .host = "a"})));
  EXPECT_FALSE((UnknownAddresses{"a", 80, AF_INET}.Includes({.address = v6, .host = "a"})));
  EXPECT_TRUE((UnknownAddresses{"a", 80, AF_UNSPEC}.Includes({.address = v6, .host = "a"})));
  EXPECT_FALSE((UnknownAddresses{"a", 81, AF_INET}.Includes({.address = v4, .host = "a"})));
  EXPECT_FALSE((UnknownAddresses{"b", 80, AF_INET}.Includes({.address = v4, .host = "a"})));
}

class ServiceQueryTest : public testing::Test {
 protected:
  void Start() {
    query_ = ServiceQuery::Start(&loop_, &resolver_, "_http._tcp.web.test",
                                 [this](EndpointAnswer answer) {
                                   if (answer.more) return early_.push_back(std::move(answer));
                                   EXPECT_FALSE(answer_.has_value()) << "called twice";
                                   answer_ = std::move(answer);
                                 });
  }
  void Elapse(Duration time) {
    clock_.Advance(time);
    loop_.RunOnce(Duration::zero());
  }
  // Two targets, each with its own port, weight and tier.
  void StartTwo() {
    Start();
    resolver_.SucceedSrv("SRV _http._tcp.web.test",
                         {{"a.test", 8001, 1, 3}, {"b.test", 8002, 2, 5}}, seconds(60));
  }
  EndpointSpec Endpoint(std::string_view address, uint32_t weight, bool backup,
                        std::string host) const {
    return {*SocketAddress::Parse(address), weight, backup, std::move(host)};
  }

  ManualClock clock_;
  EventLoop loop_{&clock_};
  ScriptedResolver resolver_;
  std::shared_ptr<ServiceQuery> query_;
  std::vector<EndpointAnswer> early_;
  std::optional<EndpointAnswer> answer_;
};

TEST_F(ServiceQueryTest, TargetsAreAskedForByTheirAbsoluteNames) {
  StartTwo();
  EXPECT_EQ(resolver_.asked,
            (std::vector<std::string>{"SRV _http._tcp.web.test", "a.test.:8001", "b.test.:8002"}));
  EXPECT_FALSE(answer_.has_value());
}

TEST_F(ServiceQueryTest, EachAddressHasItsTargetsPortWeightTierAndName) {
  StartTwo();
  resolver_.Succeed("b.test.:8002", {"10.0.0.2:8002"}, seconds(90));
  ASSERT_FALSE(answer_.has_value()) << "one is missing";
  resolver_.Succeed("a.test.:8001", {"10.0.0.1:8001", "[fd00::1]:8001"}, seconds(90));
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(answer_->status, ResolveStatus::kOk);
  EXPECT_EQ(answer_->endpoints,
            (std::vector<EndpointSpec>{Endpoint("10.0.0.1:8001", 3, false, "a.test"),
                                       Endpoint("[fd00::1]:8001", 3, false, "a.test"),
                                       Endpoint("10.0.0.2:8002", 5, true, "b.test")}));
  EXPECT_TRUE(answer_->unknown.empty());
  EXPECT_EQ(answer_->ttl, seconds(60)) << "of the SRV records";
}

TEST_F(ServiceQueryTest, TheShortestTtlCounts) {
  StartTwo();
  resolver_.Succeed("a.test.:8001", {"10.0.0.1:8001"}, seconds(90));
  resolver_.Succeed("b.test.:8002", {"10.0.0.2:8002"}, seconds(7));
  EXPECT_EQ(answer_->ttl, seconds(7));
}

TEST_F(ServiceQueryTest, AnAddressOfTwoTargetsIsTheFirsts) {
  Start();
  resolver_.SucceedSrv("SRV _http._tcp.web.test", {{"a.test", 80, 2, 9}, {"b.test", 80, 1, 4}},
                       seconds(60));
  resolver_.Succeed("a.test.:80", {"10.0.0.1:80"}, seconds(60));
  resolver_.Succeed("b.test.:80", {"10.0.0.1:80"}, seconds(60));
  EXPECT_EQ(answer_->endpoints,
            (std::vector<EndpointSpec>{Endpoint("10.0.0.1:80", 4, false, "b.test")}));
}

TEST_F(ServiceQueryTest, ATargetThatDoesNotExistIsLeftOut) {
  StartTwo();
  resolver_.Fail("a.test.:8001", ResolveStatus::kNotFound);
  resolver_.Succeed("b.test.:8002", {"10.0.0.2:8002"}, seconds(60));
  EXPECT_EQ(answer_->status, ResolveStatus::kOk);
  EXPECT_EQ(answer_->endpoints.size(), 1u);
  EXPECT_TRUE(answer_->unknown.empty());
}

TEST_F(ServiceQueryTest, WhatCouldNotBeAskedForIsUnknown) {
  StartTwo();
  resolver_.Fail("a.test.:8001", ResolveStatus::kServerError, "refused");
  resolver_.SucceedBut("b.test.:8002", AF_INET, {"[fd00::2]:8002"}, seconds(60));
  EXPECT_EQ(answer_->status, ResolveStatus::kOk);
  EXPECT_EQ(answer_->detail, "");
  EXPECT_EQ(answer_->unknown, (std::vector<UnknownAddresses>{{"a.test", 8001, AF_UNSPEC},
                                                             {"b.test", 8002, AF_INET}}));
}

TEST_F(ServiceQueryTest, ItIsNotFoundOnlyWhenThatIsSoForEachTarget) {
  StartTwo();
  resolver_.Fail("a.test.:8001", ResolveStatus::kNotFound);
  resolver_.Fail("b.test.:8002", ResolveStatus::kNotFound);
  EXPECT_EQ(answer_->status, ResolveStatus::kNotFound);
  EXPECT_EQ(answer_->detail, "no target of the service has an address");
}

TEST_F(ServiceQueryTest, OneFailureAmongNoAddressesIsTheAnswer) {
  StartTwo();
  resolver_.Fail("a.test.:8001", ResolveStatus::kTimeout, "timeout");
  resolver_.Fail("b.test.:8002", ResolveStatus::kNotFound);
  EXPECT_EQ(answer_->status, ResolveStatus::kTimeout);
  EXPECT_EQ(answer_->detail, "a.test: timeout");
}

TEST_F(ServiceQueryTest, AServiceDecidedlyNotAvailableIsNotFound) {
  Start();
  resolver_.SucceedSrv("SRV _http._tcp.web.test", {{"", 0, 0, 0}}, seconds(60));
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(answer_->status, ResolveStatus::kNotFound);
  EXPECT_EQ(answer_->detail, "the service is not available");
  EXPECT_EQ(resolver_.asked.size(), 1u);
}

TEST_F(ServiceQueryTest, AFailureOfTheRecordsIsTheAnswer) {
  Start();
  resolver_.AnswerSrv("SRV _http._tcp.web.test", {ResolveStatus::kServerError, {}, {}, "why"});
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(answer_->status, ResolveStatus::kServerError);
  EXPECT_EQ(answer_->detail, "why");
}

TEST_F(ServiceQueryTest, TooManyAddressesAreCut) {
  StartTwo();
  AddressAnswer many{.status = ResolveStatus::kOk, .ttl = seconds(60)};
  for (int i = 0; i < 256; ++i) {
    many.addresses.push_back(*SocketAddress::FromIp("10.0.1." + std::to_string(i), 8001));
  }
  resolver_.Answer("a.test.:8001", many);
  resolver_.Succeed("b.test.:8002", {"10.0.0.2:8002"}, seconds(60));
  EXPECT_EQ(answer_->endpoints.size(), ServiceQuery::kMaxEndpoints);
  EXPECT_EQ(answer_->endpoints.back().host, "a.test");
}

TEST_F(ServiceQueryTest, WhatIsThereIsToldEarlyWhereATargetIsSilent) {
  StartTwo();
  resolver_.Succeed("a.test.:8001", {"10.0.0.1:8001"}, seconds(60));
  Elapse(ServiceQuery::kPatience - TimerWheel::kTick);
  EXPECT_TRUE(early_.empty());
  Elapse(2 * TimerWheel::kTick);
  ASSERT_EQ(early_.size(), 1u);
  EXPECT_EQ(early_[0].endpoints,
            std::vector<EndpointSpec>{Endpoint("10.0.0.1:8001", 3, false, "a.test")});
  AddressAnswer half{ResolveStatus::kOk, Addresses({"10.0.0.2:8002"}), seconds(60), "", AF_INET6};
  half.more = true;
  resolver_.AnswerEarly("b.test.:8002", half);
  ASSERT_EQ(early_.size(), 2u);
  EXPECT_EQ(early_[1].endpoints.size(), 2u);
  EXPECT_FALSE(answer_.has_value());
  resolver_.Succeed("b.test.:8002", {"10.0.0.2:8002"}, seconds(60));
  ASSERT_TRUE(answer_.has_value());
  EXPECT_FALSE(answer_->more);
  EXPECT_EQ(answer_->endpoints.size(), 2u);
}

TEST_F(ServiceQueryTest, AnswersInTimeAreToldOnce) {
  StartTwo();
  resolver_.Succeed("a.test.:8001", {"10.0.0.1:8001"}, seconds(60));
  resolver_.Succeed("b.test.:8002", {"10.0.0.2:8002"}, seconds(60));
  Elapse(2 * ServiceQuery::kPatience);
  EXPECT_TRUE(answer_.has_value());
  EXPECT_TRUE(early_.empty());
}

TEST_F(ServiceQueryTest, NothingIsToldEarlyWhileThereIsNothing) {
  StartTwo();
  resolver_.Fail("a.test.:8001", ResolveStatus::kNotFound);
  Elapse(2 * ServiceQuery::kPatience);
  EXPECT_TRUE(early_.empty());
}

TEST_F(ServiceQueryTest, DroppingItCallsNothing) {
  StartTwo();
  query_.reset();
  resolver_.Succeed("a.test.:8001", {"10.0.0.1:8001"}, seconds(60));
  resolver_.Succeed("b.test.:8002", {"10.0.0.2:8002"}, seconds(60));
  EXPECT_FALSE(answer_.has_value());
}

TEST_F(ServiceQueryTest, TheCallbackMayDropIt) {
  query_ =
      ServiceQuery::Start(&loop_, &resolver_, "_http._tcp.web.test", [this](EndpointAnswer answer) {
        answer_ = std::move(answer);
        query_.reset();
      });
  resolver_.SucceedSrv("SRV _http._tcp.web.test", {{"a.test", 80, 1, 1}}, seconds(60));
  resolver_.Succeed("a.test.:80", {"10.0.0.1:80"}, seconds(60));
  EXPECT_TRUE(answer_.has_value());
  EXPECT_EQ(query_, nullptr);
}

}  // namespace
}  // namespace holdfast::pool
