// Rate limits that gateways share by Redis, with a Redis whose every byte is the test's: what it is
// told, and that no request waits for it or fails because of it.

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {
namespace {

constexpr char kUp[] = "holdfast_shared_rate_limit_up";
constexpr char kSyncs[] = "holdfast_shared_rate_limit_syncs_total";
constexpr char kDropped[] = "holdfast_shared_rate_limit_dropped_total";
constexpr std::string_view kScriptEnd = "return math.ceil(full - now)\n\r\n";
constexpr std::string_view kScriptLoaded = "$40\r\n0123456789abcdef0123456789abcdef01234567\r\n";

// A limit of ten in a long time. Redis has as long as the test takes to answer.
GatewayConfig Sharing(const std::string& redis) {
  return {.routes =
              "- {name: api, respond: {body: served}, rate_limit: {requests: 10, per: 10h, "
              "key: \"header:x-key\", shared: {redis: \"" +
              redis + "\", sync: 10ms, timeout: 60s}}}\n"};
}

int StatusOf(RawClient& client, std::string_view key = "somebody") {
  return client.Get("/", "X-Key: " + std::string(key) + "\r\n").Status();
}

int CountServed(RawClient& client, int requests, std::string_view key = "somebody") {
  int served = 0;
  for (int i = 0; i < requests; ++i) {
    const int status = StatusOf(client, key);
    EXPECT_TRUE(status == 200 || status == 429) << status;
    served += status == 200 ? 1 : 0;
  }
  return served;
}

UpstreamConnection Greeted(ScriptedUpstream& redis) {
  UpstreamConnection connection = redis.Accept();
  connection.ReadUntil(kScriptEnd);
  connection.Send(kScriptLoaded);
  return connection;
}

TEST(SharedLimitTest, WhatOthersTookIsGoneHere) {
  ScriptedUpstream redis;
  GatewayProcess gateway(Sharing(redis.address()));
  UpstreamConnection connection = Greeted(redis);
  gateway.AwaitMetric(kUp, {{"redis", redis.address()}}, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(StatusOf(client), 200);
  const std::string told = connection.ReadUntil("\r\n$1\r\n1\r\n$10\r\n3600000000\r\n");
  EXPECT_NE(told.find("holdfast:api:"), told.npos) << told;
  EXPECT_EQ(told.find("somebody"), told.npos) << "whose it is stays here";
  connection.ReadUntil("\r\n576000160000\r\n");
  connection.Send(":36000000000\r\n");
  gateway.AwaitMetric(kSyncs, {{"redis", redis.address()}, {"result", "synced"}}, 1);
  const Message refused = client.Get("/", "X-Key: somebody\r\n");
  EXPECT_EQ(refused.Status(), 429);
  EXPECT_NE(refused.Value("retry-after"), "");
  EXPECT_EQ(StatusOf(client, "else"), 200);
}

TEST(SharedLimitTest, ARedisThatHangsHoldsUpNobody) {
  ScriptedUpstream redis;
  GatewayProcess gateway(Sharing(redis.address()));
  RawClient client(gateway.address());
  EXPECT_EQ(CountServed(client, 15, "before it is asked"), 10);
  UpstreamConnection connection = Greeted(redis);
  gateway.AwaitMetric(kUp, {}, 1);
  EXPECT_EQ(CountServed(client, 15), 10) << "while a batch is not answered";
  EXPECT_EQ(CountServed(client, 15, "and another"), 10);
}

TEST(SharedLimitTest, ARedisThatIsNotThereIsDoneWithout) {
  const std::string address = UnusedAddress();
  GatewayProcess gateway(Sharing(address));
  gateway.AwaitMetricAtLeast(kSyncs, {{"redis", address}, {"result", "failed"}}, 1);
  EXPECT_TRUE(gateway.AwaitStderr("redis " + address + ": connect_refused; until it is back"));
  RawClient client(gateway.address());
  EXPECT_EQ(CountServed(client, 15), 10);
  gateway.AwaitMetric(kDropped, {{"redis", address}}, 10);
  EXPECT_EQ(gateway.Scrape().Value(kUp), 0);
}

TEST(SharedLimitTest, WhateverItAnswersRequestsGoOn) {
  ScriptedUpstream redis;
  GatewayProcess gateway(Sharing(redis.address()));
  RawClient client(gateway.address());
  double failures = 0;
  for (const std::string_view answer :
       {"-LOADING Redis is loading the dataset in memory\r\n", "-\x1b[31m\x80 bell \x07\r\n",
        "*2\r\n:1\r\n:2\r\n", "*1000000000\r\n", "HTTP/1.1 200 OK\r\n\r\n", "\r\n\r\n\r\n"}) {
    UpstreamConnection connection = Greeted(redis);
    gateway.AwaitMetric(kUp, {}, 1);
    EXPECT_EQ(StatusOf(client), 200);
    connection.ReadUntil("EVALSHA");
    connection.Send(answer);
    gateway.AwaitMetric(kSyncs, {{"redis", redis.address()}, {"result", "failed"}}, ++failures);
    EXPECT_EQ(gateway.Scrape().Value(kUp), 0);
  }
  EXPECT_EQ(CountServed(client, 10), 4) << "the local limit has counted on";
}

TEST(SharedLimitTest, OneThatGreetsAndClosesIsCountedEachTimeAndToldOfOnce) {
  ScriptedUpstream redis;
  GatewayProcess gateway(Sharing(redis.address()));
  for (double losses = 1; losses <= 4; ++losses) {
    Greeted(redis).Close();
    gateway.AwaitMetric(kSyncs, {{"redis", redis.address()}, {"result", "failed"}}, losses);
  }
  RawClient client(gateway.address());
  EXPECT_EQ(CountServed(client, 15), 10);
  EXPECT_TRUE(gateway.AwaitStderr("it closed the connection; until it is back"));
  const std::string log = gateway.Stderr();
  const size_t told = log.find("until it is back");
  EXPECT_EQ(log.find("until it is back", told + 30), log.npos) << log;
  EXPECT_EQ(log.find("shared again"), log.npos) << log;
}

TEST(SharedLimitTest, AReloadKeepsTheLinkAndWhatWasCounted) {
  ScriptedUpstream redis;
  const GatewayConfig config = Sharing(redis.address());
  GatewayProcess gateway(config);
  UpstreamConnection connection = Greeted(redis);
  gateway.AwaitMetric(kUp, {}, 1);
  RawClient client(gateway.address());
  EXPECT_EQ(CountServed(client, 9), 9);
  gateway.Reload(config.Text());
  redis.ExpectNoConnection();
  RawClient after(gateway.address());
  EXPECT_EQ(CountServed(after, 9), 1);
  gateway.Reload(GatewayConfig{.routes = "- {name: api, respond: {body: served}}\n"}.Text());
  StreamEnd end = StreamEnd::kOpen;
  connection.ReadToEnd(&end);
  EXPECT_NE(end, StreamEnd::kOpen) << "nobody needs it any more";
}

}  // namespace
}  // namespace holdfast::support
