#include "gateway/proxy/session.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;

class TestSession final : public Session {
 public:
  using Session::CountActive;
  using Session::Delist;
  using Session::Enlist;
  using Session::Replace;
  explicit TestSession(Listener* listener) : Session(listener) {}
  void BeginDrain() override {}
  bool Cut() override { return false; }
  void OnReconfigured() override {}
  bool GiveWay() override { return false; }
  pool::TimePoint idle_since() const override { return {}; }
  void OnConnectionReady() override {}
};

class SessionTest : public testing::Test {
 protected:
  int64_t Idle() { return harness_.Level(Metric::kClientConnections, {"edge", "idle"}); }
  int64_t Active() { return harness_.Level(Metric::kClientConnections, {"edge", "active"}); }
  ProxyHarness harness_;
};

TEST_F(SessionTest, HoldsAPlaceAndIsCountedOnce) {
  ASSERT_TRUE(harness_.listener->TakePlace());
  TestSession session(harness_.listener.get());
  session.Enlist();
  EXPECT_EQ(harness_.listener->sessions(), 1u);
  EXPECT_EQ(Idle(), 1);
  session.CountActive(true);
  session.CountActive(true);
  EXPECT_EQ(Idle(), 0);
  EXPECT_EQ(Active(), 1);
  session.Delist("why");
  EXPECT_EQ(Active(), 0);
  EXPECT_EQ(harness_.Closed("why"), 1u);
  EXPECT_EQ(harness_.listener->sessions(), 0u);
}

TEST_F(SessionTest, TellsItsRequestsWhenItEnds) {
  ASSERT_TRUE(harness_.listener->TakePlace());
  TestSession session(harness_.listener.get());
  session.Enlist();
  EXPECT_EQ(harness_.listener->cells().requests().value().count(), 0u);
  session.Delist("why", 7);
  EXPECT_EQ(harness_.listener->cells().requests().value().count(), 1u);
  EXPECT_EQ(harness_.listener->cells().requests().value().sum_nanoseconds, 7'000'000u);
}

TEST_F(SessionTest, ASuccessorTakesOverThePlaceAndTheCount) {
  ASSERT_TRUE(harness_.listener->TakePlace());
  TestSession first(harness_.listener.get());
  first.Enlist();
  first.CountActive(true);
  TestSession second(harness_.listener.get());
  second.Replace(first);
  EXPECT_EQ(harness_.context.sessions.size(), 1u);
  EXPECT_EQ(harness_.listener->sessions(), 1u);
  EXPECT_EQ(Active(), 1);
  second.CountActive(false);
  EXPECT_EQ(Idle(), 1);
  second.Delist("why");
  EXPECT_EQ(Idle(), 0);
  EXPECT_EQ(harness_.Closed("why"), 1u) << "the first did not end";
}

TEST_F(SessionTest, ItsClientIsCountedUntilTheLastSuccessorEnds) {
  const auto next = ProxyHarness::Load(
      "listeners: [{name: edge, bind: \"127.0.0.1:0\", max_connections_per_client: 1}]\n"
      "routes: [{respond: {}}]\n");
  harness_.listener->Configure(ProxyHarness::ListenerConfig(next, 0), 0);
  const auto client = *pool::SocketAddress::FromIp("192.0.2.7", 1);
  ASSERT_TRUE(harness_.listener->TakePlace());
  ASSERT_TRUE(harness_.listener->AdmitClient(client));
  TestSession first(harness_.listener.get());
  first.Enlist();
  TestSession second(harness_.listener.get());
  second.Replace(first);
  EXPECT_FALSE(harness_.listener->AdmitClient(client));
  EXPECT_EQ(harness_.places.by_client().counted(), 1u);
  second.Delist("why");
  EXPECT_EQ(harness_.places.by_client().counted(), 0u);
}

TEST(SessionEndTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(SessionEnd::kUpgraded); ++i) {
    EXPECT_TRUE(names.insert(SessionEndName(static_cast<SessionEnd>(i))).second);
  }
}

}  // namespace
}  // namespace holdfast::proxy
