// The gateway's binary, upgraded under load (gateway/server/upgrade.h).

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"
#include "tests/gateway/http2/support/http2_client.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wire.h"

namespace holdfast::server {
namespace {

using support::Eventually;
using support::GatewayConfig;
using support::GatewayProcess;
using support::GetRequest;
using support::Http2Client;
using support::Http2Response;
using support::Message;
using support::OkResponse;
using support::RawClient;
using support::ScriptedUpstream;
using support::UpstreamConnection;
using support::Wire;

constexpr char kStarted[] = "upgrade: started process ";
constexpr char kHandedOver[] = "upgrade: the new process serves; draining";

size_t Count(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The processes that take over are children of the gateway, and of this test once that has ended.
class UpgradeProcessTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

  ~UpgradeProcessTest() override {
    for (const pid_t pid : pids_) EndSuccessor(pid);
  }

  // Sends SIGUSR2 to `pid` and returns the process that was started.
  pid_t Begin(const GatewayProcess& gateway, pid_t pid) {
    const size_t before = Count(gateway.Stderr(), kStarted);
    kill(pid, SIGUSR2);
    EXPECT_TRUE(Eventually([&] { return Count(gateway.Stderr(), kStarted) > before; }))
        << gateway.Stderr();
    const std::string text = gateway.Stderr();
    const size_t at = text.rfind(kStarted);
    if (at == std::string::npos) return -1;
    pids_.push_back(std::stoi(text.substr(at + sizeof(kStarted) - 1)));
    return pids_.back();
  }
  pid_t Upgrade(const GatewayProcess& gateway) {
    const pid_t pid = Begin(gateway, gateway.pid());
    EXPECT_TRUE(gateway.AwaitStderr(kHandedOver));
    return pid;
  }

  static void EndSuccessor(pid_t pid) {
    int status = 0;
    const auto ended = [&] {
      const pid_t reaped = waitpid(pid, &status, WNOHANG);
      return reaped == pid || (reaped < 0 && kill(pid, 0) != 0);
    };
    if (kill(pid, SIGTERM) != 0) return;
    // The second one stops at once.
    if (!Eventually(ended, std::chrono::milliseconds(500))) kill(pid, SIGTERM);
    if (!Eventually(ended)) {
      kill(pid, SIGKILL);
      ADD_FAILURE() << "the new process hangs";
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    // A sanitizer's report has a code of its own; the signal itself ends it while it starts.
    EXPECT_TRUE(code == 0 || code == 3 || code == -SIGTERM) << code;
  }

  static GatewayConfig Config(std::string body, std::string workers = "2") {
    return {.routes = "- {name: who, match: {path: /who}, respond: {body: " + body + "}}",
            .workers = std::move(workers)};
  }
  static std::string Who(const std::string& address) {
    RawClient client(address);
    return client.Get("/who", "Connection: close\r\n").body;
  }

  std::vector<pid_t> pids_;
};

// Clients on threads of their own, until they are told to stop.
class Load {
 public:
  // What one of them does again and again: it asks "/who" and calls `note` with each answer.
  using Note = std::function<void(int status, const std::string& body)>;
  using Turn = void (*)(const std::string& address, const Note& note);

  Load(std::string address, Turn turn) : address_(std::move(address)) {
    for (int i = 0; i < 4; ++i) {
      threads_.emplace_back([this, turn] {
        while (!stop_)
          turn(address_, [this](int status, const auto& body) { Count(status, body); });
      });
    }
  }
  ~Load() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  // That many more answers.
  void Await(int more) {
    const int until = answers_ + more;
    EXPECT_TRUE(Eventually([&] { return answers_ >= until || failures_ > 0; }));
  }
  int failures() const { return failures_; }
  int by_new() const { return by_new_; }

 private:
  void Count(int status, const std::string& body) {
    const bool by_new = body == "new";
    if (status != 200 || (!by_new && body != "old")) ++failures_;
    by_new_ += by_new ? 1 : 0;
    ++answers_;
  }

  std::string address_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> answers_ = 0;
  std::atomic<int> failures_ = 0;
  std::atomic<int> by_new_ = 0;
  std::vector<std::thread> threads_;
};

// A connection for each request.
void AskOnce(const std::string& address, const Load::Note& note) {
  RawClient client(address);
  const Message answer = client.Get("/who", "Connection: close\r\n");
  note(answer.Status(), answer.body);
}

// A connection of HTTP/2 with some streams at a time, until the gateway says goodbye: what it
// leaves out is asked again on another (RFC 9113 section 6.8).
void AskOverHttp2(const std::string& address, const Load::Note& note) {
  constexpr int kRounds = 50;
  constexpr int kStreams = 5;
  constexpr uint32_t kRefusedStream = 7;
  Http2Client client(RawClient(address), {});
  for (int round = 0; round < kRounds && client.goaways().empty(); ++round) {
    std::vector<int32_t> streams;
    for (int i = 0; i < kStreams; ++i) streams.push_back(client.Send({.path = "/who"}));
    for (const int32_t stream : streams) {
      const Http2Response& answer = client.Await(stream);
      if (answer.reset == kRefusedStream) return;
      note(answer.Status(), answer.body);
    }
  }
}

struct Successor {
  const char* workers;
  Wire wire;
};

// Under load over new connections: every connect (and handshake) succeeds, every request is
// answered.
class WorkerCountTest : public UpgradeProcessTest, public testing::WithParamInterface<Successor> {
 private:
  support::UseWire use_{GetParam().wire};
};

TEST_P(WorkerCountTest, NoNewConnectionIsLost) {
  GatewayProcess gateway(Config("old"));
  const std::string address = gateway.address();
  Load load(address, &AskOnce);
  load.Await(50);
  gateway.WriteConfig(Config("new", GetParam().workers).Text());
  Upgrade(gateway);
  EXPECT_EQ(gateway.WaitExit(), 0);
  load.Await(200);
  load.Stop();
  EXPECT_EQ(load.failures(), 0);
  EXPECT_GE(load.by_new(), 200);
  EXPECT_EQ(gateway.address(), address) << "port 0 stays what it was";
}

// Nor a request on a connection that is kept.
TEST_P(WorkerCountTest, NoRequestOverHttp2IsLost) {
  GatewayProcess gateway(Config("old"));
  Load load(gateway.address(), &AskOverHttp2);
  load.Await(200);
  gateway.WriteConfig(Config("new", GetParam().workers).Text());
  Upgrade(gateway);
  EXPECT_EQ(gateway.WaitExit(), 0);
  load.Await(500);
  load.Stop();
  EXPECT_EQ(load.failures(), 0);
  EXPECT_GE(load.by_new(), 500);
}

INSTANTIATE_TEST_SUITE_P(Workers, WorkerCountTest,
                         testing::Values(Successor{"1", Wire::kPlain}, Successor{"2", Wire::kPlain},
                                         Successor{"5", Wire::kPlain}, Successor{"1", Wire::kTls},
                                         Successor{"5", Wire::kTls}));

TEST_F(UpgradeProcessTest, ConnectionsThatWaitInTheQueuesAreServed) {
  GatewayProcess gateway(Config("old", "4"));
  gateway.WriteConfig(Config("new", "1").Text());
  kill(gateway.pid(), SIGSTOP);
  std::vector<RawClient> waiting;
  for (int i = 0; i < 32; ++i) {
    waiting.emplace_back(gateway.address());
    waiting.back().Send(GetRequest("/who", "Connection: close\r\n"));
  }
  kill(gateway.pid(), SIGUSR2);
  kill(gateway.pid(), SIGCONT);
  for (RawClient& client : waiting) EXPECT_EQ(client.Response().Status(), 200);
  EXPECT_TRUE(gateway.AwaitStderr(kHandedOver));
  const std::string text = gateway.Stderr();
  pids_.push_back(std::stoi(text.substr(text.rfind(kStarted) + sizeof(kStarted) - 1)));
}

// Without a key in the configuration, which the two could share.
TEST_F(UpgradeProcessTest, CookiesOfEndpointsKeepTheirMeaning) {
  const support::AutoUpstream one("one");
  const support::AutoUpstream two("two");
  const GatewayConfig config{.endpoints = {one.address(), two.address()},
                             .upstream = "balance: {policy: round_robin, cookie: {name: b}}"};
  GatewayProcess gateway(config);
  const Message first = RawClient(gateway.address()).Get("/", "Connection: close\r\n");
  const std::string set = first.Value("set-cookie");
  ASSERT_TRUE(set.starts_with("b=")) << set;
  const std::string fields =
      "Connection: close\r\nCookie: " + set.substr(0, set.find(';')) + "\r\n";
  // Two times, since the second has it of one that has inherited it itself.
  pid_t pid = Begin(gateway, gateway.pid());
  EXPECT_EQ(gateway.WaitExit(), 0);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 4; ++i) {
      RawClient client(gateway.address());
      const Message response = client.Get("/", fields);
      EXPECT_EQ(response.body, first.body) << round;
      EXPECT_FALSE(response.Has("set-cookie")) << round;
    }
    if (round == 1) break;
    const size_t before = Count(gateway.Stderr(), kHandedOver);
    pid = Begin(gateway, pid);
    EXPECT_TRUE(Eventually([&] { return Count(gateway.Stderr(), kHandedOver) > before; }));
  }
}

class LiveConnectionTest : public UpgradeProcessTest, public testing::WithParamInterface<Wire> {
 private:
  support::UseWire use_{GetParam()};
};
HOLDFAST_OVER_EACH_WIRE(LiveConnectionTest);

TEST_P(LiveConnectionTest, KeptConnectionsFinishGracefully) {
  ScriptedUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}, .drain = "{delay: 1h, timeout: 1h}"};
  GatewayProcess gateway(config);
  RawClient busy(gateway.address());
  busy.Send(GetRequest("/slow"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  RawClient idle(gateway.address());
  EXPECT_EQ(idle.Get("/local").body, "local");

  Upgrade(gateway);
  Message last;
  // The workers hear of the drain a moment after the line was written.
  EXPECT_TRUE(Eventually([&] {
    last = idle.Get("/local");
    return last.Value("connection") == "close" || last.Status() != 200;
  }));
  EXPECT_EQ(last.body, "local");
  idle.ExpectClosed();
  EXPECT_TRUE(gateway.running());
  connection.Send(OkResponse("finished"));
  const Message response = busy.Response();
  EXPECT_EQ(response.body, "finished");
  EXPECT_EQ(response.Value("connection"), "close");
  EXPECT_EQ(gateway.WaitExit(), 0) << "the moment nothing is left, not after the delay";
}

// Each of those that run is somewhere else in its exchange.
TEST_P(LiveConnectionTest, StreamsFinishInTheOldProcess) {
  constexpr uint32_t kNoError = 0;
  ScriptedUpstream upstream;
  GatewayConfig config = Config("old");
  config.endpoints = {upstream.address()};
  config.drain = "{delay: 1h, timeout: 1h}";
  GatewayProcess gateway(config);
  Http2Client busy(RawClient(gateway.address()), {});
  const int32_t asking = busy.Send({.method = "POST", .body = "one ", .open = true});
  busy.Flush();
  UpstreamConnection of_asking = upstream.Accept();
  of_asking.ReadUntil("one ");
  const int32_t waiting = busy.Send({});
  busy.Flush();
  UpstreamConnection of_waiting = upstream.Accept();
  of_waiting.Request();
  const int32_t reading = busy.Send({});
  busy.Flush();
  UpstreamConnection of_reading = upstream.Accept();
  of_reading.Request();
  of_reading.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
  busy.AwaitBody(reading, 5);
  Http2Client idle(RawClient(gateway.address()), {});
  EXPECT_EQ(idle.Get("/who").body, "old");

  config.routes = Config("new").routes;
  gateway.WriteConfig(config.Text());
  Upgrade(gateway);
  EXPECT_EQ(idle.AwaitGoaway(), kNoError);
  idle.AwaitEnd();
  idle.wire().Close();
  EXPECT_EQ(busy.AwaitGoaway(), kNoError);
  Http2Client next(RawClient(gateway.address()), {});
  EXPECT_EQ(next.Get("/who").body, "new");
  EXPECT_TRUE(gateway.running());

  busy.SendBody(asking, "two", /*last=*/true);
  busy.Flush();
  of_asking.ReadUntil("two");
  of_asking.Send(OkResponse("asked"));
  EXPECT_EQ(busy.Await(asking).body, "asked");
  of_waiting.Send(OkResponse("waited"));
  EXPECT_EQ(busy.Await(waiting).body, "waited");
  of_reading.Send("after");
  EXPECT_EQ(busy.Await(reading).body, "firstafter");
  EXPECT_TRUE(busy.At(reading).ended);
  busy.AwaitEnd();
  ASSERT_FALSE(busy.goaways().empty());
  EXPECT_EQ(busy.goaways().back().second, reading) << "the last one that was served";
  busy.wire().Close();
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_EQ(next.Get("/who").body, "new");
}

// A stream of HTTP/2 from the client's side, an upgrade from the upstream's.
TEST_P(LiveConnectionTest, ATunnelOverHttp2GoesOnInTheOldProcess) {
  ScriptedUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}, .drain = "{delay: 1h, timeout: 1h}"};
  GatewayProcess gateway(config);
  Http2Client client(RawClient(gateway.address()), {});
  const int32_t stream = client.Send({.open = true,
                                      .pseudo_fields = {{":method", "CONNECT"},
                                                        {":protocol", "test"},
                                                        {":scheme", "http"},
                                                        {":path", "/"},
                                                        {":authority", "test"}}});
  client.Flush();
  UpstreamConnection tunnel = upstream.Accept();
  tunnel.Answer("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
  client.AwaitHead(stream);
  Upgrade(gateway);
  client.AwaitGoaway();
  client.SendBody(stream, "still", /*last=*/false);
  client.Flush();
  EXPECT_EQ(tunnel.ReadBytes(5), "still");
  tunnel.Send("there");
  client.AwaitBody(stream, 5);
  EXPECT_EQ(client.At(stream).body, "there");
  client.SendBody(stream, "", /*last=*/true);
  client.Flush();
  tunnel.ExpectClosed();
  tunnel.Close();
  EXPECT_TRUE(client.Await(stream).ended);
  client.AwaitEnd();
  client.wire().Close();
  EXPECT_EQ(gateway.WaitExit(), 0);
}

TEST_P(LiveConnectionTest, ATermAfterTheHandOverDoesNotCutWhatIsInFlight) {
  ScriptedUpstream upstream;
  GatewayProcess gateway(
      GatewayConfig{.endpoints = {upstream.address()}, .drain = "{delay: 1h, timeout: 1h}"});
  RawClient busy(gateway.address());
  busy.Send(GetRequest("/slow"));
  UpstreamConnection connection = upstream.Accept();
  connection.Request();
  RawClient idle(gateway.address());
  EXPECT_EQ(idle.Get("/local").body, "local");
  Upgrade(gateway);
  gateway.Signal(SIGTERM);
  idle.ExpectClosed();
  connection.Send(OkResponse("finished"));
  EXPECT_EQ(busy.Response().body, "finished");
  EXPECT_EQ(gateway.WaitExit(), 0);
}

TEST_P(LiveConnectionTest, ATunnelGoesOnInTheOldProcess) {
  ScriptedUpstream upstream;
  GatewayConfig config{.endpoints = {upstream.address()}, .drain = "{delay: 1h, timeout: 1h}"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Send(GetRequest("/", "Connection: upgrade\r\nUpgrade: test\r\n"));
  UpstreamConnection tunnel = upstream.Accept();
  tunnel.Answer("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n");
  EXPECT_EQ(client.Response().Status(), 101);
  Upgrade(gateway);
  client.Send("still");
  EXPECT_EQ(tunnel.ReadBytes(5), "still");
  tunnel.Send("there");
  EXPECT_EQ(client.ReadBytes(5), "there");
  client.Close();
  tunnel.ExpectClosed();
  tunnel.Close();
  EXPECT_EQ(gateway.WaitExit(), 0);
}

TEST_F(UpgradeProcessTest, TheStatusListenerIsHandedOver) {
  GatewayProcess gateway(Config("old"));
  const std::string status = gateway.address("status");
  const double before = gateway.Scrape().Value("process_open_fds");
  EXPECT_GT(before, 0);
  Upgrade(gateway);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_EQ(gateway.address("status"), status);
  EXPECT_EQ(gateway.Status("/readyz").body, "ok\n");
}

TEST_F(UpgradeProcessTest, AUnixSocketIsHandedOver) {
  const support::TempDir dir;
  GatewayConfig config = Config("old");
  config.bind = "unix:" + dir.Path("edge");
  GatewayProcess gateway(config);
  Load load(config.bind, &AskOnce);
  load.Await(20);
  GatewayConfig after = Config("new", "1");
  after.bind = config.bind;
  gateway.WriteConfig(after.Text());
  Upgrade(gateway);
  EXPECT_EQ(gateway.WaitExit(), 0);
  load.Await(20);
  load.Stop();
  EXPECT_EQ(load.failures(), 0);
  EXPECT_GE(load.by_new(), 20);
}

TEST_F(UpgradeProcessTest, AProcessThatDoesNotStartChangesNothing) {
  GatewayProcess gateway(Config("old"));
  gateway.WriteConfig("listeners: 7\n");
  Begin(gateway, gateway.pid());
  EXPECT_TRUE(gateway.AwaitStderr("ended with exit code 2 before it was ready"));
  EXPECT_EQ(Who(gateway.address()), "old");
  EXPECT_EQ(gateway.Status("/readyz").Status(), 200);
  gateway.WriteConfig(Config("new").Text());
  Upgrade(gateway);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_EQ(Who(gateway.address()), "new");
}

// One that waits for a name server that does not answer, to have time.
class SlowStartTest : public UpgradeProcessTest {
 protected:
  std::string SlowConfig() const {
    GatewayConfig config = Config("new");
    config.endpoints = {"web.test:80"};
    config.top = "dns: {servers: [\"127.0.0.1:9\"], timeout: 30s}\n";
    return config.Text();
  }
};

TEST_F(SlowStartTest, ASecondSignalIsRefused) {
  GatewayProcess gateway(Config("old"));
  gateway.WriteConfig(SlowConfig());
  const pid_t pid = Begin(gateway, gateway.pid());
  gateway.Signal(SIGUSR2);
  EXPECT_TRUE(gateway.AwaitStderr("upgrade refused: process " + std::to_string(pid) +
                                  " is about to take over already"));
  EXPECT_EQ(Who(gateway.address()), "old");
  EXPECT_EQ(Count(gateway.Stderr(), kStarted), 1u);
}

TEST_F(SlowStartTest, ATermEndsBothProcesses) {
  GatewayProcess gateway(Config("old"));
  gateway.WriteConfig(SlowConfig());
  const pid_t pid = Begin(gateway, gateway.pid());
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_TRUE(Eventually([&] { return waitpid(pid, nullptr, WNOHANG) == pid; }));
  pids_.clear();
}

TEST_F(UpgradeProcessTest, TheNewProcessMayBeUpgradedInItsTurn) {
  GatewayProcess gateway(Config("old"));
  const std::string address = gateway.address();
  const pid_t second = Upgrade(gateway);
  EXPECT_EQ(gateway.WaitExit(), 0);
  gateway.WriteConfig(Config("new").Text());
  Begin(gateway, second);
  EXPECT_TRUE(Eventually([&] { return Count(gateway.Stderr(), kHandedOver) == 2; }))
      << gateway.Stderr();
  EXPECT_TRUE(Eventually([&] { return waitpid(second, nullptr, WNOHANG) == second; }));
  EXPECT_EQ(Who(address), "new");
}

TEST_F(UpgradeProcessTest, AReplacedProgramIsTheOneThatIsStarted) {
  const support::TempDir dir;
  const std::string binary = support::GatewayBinary();
  const std::string installed = dir.Path("holdfast");
  std::filesystem::create_symlink(std::filesystem::absolute(binary), installed);
  setenv("HOLDFAST_BINARY", installed.c_str(), 1);
  {
    GatewayProcess gateway(Config("old"));
    dir.Write("holdfast", "#!/bin/sh\necho the replaced program >&2\nexec " +
                              std::filesystem::absolute(binary).string() + " \"$@\"\n");
    ASSERT_EQ(chmod(installed.c_str(), 0700), 0);
    Upgrade(gateway);
    EXPECT_TRUE(gateway.AwaitStderr("the replaced program"));
    EXPECT_EQ(gateway.WaitExit(), 0);
  }
  setenv("HOLDFAST_BINARY", binary.c_str(), 1);
}

// What `openssl s_client` says of its session after a request: "New" or "Reused".
std::string SessionWith(const std::string& address, const std::string& session) {
  const support::Finished done = support::RunProgram(
      {"sh", "-c",
       "printf 'GET /who HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' | "
       "timeout 20 openssl s_client -ign_eof -connect " +
           address + " " + session + " 2>/dev/null | grep -o -m1 -E '^(New|Reused)'"},
      {}, 2 * support::kPatience);
  return done.out;
}

TEST_F(UpgradeProcessTest, SessionsAreResumedByTheNewProcess) {
  const support::TempDir dir;
  const pool::Issued site = pool::SiteFor({"a.test"});
  const std::string config =
      "workers: 1\nstatus: off\naccess_log: off\ndrain: {delay: 0s, timeout: 1s}\n"
      "listeners: [{name: edge, bind: \"127.0.0.1:0\", tls: {certificates: [{cert: " +
      dir.Write("a.pem", site.chain().pem) + ", key: " + dir.Write("a.key", site.key_file().pem) +
      "}]}}]\nroutes: [{respond: {body: new}}]\n";
  GatewayProcess gateway(config);
  const std::string session = dir.Path("session");
  EXPECT_EQ(SessionWith(gateway.address(), "-sess_out " + session), "New\n");
  EXPECT_EQ(SessionWith(gateway.address(), "-sess_in " + session), "Reused\n");
  Upgrade(gateway);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_EQ(SessionWith(gateway.address(), "-sess_in " + session), "Reused\n");
}

// It takes over once it has fetched what requests are checked with.
TEST_F(UpgradeProcessTest, TokensAreGoodFromTheFirstRequestOn) {
  const pool::TestKeyPair pair = pool::TestKeyPair::Make(pool::PublicKey::Kind::kEd25519);
  support::AutoUpstream issuer(auth::JwksOf({auth::JwkOf(pair)}));
  const std::string token =
      auth::SignedToken(pair, pool::SignatureAlgorithm::kEdDsa, R"({"alg":"EdDSA"})",
                        R"({"iss":"i","aud":"a","exp":4102444800})");
  const std::string config =
      "workers: 1\nstatus: off\naccess_log: off\ndrain: {delay: 0s, timeout: 1s}\n"
      "listeners: [{name: edge, bind: \"127.0.0.1:0\"}]\nroutes: [{jwt: {jwks: \"http://" +
      issuer.address() +
      "/\", issuer: i, audience: a, algorithms: [EdDSA]}, respond: {body: in}}]\n";
  GatewayProcess gateway(config);
  const auto status = [&] {
    RawClient client(gateway.address());
    return client.Get("/", "Authorization: Bearer " + token + "\r\n").Status();
  };
  EXPECT_TRUE(Eventually([&] { return status() == 200; }));
  Upgrade(gateway);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(issuer.requests(), 2);
}

}  // namespace
}  // namespace holdfast::server
