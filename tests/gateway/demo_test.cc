#include "gateway/demo.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/load.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

config::Config Loaded(int port, int pid, const std::string& status = "127.0.0.1:9900") {
  config::LoadResult loaded = config::LoadConfig(DemoConfig(port, pid, status), "demo");
  EXPECT_EQ(config::FormatDiagnostics(loaded.diagnostics), "");
  EXPECT_TRUE(loaded.config.has_value());
  return loaded.config.value_or(config::Config{});
}

TEST(DemoTest, ItsConfigurationLoadsWithoutAWord) {
  const config::Config config = Loaded(8080, 17);
  ASSERT_EQ(config.listeners.size(), 2u);
  EXPECT_EQ(config.listeners[0].bind.text, "127.0.0.1:8080");
}

TEST(DemoTest, ItListensOnTheLoopbackOnly) {
  const config::Config config = Loaded(8080, 17);
  EXPECT_EQ(config.listeners[0].bind.address.Ip(), "127.0.0.1");
  EXPECT_FALSE(config.listeners[1].bind.address.is_ip());
  ASSERT_TRUE(config.status.has_value());
  EXPECT_EQ(config.status->address.Ip(), "127.0.0.1");
}

TEST(DemoTest, TheGatewayProxiesToTheOriginInside) {
  const config::Config config = Loaded(0, 4711);
  ASSERT_EQ(config.upstreams.size(), 1u);
  ASSERT_EQ(config.upstreams[0].endpoints.size(), 1u);
  EXPECT_EQ(config.upstreams[0].endpoints[0].literal, config.listeners[1].bind.address);
}

TEST(DemoTest, TwoDemosDoNotShareAnOrigin) {
  EXPECT_FALSE(Loaded(0, 1).listeners[1].bind.address == Loaded(0, 2).listeners[1].bind.address);
}

TEST(DemoTest, ItsStatusPortCanBeMovedOrSwitchedOff) {
  const config::LoadResult moved = config::LoadConfig(DemoConfig(0, 1, "127.0.0.1:9901"), "demo");
  ASSERT_TRUE(moved.config.has_value());
  ASSERT_TRUE(moved.config->status.has_value());
  EXPECT_EQ(moved.config->status->text, "127.0.0.1:9901");
  const config::LoadResult off = config::LoadConfig(DemoConfig(0, 1, "off"), "demo");
  ASSERT_TRUE(off.config.has_value());
  EXPECT_FALSE(off.config->status.has_value());
}

TEST(DemoTest, TheStatusListenerMovesOrIsOff) {
  EXPECT_EQ(Loaded(8080, 17, "[::1]:9999").status->text, "[::1]:9999");
  EXPECT_FALSE(Loaded(8080, 17, "off").status.has_value());
}

TEST(DemoTest, AStatusAddressThatIsNoneIsADiagnosticRatherThanMoreYaml) {
  for (const char* status : {"nowhere", "", "a\"}\nworkers: 7\nx: {y: \"z"}) {
    const config::LoadResult loaded = config::LoadConfig(DemoConfig(0, 1, status), "demo");
    EXPECT_FALSE(loaded.config.has_value()) << status;
  }
}

TEST(DemoTest, TheGreetingNamesThePorts) {
  const std::string greeting = DemoGreeting("127.0.0.1:9000", "127.0.0.1:9911");
  EXPECT_THAT(greeting, HasSubstr("http://127.0.0.1:9000/hello"));
  EXPECT_THAT(greeting, HasSubstr("curl -s http://127.0.0.1:9911/metrics"));
  EXPECT_THAT(greeting, Not(HasSubstr("$")));
}

TEST(DemoTest, TheGreetingOffersNoStatusThatIsOff) {
  EXPECT_THAT(DemoGreeting("127.0.0.1:9000", ""), Not(HasSubstr("metrics")));
}

}  // namespace
}  // namespace holdfast
