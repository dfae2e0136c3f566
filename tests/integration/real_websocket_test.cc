// Python's websockets at both ends of a tunnel.

#include <string>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/subprocess.h"

namespace holdfast::support {
namespace {

constexpr char kPython[] = "/usr/bin/python3";
constexpr char kScript[] = "tests/integration/websocket_echo.py";

TEST(WebSocketTest, MessagesPingsAndTheCloseCodePass) {
  Subprocess server({kPython, kScript, "server"});
  ASSERT_TRUE(Eventually([&] { return server.Stdout().ends_with("\n"); }, 3 * kPatience))
      << "needs Debian's python3-websockets: " << server.Stderr();
  const std::string out = server.Stdout();
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {"127.0.0.1:" + out.substr(0, out.size() - 1)}});
  const Finished client =
      RunProgram({kPython, kScript, "client", gateway.address()}, 3 * kPatience);
  EXPECT_EQ(client.code, 0) << client.err;
  EXPECT_EQ(client.out, "ok\n");
  gateway.AwaitMetric("holdfast_tunnels", {{"upstream", "web"}}, 0);
  EXPECT_EQ(gateway.Scrape().Value("holdfast_tunnels_total", {{"upstream", "web"}}), 1);
}

// Between two gateways it is an extended CONNECT: the first asks for one, the second is asked.
TEST(WebSocketTest, SoTheyDoOverHttp2) {
  Subprocess server({kPython, kScript, "server"});
  ASSERT_TRUE(Eventually([&] { return server.Stdout().ends_with("\n"); }, 3 * kPatience))
      << server.Stderr();
  const std::string out = server.Stdout();
  GatewayProcess second(GatewayConfig{.endpoints = {"127.0.0.1:" + out.substr(0, out.size() - 1)},
                                      .listener = "protocols: [h2]"});
  GatewayProcess first(GatewayConfig{.endpoints = {second.address()}, .upstream = "protocol: h2"});
  const Finished client = RunProgram({kPython, kScript, "client", first.address()}, 3 * kPatience);
  EXPECT_EQ(client.code, 0) << client.err;
  EXPECT_EQ(client.out, "ok\n");
  second.AwaitMetric("holdfast_tunnels", {{"upstream", "web"}}, 0);
  EXPECT_EQ(second.Scrape().Value("holdfast_tunnels_total", {{"upstream", "web"}}), 1);
}

}  // namespace
}  // namespace holdfast::support
