#include "gateway/config/surroundings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;

TEST(SurroundingsTest, FoldersThatAreThereAreNoMatter) {
  Config config;
  // Not in TempDir(), whose path may be longer than a socket's may be.
  config.listeners.emplace_back().bind = *ParseBind("unix:/tmp/edge");
  config.status = ParseBind("unix:/status");
  config.access_log = {
      {.target = AccessLog::Target::kFile, .path = testing::TempDir() + "/access.log"}};
  EXPECT_THAT(MissingSurroundings(config), ElementsAre());
  EXPECT_THAT(MissingSurroundings(Config()), ElementsAre());
}

TEST(SurroundingsTest, NamesTheFolderThatIsMissing) {
  Config config;
  config.listeners.emplace_back().bind = *ParseBind("unix:/no/such/edge");
  config.listeners.back().name = "edge";
  config.status = ParseBind("unix:/no/status");
  config.access_log = {{.target = AccessLog::Target::kStdout},
                       {.target = AccessLog::Target::kFile, .path = "/no/such/access.log"}};
  EXPECT_THAT(MissingSurroundings(config),
              ElementsAre("listener edge: there is no folder '/no/such' on this machine",
                          "status: there is no folder '/no' on this machine"));
}

TEST(SurroundingsTest, AFileThatIsLoadedIsWarnedOf) {
  const std::string path = testing::TempDir() + "/surroundings.yaml";
  std::ofstream(path) << "listeners: [{name: edge, bind: \"unix:/no/such/edge\"}]\n"
                         "routes: [{respond: {}}]\n";
  const LoadResult loaded = LoadConfigFile(path);
  EXPECT_TRUE(loaded.config.has_value());
  EXPECT_EQ(FormatDiagnostics(loaded.diagnostics),
            path + ": warning: listener edge: there is no folder '/no/such' on this machine\n");
}

std::string LogTrouble(const std::string& path) {
  Config config;
  config.access_log = {{.target = AccessLog::Target::kFile, .path = path}};
  return std::string(CheckLogFiles(config).message());
}

TEST(SurroundingsTest, LogFilesThatCouldBeOpenedAreNoMatter) {
  const support::TempDir dir;
  EXPECT_EQ(LogTrouble(dir.Path("new.log")), "");
  EXPECT_EQ(LogTrouble(dir.Write("old.log", "")), "");
  EXPECT_EQ(LogTrouble("/dev/null"), "");
  Config streams;
  streams.access_log = {{.target = AccessLog::Target::kStdout}};
  EXPECT_TRUE(CheckLogFiles(streams).ok());
  EXPECT_TRUE(CheckLogFiles(Config()).ok());
}

TEST(SurroundingsTest, LogFilesThatCouldNotAreToldOf) {
  const support::TempDir dir;
  const std::string file = dir.Write("file", "");
  EXPECT_EQ(LogTrouble("/no/such/a.log"),
            "access_log: /no/such/a.log: cannot be opened: No such file or directory");
  EXPECT_EQ(LogTrouble(dir.Path("")),
            "access_log: " + dir.Path("") + ": cannot be opened: Is a directory");
  EXPECT_EQ(LogTrouble(file + "/a.log"),
            "access_log: " + file + "/a.log: cannot be opened: Not a directory");
  if (geteuid() == 0) return;  // who may write anywhere
  ASSERT_EQ(chmod(file.c_str(), 0400), 0);
  EXPECT_EQ(LogTrouble(file), "access_log: " + file + ": cannot be opened: Permission denied");
}

TEST(SurroundingsTest, EachLogFileHasALine) {
  Config config;
  config.access_log = {{.target = AccessLog::Target::kFile, .path = "/no/a"},
                       {.target = AccessLog::Target::kFile, .path = "/no/b"}};
  const absl::Status status = CheckLogFiles(config);
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(),
            "access_log: /no/a: cannot be opened: No such file or directory\n"
            "access_log: /no/b: cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace holdfast::config
