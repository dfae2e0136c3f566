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
  EXPECT_EQ(config->listeners[0].errors.detail, ErrorDetail::kFull);
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
            "unix:/path, or https://host with or without a port, but no path; found 'web'");
  EXPECT_EQ(Error(":8080", {}), "--to: expected at least one endpoint");
  EXPECT_EQ(Error(":8080", {"web:80", "web:80"}), "--to: 'web:80' is given twice");
}

TEST(MakeProxyConfigTest, SpeaksTlsToHttpsEndpoints) {
  const std::vector<std::string> to = {"https://web.test", "https://web.test:8443/"};
  const absl::StatusOr<Config> config = MakeProxyConfig(":8080", to);
  ASSERT_TRUE(config.ok()) << config.status();
  const Upstream& upstream = config->upstreams[0];
  EXPECT_EQ(upstream.endpoints[0].port, 443);
  EXPECT_EQ(upstream.endpoints[1].port, 8443);
  EXPECT_EQ(upstream.endpoints[1].text, "web.test:8443");
  ASSERT_TRUE(upstream.tls.has_value());
  EXPECT_EQ(*upstream.tls, UpstreamTls()) << "verified, by the system's authorities";
  const std::vector<std::string> v6 = {"https://[::1]"};
  EXPECT_EQ(MakeProxyConfig(":8080", v6)->upstreams[0].endpoints[0].port, 443);
}

TEST(MakeProxyConfigTest, SpeaksInClearToHttpEndpoints) {
  const std::vector<std::string> to = {"http://web.test", "other.test:81"};
  const absl::StatusOr<Config> config = MakeProxyConfig(":8080", to);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->upstreams[0].endpoints[0].text, "web.test:80");
  EXPECT_FALSE(config->upstreams[0].tls.has_value());
}

TEST(MakeProxyConfigTest, HttpsEndpointsHaveToBeOneHostAndNoPath) {
  EXPECT_EQ(Error(":8080", {"https://a.test", "b.test:443"}),
            "--to: expected https:// for all endpoints, or for none");
  EXPECT_TRUE(
      Error(":8080", {"https://a.test", "https://b.test"}).starts_with("--to: expected one host"));
  EXPECT_EQ(Error(":8080", {"https://a.test", "https://a.test:443"}),
            "--to: 'https://a.test:443' is given twice");
  for (const char* wrong : {"https://a.test/path", "https://", "https:///", "https://unix:/a",
                            "https://a.test:0", "https://a.test?b", "https://u@a.test",
                            "https://a.test:", "HTTPS:a.test", "ftp://a.test"}) {
    EXPECT_NE(Error(":8080", {wrong}).find("no path; found '"), std::string::npos) << wrong;
  }
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
