// Values that stand in files of their own: at the start, for `check`, and when SIGHUP reads them
// anew.

#include <sys/stat.h>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr int kUsage = 2;

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class SecretsTest : public testing::Test {
 protected:
  // A file that its owner alone may read.
  std::string Write(const std::string& name, std::string_view text) const {
    const std::string path = dir_.Write(name, text);
    EXPECT_EQ(chmod(path.c_str(), 0600), 0);
    return path;
  }
  GatewayConfig Config(const std::string& path) const {
    return {.endpoints = {upstream_.address()},
            .route = "request_headers: {set: {x-api-key: {file: " + path + "}}}"};
  }
  static Finished Check(const std::string& path) {
    return RunProgram({GatewayBinary(), "check", path});
  }

  TempDir dir_;
  AutoUpstream upstream_{[](const Message& request) {
    const std::string key = request.Value("x-api-key");
    return AutoUpstream::Reply{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: " +
                                        std::to_string(key.size()) + "\r\n\r\n" + key};
  }};
};

TEST_F(SecretsTest, AnUpstreamGetsTheKeyAndAReloadBringsTheNextOne) {
  const std::string path = Write("key", "first-${client_ip}-key\n");
  const std::string config = Config(path).Text();
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "first-${client_ip}-key");
  Write("key", "second-key");
  EXPECT_EQ(client.Get("/").body, "first-${client_ip}-key") << "until the next reload";
  gateway.Reload(config);
  EXPECT_TRUE(Eventually([&] { return client.Get("/").body == "second-key"; }));
  EXPECT_FALSE(Contains(gateway.Stderr() + gateway.Stdout(), "second-key"));
}

TEST_F(SecretsTest, AFileThatIsWrongChangesNothingAndIsNotShown) {
  const std::string path = Write("key", "good-key");
  const std::string config = Config(path).Text();
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  for (const std::string_view bad : {"", "\n", "tell-nobody\r\nx-evil: 1", " tell-nobody"}) {
    Write("key", bad);
    gateway.Reload(config);
    EXPECT_EQ(client.Get("/").body, "good-key") << bad;
  }
  EXPECT_TRUE(gateway.AwaitStderr("'" + path + "' is empty; expected the value of this key"));
  EXPECT_TRUE(gateway.AwaitStderr("the file holds something else"));
  EXPECT_FALSE(Contains(gateway.Stderr(), "tell-nobody"));
}

TEST_F(SecretsTest, StartAndCheckTellWhereAMissingOneIsNamed) {
  const std::string config = dir_.Write("holdfast.yaml",
                                        "listeners: [{name: edge, bind: \"127.0.0.1:0\"}]\n"
                                        "upstreams:\n"
                                        "  web:\n"
                                        "    endpoints: [\"127.0.0.1:9\"]\n"
                                        "    balance: {cookie: {key: {file: /nowhere/key}}}\n"
                                        "routes: [{upstream: web}]\n");
  for (const std::string command : {"check", "run"}) {
    const Finished finished = RunProgram({GatewayBinary(), command, config});
    EXPECT_EQ(finished.code, kUsage) << command;
    EXPECT_TRUE(Contains(finished.err, config + ":5:36: error: '/nowhere/key' cannot be read: No "
                                                "such file or directory\n"))
        << finished.err;
  }
  const Finished elsewhere = RunProgram({GatewayBinary(), "check", "--without-files", config});
  EXPECT_EQ(elsewhere.code, 0) << elsewhere.err;
  EXPECT_TRUE(Contains(elsewhere.err, "note: '/nowhere/key' cannot be read")) << elsewhere.err;
}

TEST_F(SecretsTest, CheckNotesOneThatOthersMayRead) {
  const std::string path = Write("key", "a-key");
  const std::string config = dir_.Write("holdfast.yaml", Config(path).Text());
  const Finished closed = Check(config);
  EXPECT_EQ(closed.code, 0) << closed.err;
  EXPECT_FALSE(Contains(closed.err, path)) << closed.err;
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  const Finished open = Check(config);
  EXPECT_EQ(open.code, 0) << open.err;
  EXPECT_TRUE(Contains(
      open.err, "note: '" + path + "': others than its owner and group can read or change it\n"))
      << open.err;
  EXPECT_FALSE(Contains(open.err, "a-key")) << open.err;
}

// The environment's turn comes first, the request's second; one more dollar is enough for both.
TEST_F(SecretsTest, ADollarInAFieldsValueCanBeMeant) {
  const GatewayConfig config{
      .endpoints = {upstream_.address()},
      .route = "request_headers: {set: {x-api-key: \"$${HOME} $${client_ip} ${NOT_SET:-x}\"}}"};
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/").body, "${HOME} ${client_ip} x");
}

}  // namespace
}  // namespace holdfast::support
