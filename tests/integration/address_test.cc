// IPv6 and UNIX sockets, on either side.

#include <string>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

// A request through a gateway that listens on `bind` to an upstream that listens on `upstream`;
// what the upstream saw.
Message Through(const std::string& bind, const std::string& upstream_bind) {
  ScriptedUpstream upstream(upstream_bind);
  GatewayConfig config{.endpoints = {upstream.address()}};
  config.bind = bind;
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Send(PostRequest("/", "body"));
  UpstreamConnection connection = upstream.Accept();
  Message request = connection.Answer(OkResponse("fine"));
  EXPECT_EQ(client.Response().body, "fine");
  client.Send(GetRequest("/again"));
  EXPECT_EQ(connection.Answer(OkResponse("again")).Target(), "/again");
  EXPECT_EQ(client.Response().body, "again");
  return request;
}

TEST(AddressTest, Ipv6OnBothSides) {
  const Message request = Through("[::1]:0", "[::1]:0");
  EXPECT_TRUE(request.HasLine("X-Forwarded-For: ::1")) << request.head;
}

TEST(AddressTest, UnixOnBothSides) {
  const TempDir dir;
  const Message request = Through("unix:" + dir.Path("gateway"), "unix:" + dir.Path("upstream"));
  EXPECT_EQ(request.body, "body");
  EXPECT_FALSE(request.Has("x-forwarded-for")) << request.head;
}

TEST(AddressTest, UnixInFrontOfIpv4) {
  const TempDir dir;
  EXPECT_EQ(Through("unix:" + dir.Path("gateway"), "127.0.0.1:0").body, "body");
}

TEST(AddressTest, Ipv4InFrontOfUnix) {
  const TempDir dir;
  EXPECT_TRUE(
      Through("127.0.0.1:0", "unix:" + dir.Path("upstream")).HasLine("X-Forwarded-For: 127.0.0.1"));
}

TEST(AddressTest, ABarePortTakesBothFamilies) {
  GatewayConfig config;
  config.bind = ":0";
  GatewayProcess gateway(config);
  const std::string address = gateway.address();
  const std::string port = address.substr(address.rfind(':'));
  for (const char* host : {"127.0.0.1", "[::1]"}) {
    RawClient client(host + port);
    EXPECT_EQ(client.Get("/local").Status(), 200) << host;
  }
}

TEST(AddressTest, AnIpv4ClientOfADualSocketHasAnIpv4Address) {
  ScriptedUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}};
  config.bind = ":0";
  GatewayProcess gateway(config);
  const std::string address = gateway.address();
  RawClient client("127.0.0.1" + address.substr(address.rfind(':')));
  client.Send(GetRequest("/"));
  UpstreamConnection connection = upstream.Accept();
  const Message request = connection.Answer(OkResponse("x"));
  EXPECT_TRUE(request.HasLine("X-Forwarded-For: 127.0.0.1")) << request.head;
  EXPECT_EQ(client.Response().Status(), 200);
}

TEST(AddressTest, TheUnixSocketOfAGatewayThatEndedIsInNobodysWay) {
  const TempDir dir;
  GatewayConfig config;
  config.bind = "unix:" + dir.Path("gateway");
  for (int i = 0; i < 2; ++i) {
    GatewayProcess gateway(config);
    RawClient client(gateway.address());
    EXPECT_EQ(client.Get("/local").Status(), 200);
  }
}

TEST(AddressTest, AUnixSocketLeftByACrashIsReplaced) {
  const TempDir dir;
  GatewayConfig config;
  config.bind = "unix:" + dir.Path("gateway");
  { ScriptedUpstream crashed(config.bind); }  // its file stays
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/local").Status(), 200);
}

}  // namespace
}  // namespace holdfast::support
