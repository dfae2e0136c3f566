#include "gateway/config/file_text.h"

#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

TEST(FileTextTest, IsWhatTheFileHolds) {
  const support::TempDir dir;
  for (const size_t size : {0u, 1u, 16u * 1024u, 16u * 1024u + 1u, 100'000u}) {
    const std::string text(size, 'x');
    EXPECT_TRUE(ReadFileText(dir.Write("f", text), 100'000) == text) << size;
  }
}

TEST(FileTextTest, OfALongerOneThereIsOneByteMore) {
  const support::TempDir dir;
  const std::string path = dir.Write("f", std::string(1000, 'x'));
  EXPECT_EQ(ReadFileText(path, 10)->size(), 11u);
  EXPECT_EQ(ReadFileText(path, 1000)->size(), 1000u);
}

TEST(FileTextTest, WhatMayHaveNoEndIsIrregular) {
  const support::TempDir dir;
  EXPECT_FALSE(IsIrregular(dir.Write("f", "")));
  EXPECT_FALSE(IsIrregular(dir.Path("nothing")));
  EXPECT_TRUE(IsIrregular("/dev/zero"));
  ASSERT_EQ(mkfifo(dir.Path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(IsIrregular(dir.Path("pipe")));
}

TEST(FileTextTest, OneThatOthersMayReadOrItsGroupChangeIsExposed) {
  const support::TempDir dir;
  const std::string path = dir.Write("f", "");
  for (const auto& [mode, exposed] : {std::pair<mode_t, bool>{0600, false},
                                      {0640, false},
                                      {0644, true},
                                      {0601, true},
                                      {0660, true}}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_EQ(IsExposed(path), exposed) << mode;
  }
  EXPECT_FALSE(IsExposed(dir.Path("nothing")));
}

TEST(FileTextTest, WhatCannotBeReadHasAReason) {
  EXPECT_FALSE(ReadFileText("/nowhere/f", 10).has_value());
  EXPECT_EQ(errno, ENOENT);
  EXPECT_FALSE(ReadFileText("/", 10).has_value());
  EXPECT_EQ(errno, EISDIR);
}

}  // namespace
}  // namespace holdfast::config
