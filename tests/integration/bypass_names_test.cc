// Other spellings of a host and of a client's address, by which a request would come to another
// route or pass for another client's.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

class BypassNamesTest : public testing::Test {
 protected:
  AutoUpstream service_{"served"};
};

// Nobody may ask for one host, and everybody for the others, at the same upstream.
class BypassNamesOfHostsTest : public BypassNamesTest {
 protected:
  GatewayProcess gateway_{GatewayConfig{
      .endpoints = {service_.address()},
      .listener = "protocols: [h2, h1]",
      .routes = "- {match: {hosts: [admin.test]}, upstream: web, deny: [127.0.0.0/8]}\n"
                "- {match: {hosts: [\"*.inner.test\"]}, upstream: web, deny: [127.0.0.0/8]}\n"}};
};

TEST_F(BypassNamesOfHostsTest, NoSpellingOfAHostIsAnotherHost) {
  for (const std::string_view head :
       {"GET / HTTP/1.1\r\nHost: admin.test\r\n",
        "GET / HTTP/1.0\r\nHost: admin.test\r\n",
        "GET / HTTP/1.1\r\nhOST:admin.test\r\n",
        "GET / HTTP/1.1\r\nHost: \t admin.test \t\r\n",
        "GET / HTTP/1.1\r\nHost: ADMIN.Test\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test.\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test:80\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test:65535\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test.:\r\n",
        "GET / HTTP/1.1\r\nHost: x.inner.test\r\n",
        "GET / HTTP/1.1\r\nHost: x.y.INNER.test.:8080\r\n",
        "GET / HTTP/1.1\r\nHost: .x.inner.test\r\n",
        "GET http://admin.test/ HTTP/1.1\r\nHost: admin.test\r\n",
        "GET http://ADMIN.test:80/ HTTP/1.1\r\nHost: admin.test\r\n",
        "GET http://admin.test HTTP/1.1\r\nHost: admin.test\r\n",
        "GET http://admin.test?x HTTP/1.1\r\nHost: admin.test\r\n",
        "GET http://admin.test/ HTTP/1.0\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: admin.test\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test\r\nX-Forwarded-Host: other.test\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test\r\nForwarded: host=other.test\r\n"}) {
    RawClient client(gateway_.address());
    EXPECT_EQ(client.Exchange(std::string(head) + "\r\n").Status(), 403) << head;
  }
  // What others might take for it is nobody's.
  for (const std::string_view head :
       {"GET / HTTP/1.1\r\nHost: %61dmin.test\r\n", "GET / HTTP/1.1\r\nHost: admin%2etest\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test%00\r\n",
        "GET / HTTP/1.1\r\nHost: other.test, admin.test\r\n",
        "GET / HTTP/1.1\r\nHost: other.test@admin.test\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test/\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test#other.test\r\n",
        "GET / HTTP/1.1\r\nHost: admin.test:80:80\r\n",
        "GET / HTTP/1.1\r\nHost: http://admin.test\r\n",
        "GET / HTTP/1.1\r\nHost: other.test\r\nHost: admin.test\r\n",
        "GET / HTTP/1.1\r\nHost: other.test\r\n admin.test\r\n",
        "GET http://%61dmin.test/ HTTP/1.1\r\nHost: %61dmin.test\r\n",
        "GET http://other.test/ HTTP/1.1\r\nHost: admin.test\r\n",
        "GET http://admin.test/ HTTP/1.1\r\nHost: other.test\r\n",
        "GET http://other.test@admin.test/ HTTP/1.1\r\nHost: admin.test\r\n"}) {
    RawClient client(gateway_.address());
    EXPECT_EQ(client.Exchange(std::string(head) + "\r\n").Status(), 400) << head;
  }
  EXPECT_EQ(service_.requests(), 0);
  RawClient client(gateway_.address());
  for (const std::string_view host : {"other.test", "admin.test.other", "inner.test"}) {
    EXPECT_EQ(client.Exchange("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").body,
              "served")
        << host;
  }
}

TEST_F(BypassNamesOfHostsTest, NorOverHttp2) {
  const auto ask = [this](const Http2Request& request) {
    Http2Client client(gateway_.address());
    return client.Await(client.Send(request)).Status();
  };
  for (const std::string authority :
       {"admin.test", "ADMIN.Test", "admin.test.", "admin.test:443", "x.inner.test"}) {
    EXPECT_EQ(ask({.authority = authority}), 403) << authority;
    EXPECT_EQ(ask({.authority = authority, .fields = {{"host", authority}}}), 403) << authority;
    const Http2Fields without = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}};
    EXPECT_EQ(ask({.fields = {{"host", authority}}, .pseudo_fields = without}), 403) << authority;
  }
  EXPECT_EQ(ask({.authority = "%61dmin.test"}), 400);
  EXPECT_EQ(ask({.authority = "other.test", .fields = {{"host", "admin.test"}}}), 400);
  EXPECT_EQ(ask({.authority = "other.test@admin.test"}), 400);
  EXPECT_EQ(service_.requests(), 0);
  EXPECT_EQ(ask({.authority = "other.test"}), 200);
}

// One address may ask, which only a proxy at another one can speak for.
class BypassNamesOfClientsTest : public BypassNamesTest {
 protected:
  static constexpr std::string_view kProxy = "127.0.0.9";

  GatewayConfig Config(const std::string& client_ip) const {
    return {.endpoints = {service_.address()},
            .listener = "trusted_proxies: [127.0.0.9]" + client_ip,
            .route = "allow: [192.0.2.1]"};
  }
  static int Ask(const GatewayProcess& gateway, std::string_view from, std::string_view fields) {
    RawClient client(gateway.address(), {.local_address = std::string(from)});
    return client.Get("/", fields).Status();
  }
  static void ExpectDenied(const GatewayProcess& gateway, std::string_view from,
                           const std::vector<std::string_view>& attempts) {
    for (const std::string_view fields : attempts) {
      EXPECT_EQ(Ask(gateway, from, fields), 403) << from << ": " << fields;
    }
  }
};

TEST_F(BypassNamesOfClientsTest, NobodyBorrowsAnAddress) {
  GatewayProcess gateway(Config(""));
  const std::vector<std::string_view> attempts = {
      "",
      "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\n",
      "X-Forwarded-For: 192.0.2.1,203.0.113.9,127.0.0.9\r\n",
      "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 203.0.113.9\r\n",
      "X-Forwarded-For: 192.0.2.1, unknown\r\n",
      "X-Forwarded-For: 192.0.2.1,\r\n",
      "X-Forwarded-For: 192.0.2.01\r\n",
      "X-Forwarded-For: 3221225985\r\n",
      "X-Forwarded-For: 0xc0.0.2.1\r\n",
      "X-Forwarded-For: 192.0.513\r\n",
      "X-Forwarded-For: 192.0.2.1%lo\r\n",
      "X-Forwarded-For: 192.0.2.1/32\r\n",
      "X-Forwarded-For: \"192.0.2.1\"\r\n",
      "X-Forwarded-For: 192.0.2.1:port\r\n",
      "X-Forwarded-For: 192.0.2.10\r\n",
      "X_Forwarded_For: 192.0.2.1\r\n",
      "Forwarded: for=192.0.2.1\r\n",
      "X-Real-IP: 192.0.2.1\r\n",
      "X-Client-IP: 192.0.2.1\r\n",
      "Via: 1.1 192.0.2.1\r\n",
  };
  ExpectDenied(gateway, kProxy, attempts);
  ExpectDenied(gateway, "127.0.0.1", attempts);
  const std::vector<std::string_view> of_the_client = {
      "X-Forwarded-For: 192.0.2.1\r\n",
      "x-forwarded-for: 203.0.113.9, 192.0.2.1:4711\r\n",
      "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1, 127.0.0.9\r\n",
      "X-Forwarded-For: ::ffff:192.0.2.1\r\n",
  };
  ExpectDenied(gateway, "127.0.0.1", of_the_client);
  EXPECT_EQ(service_.requests(), 0);
  for (const std::string_view fields : of_the_client) {
    EXPECT_EQ(Ask(gateway, kProxy, fields), 200) << fields;
  }
}

TEST_F(BypassNamesOfClientsTest, NorByForwarded) {
  GatewayProcess gateway(Config(", client_ip: {from: forwarded}"));
  const std::vector<std::string_view> attempts = {
      "X-Forwarded-For: 192.0.2.1\r\n",
      "Forwarded: for=192.0.2.1, for=203.0.113.9\r\n",
      "Forwarded: for=192.0.2.1\r\nForwarded: for=203.0.113.9\r\n",
      "Forwarded: by=192.0.2.1\r\n",
      "Forwarded: for=192.0.2.1;for=203.0.113.9\r\n",
      "Forwarded: for=\"192.0.2.1, for=203.0.113.9\"\r\n",
      "Forwarded: for=203.0.113.9;host=\"for=192.0.2.1\"\r\n",
      "Forwarded: for=_hidden\r\n",
      "Forwarded: for=192.0.2.1, for=unknown\r\n",
  };
  ExpectDenied(gateway, kProxy, attempts);
  ExpectDenied(gateway, "127.0.0.1", {"Forwarded: for=192.0.2.1\r\n"});
  EXPECT_EQ(service_.requests(), 0);
  EXPECT_EQ(Ask(gateway, kProxy, "Forwarded: for=203.0.113.9, FOR=\"192.0.2.1:4711\"\r\n"), 200);
}

TEST_F(BypassNamesOfClientsTest, NorByXRealIp) {
  GatewayProcess gateway(Config(", client_ip: {from: x_real_ip}"));
  ExpectDenied(gateway, kProxy,
               {"X-Forwarded-For: 192.0.2.1\r\n", "Forwarded: for=192.0.2.1\r\n",
                "X_Real_IP: 192.0.2.1\r\n", "X-Real-IP: 192.0.2.1, 203.0.113.9\r\n",
                "X-Real-IP: 192.0.2.1\r\nX-Real-IP: 203.0.113.9\r\n", "X-Real-IP: 192.0.2.01\r\n"});
  ExpectDenied(gateway, "127.0.0.1", {"X-Real-IP: 192.0.2.1\r\n"});
  EXPECT_EQ(service_.requests(), 0);
  EXPECT_EQ(Ask(gateway, kProxy, "X-Real-IP: 192.0.2.1\r\n"), 200);
}

}  // namespace
}  // namespace holdfast::support
