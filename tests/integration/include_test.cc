// A configuration of several files: at the start, for `check`, and when SIGHUP reads it anew.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr int kUsage = 2;

std::string Saying(const std::string& word) {
  return "routes:\n  - {name: " + word + ", match: {path: /" + word + "}, respond: {body: " + word +
         "}}\n";
}

GatewayConfig Including(const TempDir& dir) {
  return {.top = "include: " + dir.Path("*.yaml") + "\n"};
}

Finished Check(const std::string& path) { return RunProgram({GatewayBinary(), "check", path}); }

TEST(IncludeTest, RoutesAndListenersOfOtherFilesServe) {
  const TempDir dir;
  dir.Write("a.yaml", "listeners: [{name: second, bind: \"127.0.0.1:0\"}]\n");
  dir.Write("b.yaml", Saying("included"));
  GatewayProcess gateway(Including(dir));
  for (const std::string_view listener : {"edge", "second"}) {
    RawClient client(gateway.address(listener));
    EXPECT_EQ(client.Get("/included").body, "included");
    EXPECT_EQ(client.Get("/local").body, "local");
  }
}

TEST(IncludeTest, OfEquallySpecificRoutesTheFirstFilesIsTaken) {
  const auto any = [](const std::string& word) {
    return "routes:\n  - {name: " + word +
           ", match: {path_prefix: /p, headers: {x-any: {present: true}}}, respond: {body: " +
           word + "}}\n";
  };
  const TempDir dir;
  dir.Write("2.yaml", any("two"));
  dir.Write("10.yaml", any("ten"));
  const std::string config = Including(dir).Text();
  GatewayProcess gateway(config);
  const std::string request = "GET /p HTTP/1.1\r\nHost: a.test\r\nX-Any: 1\r\n\r\n";
  RawClient client(gateway.address());
  EXPECT_EQ(client.Exchange(request).body, "ten");
  dir.Write("00.yaml", any("zero"));
  gateway.Reload(config);
  EXPECT_TRUE(Eventually([&] { return client.Exchange(request).body == "zero"; }));
}

TEST(IncludeTest, AReloadSeesFilesThatChangedCameAndWent) {
  const TempDir dir;
  const std::string config = Including(dir).Text();
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/late").Status(), 404);
  dir.Write("late.yaml", Saying("late"));
  gateway.Reload(config);
  EXPECT_TRUE(Eventually([&] { return client.Get("/late").body == "late"; }));
  dir.Write("late.yaml", Saying("later"));
  gateway.Reload(config);
  EXPECT_TRUE(Eventually([&] { return client.Get("/later").body == "later"; }));
  ASSERT_EQ(remove(dir.Path("late.yaml").c_str()), 0);
  gateway.Reload(config);
  EXPECT_TRUE(Eventually([&] { return client.Get("/later").Status() == 404; }));
}

TEST(IncludeTest, AFileThatIsWrongChangesNothingAndIsNamed) {
  const TempDir dir;
  const std::string path = dir.Write("a.yaml", Saying("good"));
  const std::string config = Including(dir).Text();
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/good").body, "good");
  for (const std::string_view bad :
       {"routes:\n  - {name: good, match: {pathh: /bad}, respond: {}}\n", "routes: [\n",
        "routes:\n  - {name: local, match: {path: /x}, respond: {}}\n", "workers: 2\n"}) {
    dir.Write("a.yaml", bad);
    gateway.Reload(config);
    EXPECT_EQ(client.Get("/good").body, "good") << bad;
  }
  EXPECT_TRUE(gateway.AwaitStderr(path + ":2:26: error: unknown key 'pathh'"));
  EXPECT_TRUE(gateway.AwaitStderr("is given twice; first at line "));
}

// One that a listener needs is asked for after the configuration was read; that is told where it is
// named, too.
TEST(IncludeTest, FilesThatAreMissingAreToldWhereTheyAreNamed) {
  const TempDir dir;
  const std::string part =
      dir.Write("tls.yaml",
                "listeners:\n"
                "  - name: tls\n"
                "    bind: 127.0.0.1:0\n"
                "    tls: {certificates: [{cert: /nowhere/a.pem, key: /nowhere/a.key}]}\n");
  const TempDir main;
  const std::string path = main.Write("holdfast.yaml", Including(dir).Text());
  const std::string place = part + ":4:33: error: listener tls: /nowhere/a.pem: cannot be read";
  const Finished checked = Check(path);
  EXPECT_EQ(checked.code, kUsage);
  EXPECT_NE(checked.err.find(place), std::string::npos) << checked.err;
  const Finished run = RunProgram({GatewayBinary(), "run", path});
  EXPECT_EQ(run.code, kUsage);
  EXPECT_NE(run.err.find(place), std::string::npos) << run.err;
}

TEST(IncludeTest, CheckTakesPathsFromTheFilesFolder) {
  const TempDir dir;
  const std::string path =
      dir.Write("holdfast.yaml",
                "listeners: [{bind: \":8080\"}]\ninclude: part.yaml\nstatus: {bind: \":9900\"}\n");
  const Finished missing = Check(path);
  EXPECT_EQ(missing.code, kUsage);
  EXPECT_NE(missing.err.find(path + ":2:10: error: '" + dir.Path("part.yaml") +
                             "' cannot be read: No such file or directory"),
            std::string::npos)
      << missing.err;
  dir.Write("part.yaml", Saying("word"));
  const Finished whole = Check(path);
  EXPECT_EQ(whole.code, 0) << whole.err;
}

TEST(IncludeTest, CheckTellsWhatGlobsFind) {
  const TempDir dir;
  dir.Write("one.part", Saying("one"));
  dir.Write("two.part", Saying("two"));
  const std::string path = dir.Write(
      "holdfast.yaml", "listeners: [{bind: \":8080\"}]\ninclude: [\"*.part\", \"*.none\"]\n");
  const Finished checked = Check(path);
  EXPECT_EQ(checked.code, 0) << checked.err;
  for (const std::string& note : {":2:11: note: '*.part' finds 2 files: '" + dir.Path("one.part") +
                                      "', '" + dir.Path("two.part") + "'\n",
                                  std::string(":2:21: note: '*.none' finds no file\n")}) {
    EXPECT_NE(checked.err.find(path + note), std::string::npos) << checked.err;
  }
}

}  // namespace
}  // namespace holdfast::support
