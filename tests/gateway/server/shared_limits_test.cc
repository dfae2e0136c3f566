#include "gateway/server/shared_limits.h"

#include <poll.h>

#include <chrono>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "tests/support/deadline.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::server {
namespace {

class SharedLimitsTest : public testing::Test {
 protected:
  // Routes with these rate limits.
  static route::Snapshot SnapshotOf(const std::string& first, const std::string& second,
                                    const route::Snapshot* before = nullptr) {
    config::LoadResult loaded = config::LoadConfig(
        "listeners: [{bind: \"127.0.0.1:0\"}]\nroutes:\n"
        "  - {name: a, match: {path: /a}, respond: {status: 200}, rate_limit: " +
            first +
            "}\n"
            "  - {name: b, respond: {status: 200}, rate_limit: " +
            second + "}\n",
        "test");
    EXPECT_TRUE(loaded.config.has_value()) << config::FormatDiagnostics(loaded.diagnostics);
    return route::Snapshot(loaded.config.value_or(config::Config{}), {}, before);
  }
  std::string Shared(const std::string& keys = "") const {
    return "{requests: 10, shared: {redis: \"" + redis_.address() + "\"" + keys + "}}";
  }
  // The script is there, once it was asked for.
  void TakeScript(support::UpstreamConnection& connection) {
    EXPECT_TRUE(support::Eventually([&] {
      main_.loop.RunOnce(pool::Duration::zero());
      return support::AwaitReady(connection.fd(), POLLIN,
                                 support::Deadline(std::chrono::milliseconds(1)));
    }));
    connection.Send("$40\r\n" + std::string(40, 'a') + "\r\n");
  }

  support::ScriptedUpstream redis_;
  pool::SystemClock clock_;
  MainContext main_{.clock = &clock_};
  SharedLimits limits_{&main_};
};

TEST_F(SharedLimitsTest, WithoutSharedLimitsThereIsNoLink) {
  limits_.Adopt(SnapshotOf("off", "{requests: 1}"));
  EXPECT_EQ(limits_.links(), 0u);
  redis_.ExpectNoConnection();
}

TEST_F(SharedLimitsTest, RoutesThatShareInOneWayShareALink) {
  limits_.Adopt(SnapshotOf(Shared(), Shared()));
  EXPECT_EQ(limits_.links(), 1u);
  limits_.Adopt(SnapshotOf(Shared(), Shared(", prefix: other")));
  EXPECT_EQ(limits_.links(), 2u);
}

TEST_F(SharedLimitsTest, AReloadKeepsTheLinkAsLongAsItIsNeeded) {
  const route::Snapshot before = SnapshotOf(Shared(), "off");
  limits_.Adopt(before);
  support::UpstreamConnection connection = redis_.Accept();
  limits_.Adopt(SnapshotOf("{requests: 1}", Shared(), &before));
  EXPECT_EQ(limits_.links(), 1u);
  redis_.ExpectNoConnection();
  limits_.Adopt(SnapshotOf("{requests: 1}", "off", &before));
  EXPECT_EQ(limits_.links(), 0u);
  main_.loop.RunOnce(pool::Duration::zero());
  support::StreamEnd end = support::StreamEnd::kOpen;
  connection.ReadToEnd(&end);
  EXPECT_NE(end, support::StreamEnd::kOpen);
}

// One that is no longer needed says nothing of those that are, and one that fails does.
TEST_F(SharedLimitsTest, ARedisIsThereIfItIsForAllWhoNameIt) {
  const auto up = [this] {
    metrics::Sums sums;
    limits_.AddTo(sums);
    return sums.Of<metrics::Gauge>(metrics::Metric::kSharedRateLimitUp);
  };
  const auto await = [&](int64_t value) {
    return support::Eventually([&] {
      main_.loop.RunOnce(pool::Duration::zero());
      return up() == metrics::SumsByLabels<metrics::Gauge>{{{redis_.address()}, value}};
    });
  };
  const route::Snapshot before = SnapshotOf(Shared(), Shared(", prefix: other"));
  limits_.Adopt(before);
  support::UpstreamConnection first = redis_.Accept();
  support::UpstreamConnection second = redis_.Accept();
  TakeScript(first);
  for (int turn = 0; turn < 10; ++turn) main_.loop.RunOnce(std::chrono::milliseconds(1));
  EXPECT_TRUE(await(0)) << "half of them are";
  TakeScript(second);
  EXPECT_TRUE(await(1));
  first.Send(":1\r\n");  // which nobody has asked
  EXPECT_TRUE(await(0));
  limits_.Adopt(SnapshotOf("off", "off", &before));
  EXPECT_TRUE(up().empty());
}

TEST_F(SharedLimitsTest, ALinkThatGoesLeavesTheOthersUp) {
  const route::Snapshot before = SnapshotOf(Shared(), Shared(", prefix: other"));
  limits_.Adopt(before);
  support::UpstreamConnection first = redis_.Accept();
  support::UpstreamConnection second = redis_.Accept();
  TakeScript(first);
  TakeScript(second);
  const auto up = [this] {
    metrics::Sums sums;
    limits_.AddTo(sums);
    return sums.Of<metrics::Gauge>(metrics::Metric::kSharedRateLimitUp).at({redis_.address()});
  };
  EXPECT_TRUE(support::Eventually([&] {
    main_.loop.RunOnce(pool::Duration::zero());
    return up() == 1;
  }));
  limits_.Adopt(SnapshotOf(Shared(), "off", &before));
  EXPECT_EQ(up(), 1);
}

// Nobody answers there; that it is asked is enough.
TEST_F(SharedLimitsTest, ANameIsLookedUp) {
  limits_.Adopt(SnapshotOf("{requests: 1, shared: {redis: \"localhost:" +
                               redis_.address().substr(redis_.address().rfind(':') + 1) + "\"}}",
                           "off"));
  EXPECT_TRUE(support::Eventually([&] {
    main_.loop.RunOnce(pool::Duration::zero());
    return support::AwaitReady(redis_.fd(), POLLIN,
                               support::Deadline(std::chrono::milliseconds(1)));
  }));
}

}  // namespace
}  // namespace holdfast::server
