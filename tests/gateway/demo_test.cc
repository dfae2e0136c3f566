#include "gateway/demo.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/load.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

config::Config Loaded(int port, int pid) {
  config::LoadResult loaded = config::LoadConfig(DemoConfig(port, pid), "demo");
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

TEST(DemoTest, TheGreetingNamesThePort) {
  const std::string greeting = DemoGreeting(9000);
  EXPECT_THAT(greeting, HasSubstr("http://127.0.0.1:9000/hello"));
  EXPECT_THAT(greeting, HasSubstr("curl"));
  EXPECT_THAT(greeting, Not(HasSubstr("$0")));
}

}  // namespace
}  // namespace holdfast
