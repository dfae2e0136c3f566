// Requests sent without waiting for the answers to earlier ones.

#include <string>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

AutoUpstream::Reply EchoTarget(const Message& request) {
  return {.bytes = OkResponse(request.Target() + request.body)};
}

class PipeliningTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(PipeliningTest);

TEST_P(PipeliningTest, AHundredRequestsAreAnsweredInOrder) {
  AutoUpstream upstream(EchoTarget);
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += GetRequest("/" + std::to_string(i));
  client.Send(requests);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.Response().body, "/" + std::to_string(i));
  client.ExpectQuiet();
}

TEST_P(PipeliningTest, AnswersOfTheGatewayTakeTheirPlaceAmongTheUpstreams) {
  AutoUpstream upstream(EchoTarget);
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += GetRequest("/local") + GetRequest("/" + std::to_string(i));
  }
  client.Send(requests);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.Response().body, "local");
    EXPECT_EQ(client.Response().body, "/" + std::to_string(i));
  }
  client.ExpectQuiet();
}

TEST_P(PipeliningTest, AHundredLocalRequestsAreAnsweredInOrder) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += GetRequest(i % 2 == 0 ? "/local" : "/nothing");
  client.Send(requests);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.Response().Status(), i % 2 == 0 ? 200 : 404);
  client.ExpectQuiet();
}

TEST_P(PipeliningTest, ASlowFirstAnswerHoldsBackTheSecond) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(GetRequest("/slow") + GetRequest("/local"));
  upstream.Request();
  hop.client.ExpectQuiet();
  upstream.Send(OkResponse("slow"));
  EXPECT_EQ(hop.client.Response().body, "slow");
  EXPECT_EQ(hop.client.Response().body, "local");
}

TEST_P(PipeliningTest, BodiesStayWithTheirRequests) {
  AutoUpstream upstream(EchoTarget);
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  client.Send(PostRequest("/a", "GET /smuggled HTTP/1.1\r\n\r\n") + GetRequest("/b") +
              "POST /c HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" +
              Chunk("0\r\n\r\n") + std::string(kLastChunk) + GetRequest("/d"));
  EXPECT_EQ(client.Response().body, "/aGET /smuggled HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.Response().body, "/b");
  EXPECT_EQ(client.Response().body, "/c0\r\n\r\n");
  EXPECT_EQ(client.Response().body, "/d");
  EXPECT_EQ(upstream.requests(), 4);
}

TEST_P(PipeliningTest, NothingIsAnsweredBehindARequestToClose) {
  GatewayProcess gateway(GatewayConfig{});
  RawClient client(gateway.address());
  client.Send(GetRequest("/local", "Connection: close\r\n") + GetRequest("/local"));
  EXPECT_EQ(client.Response().Status(), 200);
  client.ExpectClosed();
}

TEST_P(PipeliningTest, BytesBehindARefusedRequestAreNoRequest) {
  AutoUpstream upstream;
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  client.Send("GET / HTTP/1.1\r\nHost : test\r\n\r\n" + GetRequest("/"));
  EXPECT_EQ(client.Response().Status(), 400);
  client.ExpectClosed();
  EXPECT_EQ(upstream.requests(), 0);
}

TEST_P(PipeliningTest, ARequestSplitAnywhereBehindAnotherOneArrives) {
  const std::string requests =
      GetRequest("/local") + PostRequest("/p", "body") + GetRequest("/local");
  AutoUpstream upstream(EchoTarget);
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  for (size_t cut = 1; cut < requests.size(); cut += 3) {
    RawClient client(gateway.address());
    client.Send(requests.substr(0, cut));
    client.Send(requests.substr(cut));
    EXPECT_EQ(client.Response().body, "local") << cut;
    EXPECT_EQ(client.Response().body, "/pbody") << cut;
    EXPECT_EQ(client.Response().body, "local") << cut;
  }
}

TEST_P(PipeliningTest, LargeAnswersToADeepPipelineArriveWhole) {
  AutoUpstream upstream(Pattern(100'000));
  GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
  RawClient client(gateway.address());
  std::string requests;
  for (int i = 0; i < 300; ++i) requests += GetRequest("/");
  client.Send(requests);
  for (int i = 0; i < 300; ++i) {
    const Message response = client.Response();
    ASSERT_EQ(response.body, Pattern(100'000));
  }
}

}  // namespace
}  // namespace holdfast::support
