// gRPC's own client and server for Python at both ends.

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr char kPython[] = "/usr/bin/python3";
constexpr char kScript[] = "tests/integration/grpc_peer.py";
constexpr std::chrono::seconds kCasePatience{120};

class GrpcServer {
 public:
  explicit GrpcServer(const std::string& name = "server")
      : process_({kPython, kScript, "server", name}) {
    EXPECT_TRUE(Eventually([&] { return process_.Stdout().ends_with("\n"); }))
        << "needs Debian's python3-grpcio: " << process_.Stderr();
    const std::string out = process_.Stdout();
    address_ = "127.0.0.1:" + out.substr(0, out.find('\n'));
  }

  const std::string& address() const { return address_; }
  void Kill() {
    process_.Signal(SIGKILL);
    process_.Wait();
  }

 private:
  Subprocess process_;
  std::string address_;
};

std::vector<std::string> ClientOf(const std::string& address,
                                  const std::vector<std::string>& cases) {
  std::vector<std::string> arguments = {kPython, kScript, "client", address};
  arguments.insert(arguments.end(), cases.begin(), cases.end());
  return arguments;
}

void RunCases(const std::string& address, const std::vector<std::string>& cases) {
  std::string all;
  for (const std::string& name : cases) all += "ok " + name + "\n";
  const Finished client = RunProgram(ClientOf(address, cases), kCasePatience);
  EXPECT_EQ(client.code, 0) << client.err;
  EXPECT_EQ(client.out, all);
}

GatewayConfig Before(const std::vector<std::string>& servers) {
  return {.endpoints = servers,
          .listener = "protocols: [h2, h1]",
          .upstream = "protocol: h2",
          .route = "match: {path_prefix: /test.Peer/}"};
}

TEST(RealGrpcTest, CallsOfEachKind) {
  GrpcServer server;
  GatewayProcess gateway(Before({server.address()}));
  RunCases(gateway.address(), {"unary", "statuses", "large", "streams", "pingpong", "cancel"});
}

TEST(RealGrpcTest, TenThousandMessagesEachWay) {
  GrpcServer server;
  GatewayProcess gateway(Before({server.address()}));
  RunCases(gateway.address(), {"many", "many"});
}

TEST(RealGrpcTest, StatusesAreSeen) {
  GrpcServer server;
  TempDir files;
  GatewayConfig config = Before({server.address()});
  config.top = "access_log: {path: " + files.Path("access") + "}\n";
  GatewayProcess gateway(config);
  RunCases(gateway.address(), {"statuses", "no_route"});
  const auto await = [&](std::string_view route, std::string_view status, int calls) {
    gateway.AwaitMetric("holdfast_grpc_calls_total",
                        {{"route", std::string(route)}, {"grpc_status", std::string(status)}},
                        calls);
  };
  for (const char* const status :
       {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "13", "14", "15", "16"}) {
    await("web", status, 1);
  }
  await("web", "12", 2);
  await("none", "12", 1);
  const auto logged = [&](const std::string& words) {
    return Eventually(
        [&] { return ReadFile(files.Path("access")).find(words) != std::string::npos; });
  };
  EXPECT_TRUE(logged("\"grpc_status\":\"16\""));
  EXPECT_TRUE(logged("\"reason\":\"no_route\""));
}

TEST(RealGrpcTest, TheGatewaysOwnErrors) {
  GrpcServer server;
  GatewayConfig config = Before({server.address()});
  config.route += ", timeouts: {total: 500ms}, max_request_body: 1KiB";
  {
    GatewayProcess gateway(config);
    RunCases(gateway.address(), {"no_route", "too_large", "route_time"});
  }
  GatewayProcess gateway(Before({UnusedAddress()}));
  RunCases(gateway.address(), {"unavailable"});
}

// The client's own clock would end the call, too: the upstream's end is what shows who did.
TEST(RealGrpcTest, DeadlinesEndCalls) {
  GrpcServer server;
  GatewayProcess gateway(Before({server.address()}));
  RunCases(gateway.address(), {"deadline", "unary"});
}

TEST(RealGrpcTest, AStatusOfThePolicyIsAskedForAgain) {
  GrpcServer bad("bad");
  GrpcServer good("good");
  GatewayConfig config = Before({bad.address(), good.address()});
  config.upstream += ", outlier: off";
  config.route += ", retry: {attempts: 2, grpc_statuses: [unavailable]}";
  GatewayProcess gateway(config);
  RunCases(gateway.address(), {"repeated"});
  gateway.AwaitMetricAtLeast("holdfast_upstream_retries_total", {{"result", "retry_grpc_status"}},
                             1);
}

TEST(RealGrpcTest, AServerThatDiesEndsItsCallsAndNoOthers) {
  GrpcServer mortal("mortal");
  GatewayProcess gateway(Before({mortal.address()}));
  Subprocess client(ClientOf(gateway.address(), {"until_death"}));
  ASSERT_TRUE(Eventually([&] { return client.Stdout().starts_with("begun"); })) << client.Stderr();
  mortal.Kill();
  EXPECT_EQ(client.Wait(kCasePatience), 0) << client.Stderr();
  // The head of the response had come: what is left to say is a reset.
  EXPECT_TRUE(client.Stdout().starts_with("begun\nended INTERNAL\n") ||
              client.Stdout().starts_with("begun\nended UNAVAILABLE\n"))
      << client.Stdout();
  RunCases(gateway.address(), {"unavailable"});
}

TEST(RealGrpcTest, HealthIsAskedInItsOwnWords) {
  GrpcServer server;
  GatewayConfig config = Before({server.address()});
  config.upstream +=
      ", health_check: {type: grpc, interval: 100ms, timeout: 100ms, fall: 1, rise: 1}";
  GatewayProcess gateway(config);
  const std::string kResults = "holdfast_health_checks_total";
  gateway.AwaitMetricAtLeast(kResults, {{"result", "ok"}}, 1);
  RunCases(server.address(), {"not_serving"});
  gateway.AwaitMetricAtLeast(kResults, {{"result", "not_serving"}}, 2);
  gateway.AwaitMetric("holdfast_upstream_endpoint_up", {}, 0);
  RunCases(server.address(), {"serving"});
  gateway.AwaitMetric("holdfast_upstream_endpoint_up", {}, 1);
  RunCases(gateway.address(), {"unary"});

  config.upstream =
      "protocol: h2, health_check: {type: grpc, service: missing, interval: 100ms, "
      "timeout: 100ms}";
  GatewayProcess other(config);
  other.AwaitMetricAtLeast(kResults, {{"result", "bad_status"}}, 1);
}

}  // namespace
}  // namespace holdfast::support
