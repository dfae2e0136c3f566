#include "gateway/proxy/admission.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using std::chrono::seconds;

HarnessConfig WithRoute(const std::string& keys) {
  return {.listener = "",
          .upstream = "",
          .routes = "- {name: all, match: {path_prefix: /}, respond: {body: ok}, " + keys + "}"};
}

class AdmissionTest : public testing::Test {
 protected:
  std::string Ask(ProxyHarness& harness, Wire& client, std::string_view fields = "") {
    client.Send("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
    EXPECT_TRUE(harness.TurnUntil([&] {
      client.Pull();
      return client.received().find(kHeadEnd) != std::string::npos && harness.AtRest();
    }));
    return client.Take();
  }
  int StatusOf(const std::string& response) { return std::stoi("0" + response.substr(9, 3)); }
};

TEST_F(AdmissionTest, WhoAsksTooOftenIsToldWhenToComeBack) {
  ProxyHarness harness(WithRoute("rate_limit: {requests: 2, per: 10s}"));
  Wire client = harness.Connect();
  EXPECT_EQ(StatusOf(Ask(harness, client)), 200);
  EXPECT_EQ(StatusOf(Ask(harness, client)), 200);
  const std::string refused = Ask(harness, client);
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 Too Many Requests\r\n")) << refused;
  EXPECT_NE(refused.find("Retry-After: 5\r\n"), refused.npos) << refused;
  EXPECT_NE(refused.find("RateLimit-Policy: \"all\";q=2;w=10\r\n"), refused.npos) << refused;
  EXPECT_NE(refused.find("RateLimit: \"all\";r=0;t="), refused.npos) << refused;
  EXPECT_NE(refused.find("reason: rate_limited\n"), refused.npos) << refused;
  EXPECT_EQ(harness.Count(Metric::kRateLimitedRequestsTotal, {"all", "refused"}), 1u);
  harness.Advance(seconds(6));
  EXPECT_EQ(StatusOf(Ask(harness, client)), 200);
}

TEST_F(AdmissionTest, ClientsAreCountedEachForThemselves) {
  ProxyHarness harness(WithRoute("rate_limit: {requests: 1, per: 10s}"));
  Wire one = harness.Connect();
  EXPECT_EQ(StatusOf(Ask(harness, one)), 200);
  EXPECT_EQ(StatusOf(Ask(harness, one)), 429);
  auto [ours, theirs] = pool::TcpPair();
  Wire other = harness.Connect(std::move(ours), std::move(theirs), "192.0.2.8:1");
  EXPECT_EQ(StatusOf(Ask(harness, other)), 200);
}

TEST_F(AdmissionTest, AllAreCountedTogetherWhereTheRuleSaysSo) {
  ProxyHarness harness(WithRoute("rate_limit: {requests: 1, per: 10s, key: global, status: 503}"));
  Wire one = harness.Connect();
  EXPECT_EQ(StatusOf(Ask(harness, one)), 200);
  auto [ours, theirs] = pool::TcpPair();
  Wire other = harness.Connect(std::move(ours), std::move(theirs), "192.0.2.8:1");
  EXPECT_EQ(StatusOf(Ask(harness, other)), 503);
}

TEST_F(AdmissionTest, AFieldOrACookieMayBeTheKey) {
  ProxyHarness by_field(WithRoute("rate_limit: {requests: 1, per: 10s, key: \"header:x-key\"}"));
  Wire client = by_field.Connect();
  EXPECT_EQ(StatusOf(Ask(by_field, client, "X-Key: a\r\n")), 200);
  EXPECT_EQ(StatusOf(Ask(by_field, client, "X-Key: a\r\n")), 429);
  EXPECT_EQ(StatusOf(Ask(by_field, client, "X-Key: b\r\n")), 200);
  ProxyHarness by_cookie(WithRoute("rate_limit: {requests: 1, per: 10s, key: \"cookie:sid\"}"));
  Wire browser = by_cookie.Connect();
  EXPECT_EQ(StatusOf(Ask(by_cookie, browser, "Cookie: x=1; sid=a\r\n")), 200);
  EXPECT_EQ(StatusOf(Ask(by_cookie, browser, "Cookie: sid=a\r\n")), 429);
}

// Without what is counted by, a client is counted by its address: nobody gets out of it so.
TEST_F(AdmissionTest, WhoLeavesOutTheKeyIsCountedByAddress) {
  ProxyHarness harness(WithRoute("rate_limit: {requests: 1, per: 10s, key: \"header:x-key\"}"));
  Wire client = harness.Connect();
  EXPECT_EQ(StatusOf(Ask(harness, client)), 200);
  for (const std::string_view fields : {"", "X-Key: \r\n", "X-Keys: a\r\n", "X_Key: a\r\n"}) {
    EXPECT_EQ(StatusOf(Ask(harness, client, fields)), 429) << fields;
  }
}

// Of several an upstream may read the last one, while the first is another each time.
TEST_F(AdmissionTest, WhoHasSeveralKeysIsCountedByAddress) {
  ProxyHarness by_field(WithRoute("rate_limit: {requests: 1, per: 10s, key: \"header:x-key\"}"));
  Wire client = by_field.Connect();
  EXPECT_EQ(StatusOf(Ask(by_field, client)), 200) << "takes what the address has";
  for (const std::string_view fields :
       {"X-Key: 1\r\nX-Key: a\r\n", "X-Key: 2\r\nx-key: a\r\n", "X-Key: 3\r\nX_Key: a\r\n",
        "X_Key: a\r\nX-Key: 4\r\n", "X-Key: 5\r\nX-Key:\r\n", "x.key: a\r\n"}) {
    EXPECT_EQ(StatusOf(Ask(by_field, client, fields)), 429) << fields;
  }
  EXPECT_EQ(StatusOf(Ask(by_field, client, "X-Key: a\r\nX-Keys: b\r\n")), 200) << "one key";
  ProxyHarness by_cookie(WithRoute("rate_limit: {requests: 1, per: 10s, key: \"cookie:sid\"}"));
  Wire browser = by_cookie.Connect();
  EXPECT_EQ(StatusOf(Ask(by_cookie, browser)), 200) << "takes what the address has";
  for (const std::string_view fields :
       {"Cookie: sid=1; sid=a\r\n", "Cookie: sid=2\r\nCookie: sid=a\r\n",
        "Cookie: sid = 3;sid=a\r\n", "Cookie: SID=a\r\n", "Cookie: sid=\r\n", "Cookie: sid\r\n"}) {
    EXPECT_EQ(StatusOf(Ask(by_cookie, browser, fields)), 429) << fields;
  }
  EXPECT_EQ(StatusOf(Ask(by_cookie, browser, "Cookie: sid=a; sid=a\r\n")), 200) << "one key";
}

// Two requests, one after the other, to a route that takes one: whether the second is counted with
// the first.
struct Pair {
  const char* name;
  const char* key;
  std::string first;
  std::string second;
  bool together;
};

// What only an upstream may take for the same is another.
TEST_F(AdmissionTest, AKeyIsItsBytes) {
  const std::string key = "X-Key: a\r\n";
  const std::string sid = "Cookie: sid=a\r\n";
  const std::string none;  // counted by the client's address
  const std::string large(7000, 'k');
  const char* const by_field = "header:x-key";
  const char* const by_cookie = "cookie:sid";
  const Pair pairs[] = {
      {"control: the same field", by_field, key, key, true},
      {"control: another field", by_field, key, "X-Key: b\r\n", false},
      {"control: a field and none", by_field, key, none, false},
      {"a field in capitals is another", by_field, key, "X-Key: A\r\n", false},
      {"a field in quotes is another", by_field, key, "X-Key: \"a\"\r\n", false},
      {"a long field", by_field, "X-Key: " + large + "\r\n", "X-Key: " + large + "\r\n", true},
      {"a long field's end", by_field, "X-Key: " + large + "a\r\n", "X-Key: " + large + "b\r\n",
       false},
      {"a field of any bytes", by_field, "X-Key: \x80\xff\xfe\r\n", "X-Key: \x80\xff\xfe\r\n",
       true},
      {"the text of the address", by_field, none, "X-Key: 192.0.2.7\r\n", false},
      {"control: the same cookie", by_cookie, sid, sid, true},
      {"a cookie in quotes is another", by_cookie, sid, "Cookie: sid=\"a\"\r\n", false},
      {"a cookie with an escape is another", by_cookie, sid, "Cookie: sid=%61\r\n", false},
      {"a cookie with and without quotes", by_cookie, none, "Cookie: sid=\"a\"; sid=a\r\n", true},
      {"a cookie within another", by_cookie, none, "Cookie: x=sid=a\r\n", true},
  };
  for (const Pair& pair : pairs) {
    SCOPED_TRACE(pair.name);
    ProxyHarness harness(
        WithRoute("rate_limit: {requests: 1, per: 10s, key: \"" + std::string(pair.key) + "\"}"));
    Wire client = harness.Connect();
    EXPECT_EQ(StatusOf(Ask(harness, client, pair.first)), 200);
    EXPECT_EQ(StatusOf(Ask(harness, client, pair.second)), pair.together ? 429 : 200);
  }
}

// So none is written into what is counted by, nor into what others are told.
TEST_F(AdmissionTest, AKeyWithControlCharactersIsNoRequest) {
  for (const std::string_view value :
       {std::string_view("\x02\xc0\0\x02\x07", 5), std::string_view("a\0b", 3),
        std::string_view("a\rb"), std::string_view("a\r\n b"), std::string_view("\x7f")}) {
    ProxyHarness harness(WithRoute("rate_limit: {requests: 1, per: 10s, key: \"header:x-key\"}"));
    Wire client = harness.Connect();
    client.Send("GET / HTTP/1.1\r\nHost: a\r\nX-Key: " + std::string(value) + "\r\n\r\n");
    EXPECT_TRUE(harness.TurnUntil([&] {
      client.Pull();
      return client.received().starts_with("HTTP/1.1 400 ");
    })) << client.received();
  }
}

TEST_F(AdmissionTest, NoAddressOfAClientMakesAnotherOfIt) {
  const std::string none;
  const auto from = [](const std::string& list) { return "X-Forwarded-For: " + list + "\r\n"; };
  const struct {
    const char* name;
    const char* first_peer;
    std::string first;
    const char* second_peer;
    std::string second;
    bool together;
  } pairs[] = {
      {"control: one address, two ports", "192.0.2.8:1", none, "192.0.2.8:2", none, true},
      {"control: two addresses", "192.0.2.8:1", none, "192.0.2.9:1", none, false},
      {"an address within IPv6", "192.0.2.8:1", none, "[::ffff:192.0.2.8]:1", none, true},
      {"another address within IPv6", "192.0.2.8:1", none, "[::ffff:192.0.2.9]:1", none, false},
      {"one /64", "[2001:db8:1:2::1]:1", none, "[2001:db8:1:2:ffff:ffff:ffff:ffff]:1", none, true},
      {"the next /64", "[2001:db8:1:2::1]:1", none, "[2001:db8:1:3::1]:1", none, false},
      {"forged by an untrusted peer", "192.0.2.8:1", none, "192.0.2.8:1", from("203.0.113.9"),
       true},
      {"control: told by a trusted one", "198.51.100.1:1", from("203.0.113.9"), "198.51.100.2:1",
       from("203.0.113.9"), true},
      {"control: two told by a trusted one", "198.51.100.1:1", from("203.0.113.9"),
       "198.51.100.1:1", from("203.0.113.10"), false},
      {"forged before what a trusted one tells", "198.51.100.1:1", from("203.0.113.9"),
       "198.51.100.1:1", from("192.0.2.1, 203.0.113.9"), true},
      {"forged in a line before that", "198.51.100.1:1", from("203.0.113.9"), "198.51.100.1:1",
       from("192.0.2.1") + from("203.0.113.9"), true},
      {"told with a port", "198.51.100.1:1", from("203.0.113.9"), "198.51.100.1:1",
       from("203.0.113.9:4711"), true},
      {"told within IPv6", "198.51.100.1:1", from("203.0.113.9"), "198.51.100.1:1",
       from("[::ffff:203.0.113.9]:4711"), true},
      {"told as another of its /64", "198.51.100.1:1", from("2001:db8:1:2::1"), "198.51.100.1:1",
       from("2001:DB8:1:2:0:0:0:2"), true},
      {"told is nonsense", "198.51.100.1:1", none, "198.51.100.1:1", from("nobody"), true},
      {"told is nonsense behind an address", "198.51.100.1:1", none, "198.51.100.1:1",
       from("203.0.113.9, %00"), true},
  };
  for (const auto& pair : pairs) {
    SCOPED_TRACE(pair.name);
    HarnessConfig config = WithRoute("rate_limit: {requests: 1, per: 10s}");
    config.listener = "trusted_proxies: [198.51.100.0/24]";
    ProxyHarness harness(config);
    auto [ours, theirs] = pool::TcpPair();
    Wire first = harness.Connect(std::move(ours), std::move(theirs), pair.first_peer);
    EXPECT_EQ(StatusOf(Ask(harness, first, pair.first)), 200);
    auto [our_other, their_other] = pool::TcpPair();
    Wire second = harness.Connect(std::move(our_other), std::move(their_other), pair.second_peer);
    EXPECT_EQ(StatusOf(Ask(harness, second, pair.second)), pair.together ? 429 : 200);
  }
}

TEST_F(AdmissionTest, AKeyIsCountedOnEachRouteForItself) {
  ProxyHarness harness(HarnessConfig{
      .listener = "",
      .upstream = "",
      .routes = "- {name: one, match: {path: /}, respond: {body: ok}, rate_limit: {requests: 1, "
                "per: 10s, key: \"header:x-key\"}}\n"
                "  - {name: two, match: {path_prefix: /}, respond: {body: ok}, rate_limit: "
                "{requests: 1, per: 10s, key: \"header:x-key\"}}"});
  Wire client = harness.Connect();
  EXPECT_EQ(StatusOf(Ask(harness, client, "X-Key: a\r\n")), 200);
  client.Send("GET /two HTTP/1.1\r\nHost: a\r\nX-Key: a\r\n\r\n");
  EXPECT_TRUE(harness.Await(client, "ok").starts_with("HTTP/1.1 200 "));
}

TEST_F(AdmissionTest, AShadowOnlyCounts) {
  ProxyHarness harness(WithRoute("rate_limit: {requests: 1, per: 10s, shadow: true}"));
  Wire client = harness.Connect();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(StatusOf(Ask(harness, client)), 200);
  EXPECT_EQ(harness.Count(Metric::kRateLimitedRequestsTotal, {"all", "passed"}), 2u);
  EXPECT_EQ(harness.Count(Metric::kRateLimitedRequestsTotal, {"all", "refused"}), 0u);
}

// A route to an upstream that has one place, and clients that ask for it.
class PlaceTest : public testing::Test {
 protected:
  explicit PlaceTest(const std::string& more = "")
      : harness_(HarnessConfig{
            .listener = "",
            .upstream = "",
            .routes = "- {name: all, match: {path_prefix: /}, upstream: web, max_in_flight: "
                      "{requests: 1, queue: {size: 1, timeout: 2s}}" +
                      more + "}"}) {}

  // The place is held by a request that the upstream has.
  void Fill() {
    holder_.Send(kGet);
    upstream_ = harness_.Accept();
    harness_.Await(upstream_, kHeadEnd);
  }
  void AwaitWaiting(int64_t level) {
    EXPECT_TRUE(harness_.TurnUntil(
        [&] { return harness_.Level(Metric::kRouteInFlightWaiting, {"all"}) == level; }));
  }
  uint64_t Results(const std::string& result) {
    return harness_.Count(Metric::kInFlightRequestsTotal, {"all", result});
  }

  ProxyHarness harness_;
  Wire holder_ = harness_.Connect();
  Wire client_ = harness_.Connect();
  Wire upstream_;
};

TEST_F(PlaceTest, WhoFindsNoneWaitsUntilTheOneBeforeHasItsResponse) {
  Fill();
  client_.Send(kGet);
  AwaitWaiting(1);
  harness_.Turns(5);
  upstream_.Pull();
  EXPECT_EQ(upstream_.received(), "");
  upstream_.Send(kOk);
  harness_.Await(holder_, "\r\n\r\nok");
  harness_.Await(upstream_, kHeadEnd);
  upstream_.Send(kOk);
  harness_.Await(client_, "\r\n\r\nok");
  EXPECT_TRUE(harness_.AtRest());
  EXPECT_EQ(harness_.Level(Metric::kRouteInFlight, {"all"}), 0);
  EXPECT_EQ(Results("at_once"), 1u);
  EXPECT_EQ(Results("waited"), 1u);
}

TEST_F(PlaceTest, MoreThanMayWaitAreRefusedAtOnce) {
  Fill();
  client_.Send(kGet);
  AwaitWaiting(1);
  Wire third = harness_.Connect();
  third.Send(kGet);
  ASSERT_TRUE(harness_.TurnUntil([&] { return Results("full") == 1; }));
  harness_.Turns(3);
  third.Pull();
  const std::string refused = third.Take();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << refused;
  EXPECT_NE(refused.find("Retry-After: "), refused.npos) << refused;
  EXPECT_NE(refused.find("reason: in_flight_full\n"), refused.npos) << refused;
}

TEST_F(PlaceTest, WhoHasWaitedLongEnoughIsRefused) {
  Fill();
  client_.Send(kGet);
  AwaitWaiting(1);
  harness_.Advance(seconds(1));
  harness_.Turns(3);
  EXPECT_EQ(Results("timeout"), 0u);
  harness_.Advance(seconds(2));
  ASSERT_TRUE(harness_.TurnUntil([&] { return Results("timeout") == 1; }));
  harness_.Turns(3);
  client_.Pull();
  const std::string refused = client_.Take();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << refused;
  EXPECT_NE(refused.find("Retry-After: "), refused.npos) << refused;
  EXPECT_NE(refused.find("reason: in_flight_timeout\n"), refused.npos) << refused;
  AwaitWaiting(0);
}

TEST_F(PlaceTest, WhoLeavesWaitsNoMore) {
  Fill();
  client_.Send(kGet);
  AwaitWaiting(1);
  client_.Reset();
  AwaitWaiting(0);
  EXPECT_EQ(Results("left"), 1u);
  upstream_.Send(kOk);
  harness_.Await(holder_, "\r\n\r\nok");
  EXPECT_EQ(harness_.Level(Metric::kRouteInFlight, {"all"}), 0);
}

TEST_F(PlaceTest, AClientThatLeavesGivesItsPlaceBack) {
  Fill();
  client_.Send(kGet);
  AwaitWaiting(1);
  holder_.Reset();
  AwaitWaiting(0);
  Wire next = harness_.Accept();
  harness_.Await(next, kHeadEnd);
  next.Send(kOk);
  harness_.Await(client_, "\r\n\r\nok");
}

class RateAndPlaceTest : public PlaceTest {
 protected:
  RateAndPlaceTest() : PlaceTest(", rate_limit: {requests: 2, per: 10s}") {}
};

TEST_F(RateAndPlaceTest, WhoIsRefusedOtherwiseTakesNoPlace) {
  Fill();
  client_.Send(kGet);
  AwaitWaiting(1);
  Wire third = harness_.Connect();
  third.Send(kGet);
  EXPECT_TRUE(harness_.Await(third, "\n").starts_with("HTTP/1.1 429 "));
  EXPECT_EQ(Results("full"), 0u);
}

// A preflight request has no credentials, and browsers send many.
TEST_F(AdmissionTest, APreflightRequestIsNotCounted) {
  ProxyHarness harness(WithRoute(
      "rate_limit: {requests: 1, per: 10s}, cors: {allow_origins: [\"https://a.test\"]}"));
  Wire client = harness.Connect();
  for (int i = 0; i < 3; ++i) {
    client.Send(
        "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: https://a.test\r\n"
        "Access-Control-Request-Method: PUT\r\n\r\n");
    const std::string answer = harness.Await(client, kHeadEnd);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 204 ")) << answer;
    EXPECT_NE(answer.find("Access-Control-Allow-Origin: https://a.test\r\n"), answer.npos);
    client.Take();
  }
  EXPECT_EQ(StatusOf(Ask(harness, client)), 200);
}

// Nobody can look passwords up, so nobody has the right one.
TEST_F(AdmissionTest, WithoutUsersNobodyIsAdmitted) {
  ProxyHarness harness(WithRoute("basic_auth: {file: /none, realm: members}"));
  Wire client = harness.Connect();
  for (const std::string_view fields : {"", "Authorization: Basic YTpi\r\n"}) {
    const std::string answer = Ask(harness, client, fields);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << answer;
    EXPECT_NE(answer.find("WWW-Authenticate: Basic realm=\"members\", charset=\"UTF-8\"\r\n"),
              answer.npos)
        << answer;
  }
  EXPECT_EQ(harness.Count(Metric::kAuthRequestsTotal, {"all", "refused"}), 2u);
}

TEST_F(AdmissionTest, WithoutKeysNoTokenIsGood) {
  ProxyHarness harness(
      WithRoute("jwt: {jwks: /none, issuer: i, audience: a, algorithms: [ES256]}"));
  Wire client = harness.Connect();
  const std::string missing = Ask(harness, client);
  EXPECT_TRUE(missing.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << missing;
  EXPECT_NE(missing.find("WWW-Authenticate: Bearer\r\n"), missing.npos) << missing;
  EXPECT_NE(missing.find("reason: jwt_missing\n"), missing.npos) << missing;
  const std::string invalid = Ask(harness, client, "Authorization: Bearer a.b.c\r\n");
  EXPECT_TRUE(invalid.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << invalid;
  EXPECT_NE(invalid.find("WWW-Authenticate: Bearer error=\"invalid_token\"\r\n"), invalid.npos)
      << invalid;
  EXPECT_NE(invalid.find("reason: jwt_invalid\n"), invalid.npos) << invalid;
  EXPECT_EQ(harness.Count(Metric::kAuthRequestsTotal, {"all", "jwt_missing"}), 1u);
  EXPECT_EQ(harness.Count(Metric::kAuthRequestsTotal, {"all", "jwt_invalid"}), 1u);
}

// What is the matter with a token would help whoever forges one. The harness has `detail: full`.
TEST_F(AdmissionTest, OnlyTheLogSaysWhatIsWrongWithAToken) {
  ProxyHarness harness(
      WithRoute("jwt: {jwks: /none, issuer: i, audience: a, algorithms: [ES256]}"));
  harness.LogExchanges();
  Wire client = harness.Connect();
  const std::string bearer = "Authorization: Bearer a.b.c\r\n";
  const std::string answer = Ask(harness, client, bearer + bearer);
  EXPECT_NE(answer.find("jwt_invalid"), answer.npos) << answer;
  EXPECT_EQ(answer.find("token_"), answer.npos) << answer;
  EXPECT_EQ(answer.find("detail"), answer.npos) << answer;
  harness.access_log->Flush();
  EXPECT_NE(harness.log_lines.find(R"("reason":"jwt_invalid","detail":"token_repeated")"),
            std::string::npos)
      << harness.log_lines;
  harness.log_lines.clear();
  Ask(harness, client);
  harness.access_log->Flush();
  EXPECT_NE(harness.log_lines.find("jwt_missing"), std::string::npos) << harness.log_lines;
  EXPECT_EQ(harness.log_lines.find("\"detail\""), std::string::npos) << "it was of that request";
}

TEST_F(AdmissionTest, UntilKeysAreFetchedTheGatewayIsUnavailable) {
  ProxyHarness harness(
      WithRoute("jwt: {jwks: \"https://i.test/k\", issuer: i, audience: a, algorithms: [ES256]}"));
  Wire client = harness.Connect();
  EXPECT_EQ(StatusOf(Ask(harness, client)), 401);
  const std::string answer = Ask(harness, client, "Authorization: Bearer a.b.c\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << answer;
  EXPECT_NE(answer.find("reason: jwt_keys_unavailable\n"), answer.npos) << answer;
  EXPECT_EQ(answer.find("i.test"), answer.npos) << "nobody is told where they are";
  EXPECT_EQ(harness.Count(Metric::kAuthRequestsTotal, {"all", "jwt_keys_unavailable"}), 1u);
}

// Who asks too often has no signatures checked.
TEST_F(AdmissionTest, TheRateLimitComesBeforeTheToken) {
  ProxyHarness harness(
      WithRoute("rate_limit: {requests: 1, per: 10s}, "
                "jwt: {jwks: /none, issuer: i, audience: a, algorithms: [ES256]}"));
  Wire client = harness.Connect();
  EXPECT_EQ(StatusOf(Ask(harness, client)), 401);
  EXPECT_EQ(StatusOf(Ask(harness, client)), 429);
}

TEST_F(AdmissionTest, ABodyIsHeldForThoseOnlyWhoAreWithinTheRate) {
  ProxyHarness harness(HarnessConfig{
      .routes = "- {name: all, match: {path_prefix: /}, upstream: web, rate_limit: {requests: 1, "
                "per: 10s}, forward_auth: {upstream: web, body: 1KiB}}"});
  constexpr std::string_view kHalf =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234";
  Wire first = harness.Connect();
  first.Send(kHalf);
  EXPECT_TRUE(harness.TurnUntil([&] { return harness.context.buffered_bytes > 0; }));
  const size_t held = harness.context.buffered_bytes;
  Wire second = harness.Connect();
  second.Send(kHalf);
  EXPECT_TRUE(harness.TurnUntil([&] {
    second.Pull();
    return second.received().starts_with("HTTP/1.1 429 ");
  })) << second.received();
  EXPECT_EQ(harness.context.buffered_bytes, held);
}

}  // namespace
}  // namespace holdfast::proxy
