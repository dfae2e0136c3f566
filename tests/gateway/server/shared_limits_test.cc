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
