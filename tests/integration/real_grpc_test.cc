// gRPC's own client and server for Python at both ends.

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
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
    EXPECT_TRUE(Eventually([&] { return process_.Stdout().ends_with("\n"); }, 3 * kPatience))
        << "needs Debian's python3-grpcio: " << process_.Stderr();
    const std::string out = process_.Stdout();
    address_ = "127.0.0.1:" + out.substr(0, out.find('\n'));
  }

  const std::string& address() const { return address_; }
  // Nobody else serves there afterwards.
  void Kill() {
    process_.Signal(SIGKILL);
    process_.Wait();
    held_ = WireSocket(HoldPort(address_));
  }

 private:
  Subprocess process_;
  std::string address_;
  WireSocket held_;
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
  config.route += ", timeouts: {total: 3s}, max_request_body: 1KiB";
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
  config.upstream += ", balance: round_robin, outlier: off";
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
  ASSERT_TRUE(Eventually([&] { return client.Stdout().starts_with("begun"); }, 3 * kPatience))
      << client.Stderr();
  mortal.Kill();
  EXPECT_EQ(client.Wait(kCasePatience), 0) << client.Stderr();
  // The head of the response had come: what is left to say is a reset.
  EXPECT_TRUE(client.Stdout().starts_with("begun\nended INTERNAL\n") ||
              client.Stdout().starts_with("begun\nended UNAVAILABLE\n"))
      << client.Stdout();
  RunCases(gateway.address(), {"unavailable"});
}

// What the gateway passes between the versions, though gRPC's own do not speak HTTP/1.

// A message as gRPC frames it: not compressed, and its length in four bytes.
std::string Framed(std::string_view message) {
  std::string framed(1, '\0');
  for (const int shift : {24, 16, 8, 0})
    framed += static_cast<char>(message.size() >> shift & 0xff);
  return framed + std::string(message);
}

std::string ChatHead() {
  return "POST /test.Peer/Chat HTTP/1.1\r\nHost: test\r\nContent-Type: application/grpc\r\n"
         "TE: trailers\r\nConnection: te\r\nTransfer-Encoding: chunked\r\n\r\n";
}

TEST(RealGrpcTest, AClientOfHttp1SendsAndReadsTenThousandMessages) {
  GrpcServer server;
  GatewayProcess gateway(Before({server.address()}));
  RawClient client(gateway.address());
  std::string messages;
  std::string chunks;
  for (int i = 0; i < 10'000; ++i) {
    messages += Framed(std::to_string(i));
    chunks += Chunk(Framed(std::to_string(i)));
  }
  std::thread sender([&] { client.Send(ChatHead() + chunks + std::string(kLastChunk)); });
  const Message answer = client.Response("POST");
  sender.join();
  EXPECT_EQ(answer.Status(), 200);
  EXPECT_TRUE(answer.body == messages) << answer.body.size() << " of " << messages.size();
  EXPECT_EQ(answer.Trailer("grpc-status"), "0");
  gateway.AwaitMetric("holdfast_grpc_calls_total", {{"grpc_status", "0"}}, 1);
}

TEST(RealGrpcTest, AClientOfHttp1SeesThatTheServerHasDied) {
  GrpcServer mortal("mortal");
  GatewayProcess gateway(Before({mortal.address()}));
  RawClient client(gateway.address());
  client.Send(ChatHead() + Chunk(Framed("first")));
  Message answer = ReadHead(client);
  EXPECT_EQ(ReadChunk(client, &answer), Framed("first"));
  mortal.Kill();
  StreamEnd end = StreamEnd::kOpen;
  EXPECT_EQ(client.ReadToEnd(&end), "") << "no last chunk, which would mean that it is whole";
  EXPECT_NE(end, StreamEnd::kOpen);
  gateway.AwaitMetric("holdfast_grpc_calls_total", {{"grpc_status", "none"}}, 1);
}

// An upstream of HTTP/1 that echoes the messages of calls as they come.
class ChatUpstream {
 public:
  const std::string& address() const { return upstream_.address(); }
  // Serves one connection until it ends, or until `chunks` have been answered.
  void Serve(int chunks = -1) {
    UpstreamConnection connection = upstream_.Accept();
    while (connection.AwaitInput() == StreamEnd::kOpen && connection.has_input()) {
      Message call = ReadHead(connection);
      EXPECT_EQ(call.Value("te"), "trailers");
      connection.Send(
          "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n"
          "Trailer: grpc-status\r\n\r\n");
      while (true) {
        const std::string messages = ReadChunk(connection, &call);
        if (messages.empty()) break;
        connection.Send(Chunk(messages));
        if (--chunks == 0) return connection.Close();
      }
      connection.Send("0\r\ngrpc-status: 0\r\n\r\n");
    }
  }

 private:
  ScriptedUpstream upstream_;
};

GatewayConfig BeforeHttp1(const std::string& server) {
  GatewayConfig config = Before({server});
  config.upstream = "";
  return config;
}

TEST(RealGrpcTest, AServerOfHttp1IsSentTenThousandMessagesAndAnswersEach) {
  ChatUpstream server;
  std::thread serving([&] { server.Serve(); });
  {
    GatewayProcess gateway(BeforeHttp1(server.address()));
    RunCases(gateway.address(), {"pingpong", "many"});
    gateway.AwaitMetric("holdfast_grpc_calls_total", {{"grpc_status", "0"}}, 2);
  }
  serving.join();
}

TEST(RealGrpcTest, AServerOfHttp1ThatDiesEndsItsCall) {
  ChatUpstream server;
  std::thread serving([&] { server.Serve(1); });
  GatewayProcess gateway(BeforeHttp1(server.address()));
  const Finished client = RunProgram(ClientOf(gateway.address(), {"until_death"}), kCasePatience);
  serving.join();
  EXPECT_EQ(client.code, 0) << client.err;
  // The client may be told before it has said that it began.
  EXPECT_TRUE(client.out.find("ended INTERNAL\n") != std::string::npos ||
              client.out.find("ended UNAVAILABLE\n") != std::string::npos)
      << client.out;
  gateway.AwaitMetric("holdfast_grpc_calls_total", {{"grpc_status", "none"}}, 1);
}

TEST(RealGrpcTest, HealthIsAskedInItsOwnWords) {
  GrpcServer server;
  GatewayConfig config = Before({server.address()});
  config.upstream += ", health_check: {type: grpc, interval: 2s, timeout: 2s, fall: 1, rise: 1}";
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
      "protocol: h2, health_check: {type: grpc, service: missing, interval: 1s, timeout: 1s}";
  GatewayProcess other(config);
  other.AwaitMetricAtLeast(kResults, {{"result", "bad_status"}}, 1);
}

}  // namespace
}  // namespace holdfast::support
