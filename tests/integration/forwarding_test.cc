// What of a head goes on, what stays behind, and what the gateway adds.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

// What the upstream gets of `request`.
Message Forwarded(std::string_view request, const GatewayConfig& config = {}) {
  ScriptedHop hop(config);
  UpstreamConnection upstream = hop.Begin(request);
  Message forwarded = upstream.Answer(OkResponse("x"));
  EXPECT_EQ(hop.client.Response(forwarded.Method()).Status(), 200);
  return forwarded;
}

// What the client gets of `response`.
Message Returned(std::string_view response) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/"));
  upstream.Answer(response);
  return hop.client.Response();
}

TEST(RequestTargetTest, PathAndQueryGoOnByteForByte) {
  for (const std::string target :
       {"/", "/?", "/a//b/c;p=1?x=%2F&y/../?z", "/%7Euser/%c3%A9", "/a?b=c|d[e]{f}\"<>^`\\"}) {
    EXPECT_EQ(Forwarded(GetRequest(target)).Target(), target);
  }
}

TEST(RequestTargetTest, AbsoluteFormBecomesOriginForm) {
  const Message request =
      Forwarded("GET http://example.com:81/a?b HTTP/1.1\r\nHost: example.com:81\r\n\r\n");
  EXPECT_EQ(request.Target(), "/a?b");
  EXPECT_TRUE(request.HasLine("Host: example.com:81")) << request.head;
}

TEST(RequestTargetTest, AbsoluteFormWithoutPathMeansTheRoot) {
  EXPECT_EQ(Forwarded("GET http://test HTTP/1.1\r\nHost: test\r\n\r\n").Target(), "/");
  EXPECT_EQ(Forwarded("GET http://test?q HTTP/1.1\r\nHost: test\r\n\r\n").Target(), "/?q");
}

TEST(RequestTargetTest, OptionsOfTheServerAsAWhole) {
  EXPECT_EQ(Forwarded("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n").start_line, "OPTIONS * HTTP/1.1");
}

TEST(RequestTargetTest, AnUnknownMethodGoesOn) {
  EXPECT_EQ(Forwarded("PROPFIND /x HTTP/1.1\r\nHost: test\r\n\r\n").Method(), "PROPFIND");
}

TEST(RequestFieldsTest, BytesCaseAndOrderStay) {
  const Message request =
      Forwarded(GetRequest("/",
                           "X-WeIrD: a\tb  c;\"q\"\r\nx-weird: 2\r\nEmpty:\r\nLatin: \xe9\xff\r\n"
                           "x_under.score!: ~\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n"));
  for (const char* line : {"X-WeIrD: a\tb  c;\"q\"", "x-weird: 2", "Latin: \xe9\xff",
                           "x_under.score!: ~", "Cookie: a=1; b=2", "Cookie: c=3"}) {
    EXPECT_TRUE(request.HasLine(line)) << line << " in\n" << request.head;
  }
  EXPECT_EQ(request.Count("empty"), 1u);
  EXPECT_LT(request.head.find("X-WeIrD"), request.head.find("x-weird"));
  EXPECT_LT(request.head.find("a=1"), request.head.find("c=3"));
}

TEST(RequestFieldsTest, HostIsTheClients) {
  EXPECT_TRUE(Forwarded("GET / HTTP/1.1\r\nhost: Example.COM:8080\r\n\r\n")
                  .HasLine("Host: Example.COM:8080"));
}

TEST(RequestFieldsTest, HopByHopFieldsStayBehind) {
  const Message request = Forwarded(
      GetRequest("/",
                 "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: other\r\n"
                 "Connection: keep-alive\r\nTE: gzip\r\n"));
  for (const char* name : {"keep-alive", "proxy-connection", "upgrade", "connection", "te"}) {
    EXPECT_FALSE(request.Has(name)) << name << " in\n" << request.head;
  }
}

TEST(RequestFieldsTest, WhatConnectionNamesStaysBehind) {
  const Message request =
      Forwarded(GetRequest("/",
                           "X-Hop: 1\r\nConnection: x-hop, close\r\nX-Other: 2\r\n"
                           "Connection: x-second\r\nX-Second: 3\r\n"));
  EXPECT_FALSE(request.Has("x-hop")) << request.head;
  EXPECT_FALSE(request.Has("x-second")) << request.head;
  EXPECT_TRUE(request.Has("x-other")) << request.head;
}

TEST(RequestFieldsTest, ConnectionCannotRemoveWhatTheGatewayReliesOn) {
  const Message request = Forwarded(PostRequest(
      "/", "body",
      "Authorization: secret\r\nCookie: a\r\nConnection: host, content-length, via, "
      "x-forwarded-for, x-forwarded-proto, authorization, cookie, transfer-encoding\r\n"));
  for (const char* name : {"host", "content-length", "via", "x-forwarded-for", "x-forwarded-proto",
                           "authorization", "cookie"}) {
    EXPECT_EQ(request.Count(name), 1u) << name << " in\n" << request.head;
  }
  EXPECT_EQ(request.body, "body");
}

TEST(RequestFieldsTest, ThatTheClientTakesTrailersIsSaidAnew) {
  const Message request = Forwarded(GetRequest("/", "TE: trailers\r\nConnection: te\r\n"));
  EXPECT_TRUE(request.HasLine("TE: trailers")) << request.head;
  EXPECT_TRUE(request.HasLine("Connection: te")) << request.head;
}

TEST(RequestFieldsTest, ViaIsAddedBehindThoseOfEarlierHops) {
  const Message request = Forwarded(GetRequest("/", "Via: 1.1 first\r\n"));
  EXPECT_TRUE(request.HasLine("Via: 1.1 first")) << request.head;
  EXPECT_TRUE(request.HasLine("Via: 1.1 holdfast")) << request.head;
  EXPECT_LT(request.head.find("1.1 first"), request.head.find("1.1 holdfast"));
}

TEST(ForwardedFieldsTest, TheClientIsNamed) {
  const Message request = Forwarded("GET / HTTP/1.1\r\nHost: example.com:81\r\n\r\n");
  EXPECT_TRUE(request.HasLine("X-Forwarded-For: 127.0.0.1")) << request.head;
  EXPECT_TRUE(request.HasLine("X-Forwarded-Proto: http")) << request.head;
  EXPECT_TRUE(request.HasLine("X-Forwarded-Host: example.com:81")) << request.head;
}

constexpr std::string_view kClaims =
    "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: claimed\r\n"
    "Forwarded: for=192.0.2.1\r\n";

TEST(ForwardedFieldsTest, WhatAStrangerClaimsIsReplaced) {
  const Message request = Forwarded(GetRequest("/", kClaims));
  EXPECT_EQ(request.head.find("192.0.2.1"), std::string::npos) << request.head;
  EXPECT_TRUE(request.HasLine("X-Forwarded-For: 127.0.0.1")) << request.head;
  EXPECT_TRUE(request.HasLine("X-Forwarded-Proto: http")) << request.head;
  EXPECT_TRUE(request.HasLine("X-Forwarded-Host: test")) << request.head;
  EXPECT_EQ(request.Count("x-forwarded-for"), 1u);
  EXPECT_FALSE(request.Has("forwarded")) << request.head;
}

TEST(ForwardedFieldsTest, WhatATrustedProxySaysIsKeptAndAddedTo) {
  const Message request = Forwarded(GetRequest("/", kClaims),
                                    GatewayConfig{.listener = "trusted_proxies: [127.0.0.0/8]"});
  EXPECT_TRUE(request.HasLine("X-Forwarded-For: 192.0.2.1, 127.0.0.1")) << request.head;
  EXPECT_TRUE(request.HasLine("X-Forwarded-Proto: https")) << request.head;
  EXPECT_TRUE(request.HasLine("X-Forwarded-Host: claimed")) << request.head;
  EXPECT_FALSE(request.Has("forwarded")) << "it may be the word of the proxy's client";
}

TEST(ForwardedFieldsTest, TheListThatIsBelievedGoesOn) {
  const Message request = Forwarded(
      GetRequest("/", kClaims),
      GatewayConfig{.listener = "trusted_proxies: [127.0.0.0/8], client_ip: {from: forwarded}"});
  EXPECT_TRUE(request.HasLine("Forwarded: for=192.0.2.1")) << request.head;
  EXPECT_TRUE(request.HasLine("X-Forwarded-For: 192.0.2.1, 127.0.0.1")) << "from what is believed";
  EXPECT_EQ(request.Count("x-forwarded-for"), 1u);
}

TEST(ForwardedFieldsTest, AProxyOnAUnixSocketIsTrustedByName) {
  const TempDir dir;
  for (const bool trusted : {true, false}) {
    ScriptedUpstream upstream;
    GatewayConfig config{.endpoints = {upstream.address()},
                         .listener = trusted ? "trusted_proxies: [unix]" : "",
                         .bind = "unix:" + dir.Path("edge.sock")};
    GatewayProcess gateway(config);
    RawClient client(gateway.address());
    client.Send(GetRequest("/", kClaims));
    UpstreamConnection connection = upstream.Accept();
    const Message request = connection.Answer(OkResponse("x"));
    EXPECT_EQ(request.HasLine("X-Forwarded-For: 192.0.2.1"), trusted) << request.head;
    EXPECT_EQ(request.HasLine("X-Forwarded-Proto: https"), trusted) << request.head;
    EXPECT_EQ(client.Response().Status(), 200);
  }
}

TEST(ForwardedFieldsTest, OnlyProxiesOnTheListAreTrusted) {
  const Message request = Forwarded(GetRequest("/", kClaims),
                                    GatewayConfig{.listener = "trusted_proxies: [10.0.0.0/8]"});
  EXPECT_TRUE(request.HasLine("X-Forwarded-For: 127.0.0.1")) << request.head;
}

TEST(ResponseFieldsTest, StatusReasonAndFieldsGoOnAsTheyAre) {
  const Message response = Returned(
      "HTTP/1.1 299 Oddly Fine\r\nX-CaSe: a\tb\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
      "Latin: \xe9\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(response.start_line, "HTTP/1.1 299 Oddly Fine");
  for (const char* line : {"X-CaSe: a\tb", "Set-Cookie: a=1", "Set-Cookie: b=2", "Latin: \xe9"}) {
    EXPECT_TRUE(response.HasLine(line)) << line << " in\n" << response.head;
  }
  EXPECT_LT(response.head.find("a=1"), response.head.find("b=2"));
}

TEST(ResponseFieldsTest, HopByHopFieldsStayBehind) {
  const Message response =
      Returned(OkResponse("x",
                          "Keep-Alive: timeout=5\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n"
                          "Proxy-Connection: close\r\nUpgrade: h2c\r\n"));
  for (const char* name : {"keep-alive", "connection", "x-hop", "proxy-connection", "upgrade"}) {
    EXPECT_FALSE(response.Has(name)) << name << " in\n" << response.head;
  }
}

TEST(ResponseFieldsTest, ViaIsAdded) {
  const Message response = Returned(OkResponse("x", "Via: 1.1 origin-cache\r\n"));
  EXPECT_TRUE(response.HasLine("Via: 1.1 origin-cache")) << response.head;
  EXPECT_TRUE(response.HasLine("Via: 1.1 holdfast")) << response.head;
}

TEST(ResponseFieldsTest, TheUpstreamsDateStays) {
  const Message response = Returned(OkResponse("x", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  EXPECT_EQ(response.Count("date"), 1u);
  EXPECT_TRUE(response.HasLine("Date: Sun, 06 Nov 1994 08:49:37 GMT")) << response.head;
}

TEST(ResponseFieldsTest, AMissingDateIsAdded) {
  const std::string date = Returned(OkResponse("x")).Value("date");
  EXPECT_EQ(date.size(), 29u) << date;
  EXPECT_TRUE(date.ends_with(" GMT")) << date;
}

TEST(ResponseFieldsTest, ALargeHeadGoesOn) {
  const std::string value(12'000, 'v');
  EXPECT_EQ(Returned(OkResponse("x", "Large: " + value + "\r\n")).Value("large"), value);
}

}  // namespace
}  // namespace holdfast::support
