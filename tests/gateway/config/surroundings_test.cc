#include "gateway/config/surroundings.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/config/load.h"

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
              ElementsAre("access_log: there is no folder '/no/such' on this machine",
                          "listener edge: there is no folder '/no/such' on this machine",
                          "status: there is no folder '/no' on this machine"));
}

TEST(SurroundingsTest, AFileThatIsLoadedIsWarnedOf) {
  const std::string path = testing::TempDir() + "/surroundings.yaml";
  std::ofstream(path) << "listeners: [{bind: \":1\"}]\nroutes: [{respond: {}}]\n"
                         "access_log: {path: /no/such/access.log}\n";
  const LoadResult loaded = LoadConfigFile(path);
  EXPECT_TRUE(loaded.config.has_value());
  EXPECT_EQ(FormatDiagnostics(loaded.diagnostics),
            path + ": warning: access_log: there is no folder '/no/such' on this machine\n");
}

}  // namespace
}  // namespace holdfast::config
