#include "gateway/proxy/field_edits.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

std::string Route(const std::string& keys, const std::string& action = "upstream: web") {
  return "- {name: all, match: {path_prefix: /}, " + action + ", " + keys + "}";
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(FieldEditsTest, RequestsAreEditedForTheirUpstream) {
  ProxyHarness harness(
      {.routes = Route("request_headers: {set: {x-who: \"${client_ip} ${route} ${upstream} "
                       "${scheme} ${host} ${path}\"}, add: {x-copy: \"${header:x-secret}\"}, "
                       "remove: [x-secret]}")});
  Wire client = harness.Connect();
  client.Send("GET /a HTTP/1.1\r\nHost: a.test\r\nX-Secret: 1\r\nx_secret: 2\r\nX-Who: me\r\n\r\n");
  Wire upstream = harness.Accept();
  const std::string head = harness.Await(upstream, kHeadEnd);
  EXPECT_TRUE(Contains(head, "x-who: 192.0.2.7 all web http a.test /a\r\n") ||
              Contains(head, "x-who: 127.0.0.1 all web http a.test /a\r\n"))
      << head;
  EXPECT_TRUE(Contains(head, "x-copy: 1\r\n")) << head;
  EXPECT_FALSE(Contains(head, "X-Secret")) << head;
  EXPECT_FALSE(Contains(head, "x_secret")) << head;
  EXPECT_FALSE(Contains(head, "X-Who: me")) << head;
  upstream.Send(kOk);
  harness.Await(client, "\r\n\r\nok");
}

TEST(FieldEditsTest, ResponsesAreEditedForTheirClient) {
  ProxyHarness harness(
      {.routes = Route("response_headers: {set: {x-host: \"${host}\"}, set_if_missing: "
                       "{cache-control: no-store}, remove: [server]}")});
  Wire client = harness.Connect();
  for (int i = 0; i < 2; ++i) {
    client.Send("GET / HTTP/1.1\r\nHost: h" + std::to_string(i) + ".test\r\n\r\n");
    static Wire upstream;
    if (i == 0) upstream = harness.Accept();
    harness.Await(upstream, kHeadEnd);
    upstream.Take();
    upstream.Send("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\nok");
    const std::string answer = harness.Await(client, "\r\n\r\nok");
    client.Take();
    EXPECT_TRUE(Contains(answer, "x-host: h" + std::to_string(i) + ".test\r\n")) << answer;
    EXPECT_TRUE(Contains(answer, "cache-control: no-store\r\n")) << answer;
    EXPECT_FALSE(Contains(answer, "Server:")) << answer;
  }
}

TEST(FieldEditsTest, SoAreTheGatewaysOwnAnswers) {
  ProxyHarness harness(
      {.routes = Route("response_headers: {set: {x-a: b}}", "respond: {status: 200, body: hi}")});
  Wire client = harness.Connect();
  for (int i = 0; i < 2; ++i) {
    client.Send(kGet);
    const std::string answer = harness.Await(client, "\r\n\r\nhi");
    client.Take();
    EXPECT_TRUE(Contains(answer, "\r\nx-a: b\r\n")) << answer;
    EXPECT_EQ(answer.find("x-a: b"), answer.rfind("x-a: b")) << "once: the head is shared";
  }
}

TEST(FieldEditsTest, SoAreErrors) {
  ProxyHarness harness({.upstream = "connect_timeout: 1s",
                        .routes = Route("response_headers: {set: {x-a: b}}, max_request_body: 1")});
  Wire client = harness.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
  ASSERT_TRUE(harness.TurnUntil([&] {
    client.Pull();
    return Contains(client.received(), "body_too_large");
  })) << client.received();
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 413")) << client.received();
  EXPECT_TRUE(Contains(client.received(), "\r\nx-a: b\r\n")) << client.received();
}

TEST(FieldEditsTest, NothingThatAClientSendsBreaksOutOfAValue) {
  ProxyHarness harness({.routes = Route("request_headers: {set: {x-copy: \"${header:a}\"}}")});
  Wire client = harness.Connect();
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nA: b\tc \xff ${host}\r\n\r\n");
  Wire upstream = harness.Accept();
  const std::string head = harness.Await(upstream, kHeadEnd);
  EXPECT_TRUE(Contains(head, "x-copy: b\tc \xff ${host}\r\n")) << head;
  upstream.Send(kOk);
  harness.Await(client, "\r\n\r\nok");
}

}  // namespace
}  // namespace holdfast::proxy
