// The commands, their exit codes, and what they say when something is wrong.

#include <signal.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;

Finished Holdfast(std::vector<std::string> arguments, const Subprocess::Options& options = {}) {
  arguments.insert(arguments.begin(), GatewayBinary());
  return RunProgram(arguments, options);
}

// `holdfast <command> -c` with a file of this text.
Finished WithFile(const std::string& command, const std::string& text,
                  const Subprocess::Options& options = {}) {
  const TempDir dir;
  return Holdfast({command, "-c", dir.Write("holdfast.yaml", text)}, options);
}

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(CommandLineTest, VersionNamesItself) {
  const Finished finished = Holdfast({"version"});
  EXPECT_EQ(finished.code, 0);
  EXPECT_TRUE(finished.out.starts_with("holdfast ")) << finished.out;
  EXPECT_TRUE(Contains(finished.out, " (commit ")) << finished.out;
}

TEST(CommandLineTest, VersionAndHelpMayBeAskedForInAnyManner) {
  const Finished version = Holdfast({"version"});
  for (const char* flag : {"--version", "-v"}) {
    EXPECT_EQ(Holdfast({flag}).out, version.out) << flag;
  }
  EXPECT_EQ(Holdfast({"help", "run"}).out, Holdfast({"run", "--help"}).out);
}

TEST(CommandLineTest, CheckNotesWhatThisMachineHasTooLittleOf) {
  const Finished finished =
      WithFile("check",
               "listeners: [{bind: \":8080\"}]\nroutes: [{upstream: web}]\n"
               "upstreams: {web: {endpoints: [\"127.0.0.1:80\"], max_connections: 1000000}}\n"
               "status: {bind: \"unix:/no/such/folder/status\"}\n");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(Contains(finished.err, "note: on this machine: upstream web: max_connections"))
      << finished.err;
  EXPECT_TRUE(Contains(finished.err, "warning: status: there is no folder")) << finished.err;
}

// A start would fail, and so does this.
TEST(CheckTest, ALogsFileThatCannotBeOpenedIsAnErrorWithItsPlace) {
  const TempDir dir;
  const std::string config =
      dir.Write("holdfast.yaml",
                "listeners: [{bind: \":8080\"}]\nroutes: [{respond: {}}]\n"
                "access_log: [{path: stdout}, {path: /no/such/folder/access.log}]\n");
  const Finished finished = Holdfast({"check", config});
  EXPECT_EQ(finished.code, kUsage);
  EXPECT_TRUE(Contains(finished.err, config +
                                         ":3:37: error: access_log: /no/such/folder/access.log: "
                                         "cannot be opened: No such file or directory\n"))
      << finished.err;
  EXPECT_EQ(finished.out, "");
  const Finished elsewhere = Holdfast({"check", "--without-files", config});
  EXPECT_EQ(elsewhere.code, 0) << elsewhere.err;
  EXPECT_TRUE(Contains(elsewhere.err, "note: on this machine: access_log: /no/such/folder/"))
      << elsewhere.err;
}

TEST(CommandLineTest, HelpExistsForEveryCommand) {
  for (const std::string command : {"", "run", "proxy", "demo", "check", "config", "version"}) {
    std::vector<std::string> arguments = {"--help"};
    if (!command.empty()) arguments.insert(arguments.begin(), command);
    const Finished finished = Holdfast(arguments);
    EXPECT_EQ(finished.code, 0) << command;
    EXPECT_TRUE(Contains(finished.out, "--help")) << command << finished.out;
  }
}

TEST(CommandLineTest, WrongUsageIsToldSo) {
  const std::vector<std::vector<std::string>> wrong = {
      {},        {"fly"},    {"run"},        {"run", "--fast"}, {"proxy", "--from", ":8080"},
      {"check"}, {"config"}, {"config", "x"}};
  for (const auto& arguments : wrong) {
    const Finished finished = Holdfast(arguments);
    EXPECT_EQ(finished.code, kUsage) << ::testing::PrintToString(arguments);
    EXPECT_NE(finished.err + finished.out, "");
  }
}

TEST(ConfigTest, TheDefaultsAreARightFile) {
  const Finished defaults = Holdfast({"config", "defaults"});
  EXPECT_EQ(defaults.code, 0) << defaults.err;
  const Finished checked = WithFile("check", defaults.out);
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_FALSE(Contains(checked.err, "warning")) << checked.err;
}

TEST(ConfigTest, TheSchemaAndTheReferenceArePrinted) {
  const Finished schema = Holdfast({"config", "schema"});
  EXPECT_EQ(schema.code, 0);
  EXPECT_TRUE(schema.out.starts_with("{\n  \"$schema\": ")) << schema.out.substr(0, 80);
  EXPECT_TRUE(schema.out.ends_with("}\n"));
  const Finished docs = Holdfast({"config", "docs"});
  EXPECT_EQ(docs.code, 0);
  EXPECT_TRUE(docs.out.starts_with("# Configuration\n")) << docs.out.substr(0, 80);
}

TEST(ConfigTest, APipeThatNobodyReadsIsAFailure) {
  EXPECT_EQ(RunProgram({"/bin/sh", "-c", "\"$0\" config docs >/dev/full", GatewayBinary()}).code,
            kFailure);
}

TEST(CheckTest, ARightFileIsFine) {
  const Finished finished = WithFile("check", GatewayConfig{.endpoints = {"web:80"}}.Text());
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_TRUE(Contains(finished.out, "ok")) << finished.out;
}

TEST(CheckTest, AnErrorHasItsPlaceALineACaretAndASuggestion) {
  const Finished finished =
      WithFile("check", "listeners:\n  - {bnd: \"127.0.0.1:80\"}\nroutes:\n  - {respond: {}}\n");
  EXPECT_EQ(finished.code, kUsage);
  EXPECT_TRUE(Contains(finished.err, "holdfast.yaml:2:6")) << finished.err;
  EXPECT_TRUE(Contains(finished.err, "- {bnd: ")) << finished.err;
  EXPECT_TRUE(Contains(finished.err, "^")) << finished.err;
  EXPECT_TRUE(Contains(finished.err, "bind")) << finished.err;
}

TEST(CheckTest, SeveralErrorsAreToldAtOnceAndNotTooMany) {
  std::string text = "listeners:\n";
  for (int i = 0; i < 30; ++i) text += "  - {bind: nowhere}\n";
  const Finished finished = WithFile("check", text + "routes:\n  - {respond: {}}\n");
  EXPECT_EQ(finished.code, kUsage);
  size_t places = 0;
  for (size_t at = finished.err.find("holdfast.yaml:"); at != std::string::npos;
       at = finished.err.find("holdfast.yaml:", at + 1)) {
    ++places;
  }
  EXPECT_GE(places, 10u) << finished.err;
  EXPECT_LE(places, 21u) << finished.err;
}

TEST(CheckTest, BrokenYamlHasItsPlace) {
  const Finished finished = WithFile("check", "listeners:\n  - {bind: \"x\"\nroutes: []\n");
  EXPECT_EQ(finished.code, kUsage);
  EXPECT_TRUE(Contains(finished.err, "holdfast.yaml:")) << finished.err;
}

std::string TlsAt(const std::string& folder) {
  return "listeners: [{name: edge, bind: \":8443\", tls: {certificates: [{cert: " + folder +
         "/a.pem, key: " + folder +
         "/a.key}]}}]\n"
         "upstreams: {web: {endpoints: [\"a.test:443\"], tls: {ca: " +
         folder + "/ca.pem}}}\nroutes: [{upstream: web}]\n";
}

// As a start would: each of them by itself, with who needs it.
TEST(CheckTest, FilesThatTlsNeedsAndThatAreMissingAreErrorsAllAtOnce) {
  const Finished finished = WithFile("check", TlsAt("/nowhere"));
  EXPECT_EQ(finished.code, kUsage);
  for (const char* line : {"1:69: error: listener edge: /nowhere/a.pem: ",
                           "1:90: error: listener edge: /nowhere/a.key: ",
                           "2:56: error: upstream web: /nowhere/ca.pem: "}) {
    EXPECT_TRUE(Contains(finished.err, std::string("holdfast.yaml:") + line +
                                           "cannot be read: No such file or directory\n"))
        << finished.err;
  }
  EXPECT_EQ(finished.out, "");
}

TEST(CheckTest, AnErrorPageThatCannotBeReadHasItsPlace) {
  const TempDir dir;
  const std::string large = dir.Write("b.txt", std::string(64 * 1024 + 1, 'x'));
  const Finished finished =
      WithFile("check", "defaults:\n  listeners: {error_pages: {5xx: " + large +
                            "}}\n"
                            "listeners:\n  - {name: edge, bind: \":8080\", error_pages: {404: "
                            "/nowhere/a.html}}\nroutes: [{respond: {}}]\n");
  EXPECT_EQ(finished.code, kUsage);
  for (const std::string& line :
       {std::string("4:52: error: listener edge: /nowhere/a.html: cannot be read: "),
        "2:34: error: listener edge: " + large + ": it is larger than 64 KiB"}) {
    EXPECT_TRUE(Contains(finished.err, "holdfast.yaml:" + line)) << finished.err;
  }
}

TEST(CheckTest, AnotherMachinesFilesMayBeMissingHereIfThatIsSaidButNotWrong) {
  const TempDir dir;
  const std::string config = dir.Write("holdfast.yaml", TlsAt("/nowhere"));
  const Finished elsewhere = Holdfast({"check", "--without-files", config});
  EXPECT_EQ(elsewhere.code, 0) << elsewhere.err;
  EXPECT_TRUE(Contains(elsewhere.err, "note: on this machine: upstream web: /nowhere/ca.pem: "))
      << elsewhere.err;
  EXPECT_FALSE(Contains(elsewhere.err, "error")) << elsewhere.err;
  dir.Write("ca.pem", "no certificate");
  dir.Write("holdfast.yaml", TlsAt(dir.Path("")));
  const Finished wrong = Holdfast({"check", "--without-files", config});
  EXPECT_EQ(wrong.code, kUsage) << wrong.err;
  EXPECT_TRUE(Contains(wrong.err, "error: upstream web: ")) << wrong.err;
}

TEST(StartTest, AWrongFileStartsNothing) {
  const Finished finished = WithFile("run", "listeners: 5\n");
  EXPECT_EQ(finished.code, kUsage);
  EXPECT_TRUE(Contains(finished.err, "holdfast.yaml:1:12")) << finished.err;
  EXPECT_FALSE(Contains(finished.err, "ready")) << finished.err;
}

TEST(StartTest, AMissingFileIsNamed) {
  const Finished finished = Holdfast({"run", "-c", "/nowhere/holdfast.yaml"});
  EXPECT_EQ(finished.code, kUsage);
  EXPECT_TRUE(Contains(finished.err, "/nowhere/holdfast.yaml")) << finished.err;
  EXPECT_TRUE(Contains(finished.err, "No such file")) << finished.err;
}

TEST(StartTest, AFolderIsNoFile) {
  const Finished finished = Holdfast({"run", "-c", "/tmp"});
  EXPECT_EQ(finished.code, kUsage);
  EXPECT_TRUE(Contains(finished.err, "/tmp")) << finished.err;
}

TEST(StartTest, APortInUseIsNamedWithItsListener) {
  const ScriptedUpstream taken;
  GatewayConfig config;
  config.bind = taken.address();
  const Finished finished = WithFile("run", config.Text());
  EXPECT_EQ(finished.code, kFailure);
  EXPECT_TRUE(Contains(finished.err, "edge")) << finished.err;
  EXPECT_TRUE(Contains(finished.err, taken.address())) << finished.err;
  EXPECT_TRUE(Contains(finished.err, "in use")) << finished.err;
  EXPECT_FALSE(Contains(finished.err, "info ready")) << finished.err;
}

TEST(StartTest, ASecondGatewayDoesNotShareThePortOfTheFirst) {
  GatewayProcess first(GatewayConfig{});
  GatewayConfig config;
  config.bind = first.address();
  const Finished second = WithFile("run", config.Text());
  EXPECT_EQ(second.code, kFailure);
  EXPECT_TRUE(Contains(second.err, "in use")) << second.err;
}

TEST(StartTest, AStatusPortInUseIsNamed) {
  const ScriptedUpstream taken;
  std::string text = GatewayConfig{}.Text();
  const std::string free = "status: {bind: \"127.0.0.1:0\"}";
  text.replace(text.find(free), free.size(), "status: {bind: \"" + taken.address() + "\"}");
  const Finished finished = WithFile("run", text);
  EXPECT_EQ(finished.code, kFailure);
  EXPECT_TRUE(Contains(finished.err, "status")) << finished.err;
  EXPECT_TRUE(Contains(finished.err, taken.address())) << finished.err;
}

TEST(StartTest, AnAddressOfAnotherMachineIsNamed) {
  GatewayConfig config;
  config.bind = "192.0.2.1:0";
  const Finished finished = WithFile("run", config.Text());
  EXPECT_EQ(finished.code, kFailure);
  EXPECT_TRUE(Contains(finished.err, "192.0.2.1")) << finished.err;
}

TEST(StartTest, AnAccessLogThatCannotBeOpenedIsNamed) {
  GatewayConfig config;
  config.top = "access_log: {path: /nowhere/access.log}\n";
  const Finished finished = WithFile("run", config.Text());
  EXPECT_EQ(finished.code, kFailure);
  EXPECT_TRUE(Contains(finished.err, "/nowhere/access.log")) << finished.err;
}

TEST(StartTest, TooFewDescriptorsAreToldSo) {
  const Finished finished =
      WithFile("run", GatewayConfig{}.Text(), Subprocess::Options{.descriptor_limit = 32});
  EXPECT_EQ(finished.code, kFailure);
  EXPECT_TRUE(Contains(finished.err, "descriptor limit of 32")) << finished.err;
}

TEST(StartTest, CapsBeyondTheDescriptorsAreToldSo) {
  const Finished finished =
      WithFile("run", GatewayConfig{.listener = "max_connections: 5000"}.Text(),
               Subprocess::Options{.descriptor_limit = 1000});
  EXPECT_EQ(finished.code, kFailure);
  EXPECT_TRUE(Contains(finished.err, "5000")) << finished.err;
}

TEST(StartTest, TheDerivationOfTheWorkersIsPrinted) {
  GatewayConfig config;
  config.workers = "auto";
  GatewayProcess gateway(config);
  EXPECT_TRUE(gateway.AwaitStderr("workers: "));
  EXPECT_GE(gateway.Scrape().Value("holdfast_workers"), 1);
}

// Were the numbers free, sockets would take them, and the access log would be written to a client.
TEST(StartTest, WithoutStandardStreamsTheLogReachesNobody) {
  const TempDir dir;
  GatewayConfig config;
  config.bind = "unix:" + dir.Path("edge");
  config.top = "access_log: {path: stdout}\n";
  std::string text = config.Text();
  const std::string status = "status: {bind: \"127.0.0.1:0\"}";
  text.replace(text.find(status), status.size(), "status: {bind: \"unix:" + dir.Path("s") + "\"}");
  Subprocess gateway({GatewayBinary(), "run", "-c", dir.Write("holdfast.yaml", text)},
                     Subprocess::Options{.without_streams = true});
  // The file is there as soon as the socket is bound; it takes clients once it listens.
  ASSERT_TRUE(Eventually([&] { return Accepts(config.bind) || gateway.Poll().has_value(); }));
  for (const char* fd : {"0", "1", "2"}) {
    std::array<char, 64> target = {};
    const std::string link = "/proc/" + std::to_string(gateway.pid()) + "/fd/" + fd;
    EXPECT_GT(readlink(link.c_str(), target.data(), target.size() - 1), 0) << fd;
    EXPECT_STREQ(target.data(), "/dev/null") << fd;
  }
  RawClient client(config.bind);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("/local").body, "local");
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.Wait(), 0);
}

TEST(StartTest, TheDescriptorBudgetIsPrinted) {
  GatewayProcess gateway(GatewayConfig{});
  EXPECT_TRUE(gateway.AwaitStderr(" descriptors = "));
}

TEST(ProxyTest, NoFileIsNeeded) {
  AutoUpstream upstream;
  GatewayProcess gateway(std::vector<std::string>{"proxy", "--from", "127.0.0.1:0", "--to",
                                                  upstream.address(), "--status", "127.0.0.1:0"});
  RawClient client(gateway.address("127.0.0.1:0"));
  EXPECT_EQ(client.Get("/").body, "hello");
  EXPECT_EQ(gateway.Status("/readyz").Status(), 200);
}

TEST(ProxyTest, SeveralEndpointsAreBalanced) {
  AutoUpstream one;
  AutoUpstream two;
  GatewayProcess gateway(std::vector<std::string>{"proxy", "--from", "127.0.0.1:0", "--to",
                                                  one.address(), "--to", two.address(), "--status",
                                                  "127.0.0.1:0"});
  RawClient client(gateway.address("127.0.0.1:0"));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_GT(one.requests(), 0);
  EXPECT_GT(two.requests(), 0);
}

// Nothing to reload: the terminal was closed. And whoever presses Ctrl-C does not wait for a load
// balancer to notice.
TEST(ProxyTest, TheTerminalsSignalsDrainWithoutTheDelay) {
  AutoUpstream upstream;
  for (const int signal : {SIGHUP, SIGINT}) {
    GatewayProcess gateway(std::vector<std::string>{"proxy", "--from", "127.0.0.1:0", "--to",
                                                    upstream.address(), "--status", "127.0.0.1:0"});
    gateway.Signal(signal);
    EXPECT_EQ(gateway.WaitExit(), 0);
    EXPECT_TRUE(gateway.AwaitStderr(": draining: requests in flight have 20s"));
    EXPECT_TRUE(gateway.AwaitStderr("drained: nothing was cut off"));
  }
}

TEST(ProxyTest, TermKeepsTheDelayAndSaysSo) {
  AutoUpstream upstream;
  GatewayProcess gateway(std::vector<std::string>{"proxy", "--from", "127.0.0.1:0", "--to",
                                                  upstream.address(), "--status", "127.0.0.1:0"});
  gateway.Signal(SIGTERM);
  EXPECT_TRUE(gateway.AwaitStderr("SIGTERM: draining: for 5s /readyz says 503"));
}

TEST(ProxyTest, AnAddressInUseIsToldWithTheFlag) {
  const ScriptedUpstream taken;
  const Finished listener =
      Holdfast({"proxy", "--from", taken.address(), "--to", "127.0.0.1:1", "--status", "off"});
  EXPECT_EQ(listener.code, kFailure);
  EXPECT_TRUE(Contains(listener.err, "in use; --from ADDRESS")) << listener.err;
  const Finished status = Holdfast({"demo", "--port", "0", "--status", taken.address()});
  EXPECT_EQ(status.code, kFailure);
  EXPECT_TRUE(Contains(status.err, "in use; --status ADDRESS")) << status.err;
}

TEST(ProxyTest, AWrongAddressIsToldSo) {
  const Finished finished = Holdfast({"proxy", "--from", "nowhere", "--to", "127.0.0.1:1"});
  EXPECT_EQ(finished.code, kUsage);
  EXPECT_TRUE(Contains(finished.err, "nowhere")) << finished.err;
}

TEST(DemoTest, ItHasItsOriginWithIt) {
  GatewayProcess gateway(
      std::vector<std::string>{"demo", "--port", "0", "--status", "127.0.0.1:0"});
  RawClient client(gateway.address("gateway"));
  EXPECT_EQ(client.Get("/").Status(), 200);
  EXPECT_EQ(client.Get("/hello").Status(), 200);
  EXPECT_GE(gateway.Scrape().Value("holdfast_upstream_checkouts_total"), 1);
}

TEST(DemoTest, ItPrintsWhatToTry) {
  GatewayProcess gateway(
      std::vector<std::string>{"demo", "--port", "0", "--status", "127.0.0.1:0"});
  const std::string line = "curl -v http://" + gateway.address("gateway");
  EXPECT_TRUE(Eventually([&] { return Contains(gateway.Stdout(), line); })) << gateway.Stdout();
}

TEST(DemoTest, TheConfigurationItPrintsIsRight) {
  const Finished printed = Holdfast({"demo", "--print-config"});
  EXPECT_EQ(printed.code, 0);
  EXPECT_EQ(WithFile("check", printed.out).code, 0);
}

}  // namespace
}  // namespace holdfast::support
