#include "gateway/config/proxy_config.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

std::string Error(std::string_view from, const std::vector<std::string>& to) {
  const absl::StatusOr<Config> config = MakeProxyConfig(from, to);
  EXPECT_FALSE(config.ok());
  return std::string(config.status().message().data(), config.status().message().size());
}

TEST(MakeProxyConfigTest, SendsEverythingToTheEndpoints) {
  const std::vector<std::string> to = {"127.0.0.1:3000", "web:80"};
  const absl::StatusOr<Config> config = MakeProxyConfig(":8080", to);
  ASSERT_TRUE(config.ok());
  ASSERT_EQ(config->listeners.size(), 1u);
  EXPECT_EQ(config->listeners[0].name, ":8080");
  EXPECT_EQ(config->listeners[0].bind.address.port(), 8080);
  ASSERT_EQ(config->upstreams.size(), 1u);
  ASSERT_EQ(config->upstreams[0].endpoints.size(), 2u);
  EXPECT_EQ(config->upstreams[0].endpoints[1].host, "web");
  ASSERT_EQ(config->routes.size(), 1u);
  EXPECT_EQ(config->routes[0].action, Action::kUpstream);
  EXPECT_EQ(config->routes[0].match.path, "/");
  EXPECT_FALSE(config->routes[0].match.exact_path);
}

TEST(MakeProxyConfigTest, NamesTheFlagThatIsWrong) {
  EXPECT_EQ(Error("8080", {"web:80"}),
            "--from: expected an address such as 0.0.0.0:8080, [::]:8080, :8080 or "
            "unix:/run/holdfast.sock; found '8080'");
  EXPECT_EQ(Error(":8080", {"web:80", "web"}),
            "--to: expected host:port such as web:8080, 192.0.2.7:8080 or [::1]:8080, or "
            "unix:/path; found 'web'");
  EXPECT_EQ(Error(":8080", {}), "--to: expected at least one endpoint");
  EXPECT_EQ(Error(":8080", {"web:80", "web:80"}), "--to: 'web:80' is given twice");
}

TEST(MakeProxyConfigTest, DoesNotListenWhereStatusDoes) {
  EXPECT_EQ(Error("127.0.0.1:9900", {"web:80"}),
            "--from: expected an address other than that of health and metrics; found "
            "'127.0.0.1:9900'");
}

TEST(MakeProxyConfigTest, TheStatusPortCanBeMovedOrSwitchedOff) {
  const std::vector<std::string> to = {"127.0.0.1:3000"};
  EXPECT_EQ(MakeProxyConfig(":8080", to)->status->text, kDefaultStatus);
  EXPECT_EQ(MakeProxyConfig(":8080", to, "127.0.0.1:9901")->status->text, "127.0.0.1:9901");
  EXPECT_FALSE(MakeProxyConfig(":8080", to, "off")->status.has_value());
  EXPECT_FALSE(MakeProxyConfig(":8080", to, "of").ok());
}

}  // namespace
}  // namespace holdfast::config
