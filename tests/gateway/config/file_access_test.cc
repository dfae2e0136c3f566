#include "gateway/config/file_access.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

using Paths = std::vector<std::string>;

// What a glob finds beside "main.yaml" in `folder`, without the folder.
Paths Found(const std::string& folder, const std::string& glob) {
  const absl::StatusOr<Paths> paths =
      FilesOfThisMachine().find(GlobBeside(folder + "/main.yaml", glob));
  if (!paths.ok()) return {"error: " + std::string(paths.status().message())};
  Paths names;
  for (const std::string& path : *paths) {
    EXPECT_TRUE(path.starts_with(folder + "/")) << path;
    names.push_back(path.substr(folder.size() + 1));
  }
  return names;
}

TEST(FileAccessTest, FindsFilesInTheOrderOfTheirBytes) {
  const support::TempDir dir;
  for (const char* name : {"a.yaml", "B.yaml", "10.yaml", "9.yaml", "a.txt", ".hidden.yaml"}) {
    dir.Write(name, "");
  }
  EXPECT_EQ(Found(dir.Path("."), "*.yaml"), (Paths{"10.yaml", "9.yaml", "B.yaml", "a.yaml"}));
  EXPECT_EQ(Found(dir.Path("."), "[a-z].*"), (Paths{"a.txt", "a.yaml"}));
  EXPECT_EQ(Found(dir.Path("."), "?.yaml"), (Paths{"9.yaml", "B.yaml", "a.yaml"}));
}

TEST(FileAccessTest, WhereThereIsNothingItFindsNothing) {
  const support::TempDir dir;
  dir.Write("file", "");
  for (const char* glob : {"*", "none/*", "*/x", "file/*"}) {
    const Paths found = Found(dir.Path("."), glob);
    EXPECT_TRUE(found.empty() || found == Paths{"file"}) << glob << found.front();
  }
}

TEST(FileAccessTest, AFolderThatIsLockedIsAnError) {
  if (geteuid() == 0) GTEST_SKIP() << "nothing is locked for root";
  const support::TempDir dir;
  ASSERT_EQ(mkdir(dir.Path("locked").c_str(), 0), 0);
  EXPECT_EQ(Found(dir.Path("."), "locked/*"), Paths{"error: a folder of it cannot be read"});
}

TEST(FileAccessTest, TheFoldersOfTheFileAreNoGlobs) {
  const support::TempDir dir;
  for (const char* name : {"[x]", "x", "a*", "ab", "c\\d"}) {
    const std::string folder = dir.Path(name);
    ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
    dir.Write(std::string(name) + "/f", "");
    EXPECT_EQ(Found(folder, "*"), Paths{"f"}) << name;
  }
}

TEST(FileAccessTest, WildcardsMakeAGlob) {
  for (const char* glob : {"*.yaml", "a?", "[ab]/c"}) EXPECT_TRUE(HasWildcards(glob)) << glob;
  for (const char* path : {"a.yaml", "/a/b", "{a,b}", ""}) EXPECT_FALSE(HasWildcards(path)) << path;
}

TEST(FileAccessTest, PathsAreBesideTheFile) {
  EXPECT_EQ(PathBeside("/etc/h/main.yaml", "a.yaml"), "/etc/h/a.yaml");
  EXPECT_EQ(PathBeside("/main.yaml", "a.yaml"), "/a.yaml");
  EXPECT_EQ(PathBeside("main.yaml", "d/a.yaml"), "d/a.yaml");
  EXPECT_EQ(PathBeside("[d]/main.yaml", "a.yaml"), "[d]/a.yaml");
  EXPECT_EQ(PathBeside("d/main.yaml", "/a.yaml"), "/a.yaml");
  EXPECT_EQ(GlobBeside("d/main.yaml", "*"), "d/*");
  EXPECT_EQ(GlobBeside("[d]/main.yaml", "*"), "\\[d]/*");
  EXPECT_EQ(GlobBeside("[d]/main.yaml", "/e/*"), "/e/*");
}

TEST(FileAccessTest, ReadsAFileAndNotMoreThanAsked) {
  const support::TempDir dir;
  const std::string path = dir.Write("f", "12345");
  EXPECT_EQ(*FilesOfThisMachine().read(path, 5), "12345");
  EXPECT_EQ(*FilesOfThisMachine().read(path, 3), "1234");
}

// A pipe would be waited for, and a device has no end.
TEST(FileAccessTest, ReadsNothingButRegularFiles) {
  const support::TempDir dir;
  const std::string pipe = dir.Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, std::string("/dev/zero"), dir.Path(".")}) {
    const absl::StatusOr<std::string> text = FilesOfThisMachine().read(path, 10);
    EXPECT_EQ(text.status().message(), "it is no regular file") << path;
  }
  const absl::StatusOr<std::string> none = FilesOfThisMachine().read(dir.Path("none"), 10);
  EXPECT_EQ(none.status().message(), "No such file or directory");
  EXPECT_TRUE(absl::IsNotFound(none.status()));
  const std::string file = dir.Write("file", "");
  const absl::StatusOr<std::string> below = FilesOfThisMachine().read(file + "/x", 10);
  EXPECT_EQ(below.status().message(), "Not a directory");
  EXPECT_FALSE(absl::IsNotFound(below.status()));
}

TEST(FileAccessTest, KnowsWhoElseMayReadAFile) {
  const support::TempDir dir;
  const std::string path = dir.Write("secret", "");
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  EXPECT_FALSE(FilesOfThisMachine().exposed(path));
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  EXPECT_TRUE(FilesOfThisMachine().exposed(path));
}

TEST(FileAccessTest, WithoutFunctionsThereIsNone) {
  EXPECT_FALSE(FileAccess().any());
  EXPECT_TRUE(FilesOfThisMachine().any());
}

}  // namespace
}  // namespace holdfast::config
