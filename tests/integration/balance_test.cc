// Which endpoint a request goes to.

#include <array>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

TEST(BalanceTest, RoundRobinTakesTurns) {
  std::array<AutoUpstream, 3> upstreams;
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstreams[0].address(), upstreams[1].address(), upstreams[2].address()},
      .upstream = "balance: round_robin"});
  RawClient client(gateway.address());
  for (int i = 0; i < 300; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  // Each endpoint begins with a part of a turn that is drawn, lest all workers begin with the same.
  for (const AutoUpstream& upstream : upstreams) EXPECT_NEAR(upstream.requests(), 100, 2);
}

// Requests to /hold are answered when the test says so.
class HoldingUpstream {
 public:
  const AutoUpstream& operator*() const { return upstream_; }
  const AutoUpstream* operator->() const { return &upstream_; }
  void Release() { released_.set_value(); }

 private:
  std::promise<void> released_;
  std::shared_future<void> release_ = released_.get_future().share();
  AutoUpstream upstream_{[this](const Message& request) {
    if (request.Target() == "/hold") release_.wait();
    return AutoUpstream::Reply{.bytes = OkResponse("x")};
  }};
};

TEST(BalanceTest, LeastRequestAvoidsTheBusyEndpoint) {
  HoldingUpstream one;
  HoldingUpstream two;
  GatewayProcess gateway(GatewayConfig{.endpoints = {one->address(), two->address()},
                                       .upstream = "balance: least_request"});
  RawClient holding(gateway.address());
  holding.Send(GetRequest("/hold"));
  EXPECT_TRUE(Eventually([&] { return one->requests() + two->requests() == 1; }));
  const AutoUpstream& idle = one->requests() == 0 ? *one : *two;
  RawClient client(gateway.address());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(idle.requests(), 20);
  one.Release();
  two.Release();
  EXPECT_EQ(holding.Response().Status(), 200);
}

class CookieBalanceTest : public testing::Test {
 protected:
  GatewayConfig Config(const std::string& keys = "") const {
    return {.endpoints = {one_.address(), two_.address()},
            .upstream = "balance: {policy: round_robin, cookie: {name: b" + keys + "}}"};
  }
  // What a browser sends back.
  static std::string Returned(const Message& response) {
    const std::string set = response.Value("set-cookie");
    return "Cookie: a=1; " + set.substr(0, set.find(';')) + "\r\n";
  }

  AutoUpstream one_{"one"};
  AutoUpstream two_{"two"};
};

TEST_F(CookieBalanceTest, AClientReturnsToItsEndpoint) {
  GatewayProcess gateway(Config(", ttl: 1h"));
  RawClient client(gateway.address());
  std::set<std::string> endpoints;
  for (int i = 0; i < 4; ++i) {
    const Message first = client.Get("/");
    const std::string set = first.Value("set-cookie");
    EXPECT_TRUE(set.starts_with("b=")) << set;
    EXPECT_TRUE(set.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")) << set;
    EXPECT_EQ(set.find("127.0.0.1"), set.npos);
    endpoints.insert(first.body);
    for (int again = 0; again < 5; ++again) {
      RawClient returning(gateway.address());
      const Message response = returning.Get("/", Returned(first));
      EXPECT_EQ(response.body, first.body);
      EXPECT_FALSE(response.Has("set-cookie")) << "it has it";
    }
  }
  EXPECT_EQ(endpoints.size(), 2u);
}

TEST_F(CookieBalanceTest, AReloadForgetsNobodyAndAnotherProcessKnowsTheKeyOfTheFile) {
  GatewayProcess gateway(Config());
  RawClient client(gateway.address());
  const Message first = client.Get("/");
  gateway.Reload(Config(", ttl: 2h").Text());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.Get("/", Returned(first)).body, first.body);
  GatewayProcess other(Config());
  RawClient stranger(other.address());
  EXPECT_TRUE(stranger.Get("/", Returned(first)).Has("set-cookie")) << "another key";

  const std::string key = ", key: 0123456789abcdef0123456789abcdef";
  GatewayProcess here(Config(key));
  GatewayProcess there(Config(key));
  RawClient one(here.address());
  RawClient two(there.address());
  const Message known = one.Get("/");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(two.Get("/", Returned(known)).body, known.body);
}

TEST_F(CookieBalanceTest, WhatIsNoneOfOursLeadsNowhere) {
  GatewayProcess gateway(Config());
  RawClient client(gateway.address());
  const std::string good = Returned(client.Get("/"));
  for (const std::string& lines :
       {"Cookie: b=" + one_.address() + "\r\n", std::string("Cookie: b=\r\n"),
        std::string("Cookie: b=AAAA\r\n"), "Cookie: b=" + std::string(64, 'A') + "\r\n",
        "Cookie: b=" + std::string(8000, '_') + "\r\n", std::string("Cookie: b=\xff\r\n"),
        good.substr(0, good.size() - 3) + "\r\n"}) {
    const Message response = client.Get("/", lines);
    EXPECT_EQ(response.Status(), 200) << lines;
    EXPECT_TRUE(response.Value("set-cookie").starts_with("b=")) << lines;
  }
}

TEST_F(CookieBalanceTest, AnEndpointThatLeftIsReplaced) {
  GatewayProcess gateway(Config());
  RawClient client(gateway.address());
  Message first = client.Get("/");
  while (first.body != "one") first = client.Get("/");
  GatewayConfig without = Config();
  without.endpoints = {two_.address()};
  gateway.Reload(without.Text());
  const Message moved = client.Get("/", Returned(first));
  EXPECT_EQ(moved.body, "two");
  EXPECT_TRUE(moved.Has("set-cookie")) << "it stays where it is now";
  gateway.Reload(Config().Text());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.Get("/", Returned(moved)).body, "two");
}

TEST(BalanceTest, LeastRequestUsesEveryEndpointWhenAllAreIdle) {
  std::array<AutoUpstream, 3> upstreams;
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstreams[0].address(), upstreams[1].address(), upstreams[2].address()},
      .upstream = "balance: least_request"});
  RawClient client(gateway.address());
  for (int i = 0; i < 150; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  for (const AutoUpstream& upstream : upstreams) EXPECT_GT(upstream.requests(), 10);
}

TEST(BalanceTest, EveryWorkerServes) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}, .workers = "3"});
  for (int i = 0; i < 60; ++i) {
    RawClient client(gateway.address());
    EXPECT_EQ(client.Get("/").body, "hello");
  }
  gateway.AwaitMetric("holdfast_requests_total", {{"route", "web"}, {"code", "200"}}, 60);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_workers"), 3);
}

TEST(BalanceTest, RandomUsesEveryEndpoint) {
  std::array<AutoUpstream, 3> upstreams;
  GatewayProcess gateway(GatewayConfig{
      .endpoints = {upstreams[0].address(), upstreams[1].address(), upstreams[2].address()},
      .upstream = "balance: random"});
  RawClient client(gateway.address());
  for (int i = 0; i < 150; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  for (const AutoUpstream& upstream : upstreams) EXPECT_GT(upstream.requests(), 10);
}

// An upstream whose endpoints are mappings.
GatewayConfig WithUpstream(const std::string& keys) {
  return GatewayConfig{.routes = "- {name: web, upstream: web}",
                       .top = "upstreams:\n  web: {" + keys + "}\n"};
}

TEST(BalanceTest, WeightsDecideTheShares) {
  AutoUpstream heavy;
  AutoUpstream light;
  GatewayProcess gateway(WithUpstream("balance: round_robin, endpoints: [{address: \"" +
                                      heavy.address() + "\", weight: 4}, \"" + light.address() +
                                      "\"]"));
  RawClient client(gateway.address());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(heavy.requests(), 40);
  EXPECT_EQ(light.requests(), 10);
}

TEST(BalanceTest, ABackupServesWhatTheFirstTierCannot) {
  auto first = std::make_unique<AutoUpstream>("hello", UnusedAddress());
  AutoUpstream backup;
  GatewayProcess gateway(WithUpstream("endpoints: [\"" + first->address() + "\", {address: \"" +
                                      backup.address() + "\", backup: true}]"));
  RawClient client(gateway.address());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(backup.requests(), 0);
  EXPECT_EQ(first->requests(), 10);
  first.reset();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(backup.requests(), 10);
}

// Three upstreams that answer with their number.
class NumberedUpstreams {
 public:
  // The configuration's endpoints, turned by so many places.
  std::vector<std::string> Addresses(size_t turn = 0) const {
    std::vector<std::string> addresses;
    for (size_t i = 0; i < upstreams_.size(); ++i) {
      addresses.push_back(upstreams_[(i + turn) % upstreams_.size()]->address());
    }
    return addresses;
  }

 private:
  static std::unique_ptr<AutoUpstream> Make(const std::string& body) {
    return std::make_unique<AutoUpstream>(
        [body](const Message&) { return AutoUpstream::Reply{.bytes = OkResponse(body)}; });
  }
  std::array<std::unique_ptr<AutoUpstream>, 3> upstreams_ = {Make("0"), Make("1"), Make("2")};
};

// Which upstream serves the request, on a connection of its own.
std::string OwnerOf(const GatewayProcess& gateway, const std::string& target,
                    const std::string& lines) {
  RawClient client(gateway.address());
  return client.Get(target, lines).body;
}

class HashBalanceTest : public testing::TestWithParam<const char*> {
 protected:
  // The endpoints' ports make another ring of each run: of so many keys each endpoint has some.
  static constexpr int kKeys = 90;

  GatewayConfig Config(const std::string& hash, size_t turn = 0) const {
    return GatewayConfig{.endpoints = upstreams_.Addresses(turn),
                         .upstream = std::string("balance: ") + GetParam() + ", hash: " + hash,
                         .workers = "3"};
  }
  NumberedUpstreams upstreams_;
};

INSTANTIATE_TEST_SUITE_P(Policies, HashBalanceTest, testing::Values("ring_hash", "maglev"));

TEST_P(HashBalanceTest, AHeaderHasOneOwnerInEveryWorkerAndReplica) {
  GatewayProcess gateway(Config("{header: X-User}"));
  GatewayProcess replica(Config("{header: x-user}", /*turn=*/2));
  std::set<std::string> owners;
  for (int user = 0; user < kKeys; ++user) {
    const std::string line = "x-user: user-" + std::to_string(user) + "\r\n";
    const std::string owner = OwnerOf(gateway, "/", line);
    EXPECT_EQ(OwnerOf(gateway, "/other", line), owner);
    EXPECT_EQ(OwnerOf(gateway, "/", line), owner);
    EXPECT_EQ(OwnerOf(replica, "/", line), owner);
    owners.insert(owner);
  }
  EXPECT_EQ(owners, (std::set<std::string>{"0", "1", "2"}));
}

TEST_P(HashBalanceTest, ACookieHasOneOwner) {
  GatewayProcess gateway(Config("{cookie: sid}"));
  std::set<std::string> owners;
  for (int session = 0; session < kKeys; ++session) {
    const std::string pair = "sid=" + std::to_string(session);
    const std::string owner = OwnerOf(gateway, "/", "Cookie: " + pair + "\r\n");
    EXPECT_EQ(OwnerOf(gateway, "/", "Cookie: lang=de; " + pair + "; a=b\r\n"), owner);
    owners.insert(owner);
  }
  EXPECT_EQ(owners.size(), 3u);
}

TEST_P(HashBalanceTest, APathHasOneOwnerWhateverTheQuery) {
  GatewayProcess gateway(Config("path"));
  std::set<std::string> owners;
  for (int page = 0; page < kKeys; ++page) {
    const std::string path = "/page/" + std::to_string(page);
    const std::string owner = OwnerOf(gateway, path, "");
    EXPECT_EQ(OwnerOf(gateway, path + "?a=" + std::to_string(page), ""), owner);
    owners.insert(owner);
  }
  EXPECT_EQ(owners.size(), 3u);
}

TEST_P(HashBalanceTest, AClientHasOneOwner) {
  GatewayProcess gateway(Config("client_address"));
  const std::string owner = OwnerOf(gateway, "/", "");
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(OwnerOf(gateway, "/" + std::to_string(i), ""), owner);
  }
}

// Behind a balancer every connection has the same address.
TEST_P(HashBalanceTest, AClientBehindATrustedProxyIsKnownByItsOwnAddress) {
  GatewayConfig config = Config("client_address");
  config.listener = "trusted_proxies: [127.0.0.0/8]";
  GatewayProcess gateway(config);
  std::set<std::string> owners;
  for (int i = 0; i < kKeys; ++i) {
    const std::string line = "X-Forwarded-For: 203.0.113." + std::to_string(i) + "\r\n";
    const std::string owner = OwnerOf(gateway, "/", line);
    EXPECT_EQ(OwnerOf(gateway, "/other", line), owner);
    owners.insert(owner);
  }
  EXPECT_EQ(owners.size(), 3u);
}

TEST_P(HashBalanceTest, RequestsWithoutTheKeyAreSpread) {
  GatewayProcess gateway(Config("{header: x-user}"));
  std::set<std::string> owners;
  for (int i = 0; i < kKeys; ++i) owners.insert(OwnerOf(gateway, "/", ""));
  EXPECT_EQ(owners.size(), 3u);
}

TEST(BalanceTest, TheConnectionCapHoldsForAllWorkersTogether) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()},
                                       .upstream = "max_connections: 2, idle_timeout: 1h",
                                       .workers = "2"});
  for (int i = 0; i < 40; ++i) {
    RawClient client(gateway.address());
    EXPECT_EQ(client.Get("/").Status(), 200);
  }
  EXPECT_LE(upstream.accepted(), 2);
}

}  // namespace
}  // namespace holdfast::support
