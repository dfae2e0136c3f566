#include "gateway/config/address.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(ParseBindTest, TakesLiteralsOfEveryFamily) {
  for (const char* text : {"127.0.0.1:8080", "0.0.0.0:1", ":8080", "[::1]:65535", "[::]:80",
                           "127.0.0.1:0", "unix:/run/holdfast.sock"}) {
    const std::optional<Bind> bind = ParseBind(text);
    ASSERT_TRUE(bind) << text;
    EXPECT_EQ(bind->text, text);
    EXPECT_GT(bind->address.length(), 0u) << text;
  }
  EXPECT_EQ(ParseBind("127.0.0.1:8080")->address.port(), 8080);
}

TEST(ParseBindTest, RefusesNamesAndBrokenLiterals) {
  for (const char* text : {"", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:65536",
                           "127.0.0.1:http", "::1:80", "unix:", "*:80"}) {
    EXPECT_EQ(ParseBind(text).has_value(), false) << text;
  }
}

TEST(ParseEndpointTest, TellsNamesFromLiterals) {
  const std::optional<Endpoint> name = ParseEndpoint("web.default.svc:80");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->text, "web.default.svc:80");
  EXPECT_EQ(name->host, "web.default.svc");
  EXPECT_EQ(name->port, 80);
  EXPECT_FALSE(name->literal);

  const std::optional<Endpoint> v4 = ParseEndpoint("10.0.0.7:8080");
  ASSERT_TRUE(v4 && v4->literal);
  EXPECT_EQ(v4->host, "10.0.0.7");
  EXPECT_EQ(v4->literal->port(), 8080);

  const std::optional<Endpoint> v6 = ParseEndpoint("[fd00::7]:8080");
  ASSERT_TRUE(v6 && v6->literal);
  EXPECT_EQ(v6->host, "fd00::7");
  EXPECT_EQ(v6->port, 8080);
}

TEST(ParseEndpointTest, TakesUnixPaths) {
  const std::optional<Endpoint> endpoint = ParseEndpoint("unix:/run/app.sock");
  ASSERT_TRUE(endpoint && endpoint->literal);
  EXPECT_EQ(endpoint->host, "");
  EXPECT_EQ(endpoint->port, 0);
  EXPECT_EQ(endpoint->literal->family(), AF_UNIX);
}

TEST(ParseEndpointTest, KeepsATrailingDot) {
  EXPECT_EQ(ParseEndpoint("web.default.svc.:80")->host, "web.default.svc.");
}

TEST(ParseEndpointTest, RefusesWhatCannotBeConnectedTo) {
  for (const char* text :
       {"",          "web",           "web:",        ":80",      "web:0",      "web:65536",
        "web:http",  "web:-1",        "web:+80",     "web:80 ",  "10.0.0.7:0", "10.0.0.300:80",
        "10.0.0:80", "http://web:80", "web:80/path", "we b:80",  "[::1]",      "[::1:80",
        "::1:80",    "-web:80",       "web-:80",     "we..b:80", ".web:80",    "unix:"}) {
    EXPECT_EQ(ParseEndpoint(text).has_value(), false) << text;
  }
}

TEST(ParseServiceTest, IsTheOwnerOfSrvRecords) {
  const std::optional<Endpoint> service = ParseService("_http._tcp.web.default.svc.");
  ASSERT_TRUE(service);
  EXPECT_EQ(service->text, "_http._tcp.web.default.svc.");
  EXPECT_EQ(service->host, service->text);
  EXPECT_EQ(service->port, 0);
  EXPECT_TRUE(service->srv);
  EXPECT_FALSE(service->literal);
  EXPECT_TRUE(ParseService("_http._tcp.web"));
}

TEST(ParseServiceTest, RefusesHostsAndPorts) {
  for (const char* text :
       {"", "web", "web.default.svc", "_http.web.svc", "http._tcp.web", "_http", "_http._tcp",
        "_http._tcp.web:80", "_http._tcp.", "_http._tcp.we b", "10.0.0.7", "._tcp.web"}) {
    EXPECT_EQ(ParseService(text).has_value(), false) << text;
  }
}

TEST(IsPortTest, IsFrom1To65535) {
  EXPECT_TRUE(IsPort("1"));
  EXPECT_TRUE(IsPort("65535"));
  for (const char* text : {"", "0", "65536", "-1", "+1", "http", "80 "}) {
    EXPECT_FALSE(IsPort(text)) << text;
  }
}

TEST(ParseDnsServerTest, DefaultsToPort53) {
  EXPECT_EQ(ParseDnsServer("10.0.0.2")->port(), 53);
  EXPECT_EQ(ParseDnsServer("10.0.0.2:5353")->port(), 5353);
  EXPECT_EQ(ParseDnsServer("fd00::2")->port(), 53);
  EXPECT_EQ(ParseDnsServer("[fd00::2]:5353")->port(), 5353);
}

TEST(ParseDnsServerTest, RefusesNamesPathsAndPortZero) {
  for (const char* text : {"", ":53", "dns.example.com", "10.0.0.2:0", "unix:/run/dns", "10.0.0"}) {
    EXPECT_EQ(ParseDnsServer(text), std::nullopt) << text;
  }
}

// Nothing could be sent there: c-ares has no room for the interface.
TEST(ParseDnsServerTest, RefusesAddressesOfOneInterface) {
  for (const char* text : {"[fe80::53%lo]:53", "fe80::53%lo", "fe80::53", "[fe80::53]:53",
                           "[fd00::53%lo]:53", "[fe80::53%1]:53"}) {
    EXPECT_EQ(ParseDnsServer(text), std::nullopt) << text;
  }
}

TEST(ParseEndpointTest, ALinkLocalAddressNeedsItsInterface) {
  EXPECT_EQ(ParseEndpoint("[fe80::1]:80"), std::nullopt);
  EXPECT_TRUE(ParseEndpoint("[fe80::1%lo]:80").has_value());
}

TEST(IsHostNameTest, ChecksTheLengths) {
  const std::string label(63, 'a');
  EXPECT_TRUE(IsHostName(label + ".example"));
  EXPECT_FALSE(IsHostName(label + "a.example"));
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253u);
  EXPECT_TRUE(IsHostName(longest));
  EXPECT_TRUE(IsHostName(longest + "."));
  EXPECT_FALSE(IsHostName(longest + "b"));
}

TEST(IsHostNameTest, TakesWhatServicesAreCalled) {
  EXPECT_TRUE(IsHostName("localhost"));
  EXPECT_TRUE(IsHostName("3com.example"));
  EXPECT_TRUE(IsHostName("_http._tcp.web"));
  EXPECT_TRUE(IsHostName("1.2.3.example"));
  EXPECT_FALSE(IsHostName("."));
  EXPECT_FALSE(IsHostName("1.2.3"));
  EXPECT_FALSE(
      IsHostName("b\xc3\xbc"
                 "cher.example"));
  EXPECT_FALSE(IsHostName(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace holdfast::config
