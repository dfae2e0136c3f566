#include "gateway/route/named_file.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::route {
namespace {

TEST(NamedFileTest, HoldsWhatItHoldsUpToItsLimit) {
  const support::TempDir dir;
  const auto text = ReadNamedFile(dir.Write("f", "abcd"), 4, "4 B");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "abcd");
}

TEST(NamedFileTest, WhatIsWrongBeginsWithThePath) {
  const support::TempDir dir;
  const std::string path = dir.Write("f", "abcde");
  const absl::Status large = ReadNamedFile(path, 4, "4 B").status();
  EXPECT_TRUE(absl::IsInvalidArgument(large));
  EXPECT_EQ(std::string(large.message()), path + ": it is larger than 4 B");
  const absl::Status odd = ReadNamedFile("/dev/zero", 4, "4 B").status();
  EXPECT_TRUE(absl::IsInvalidArgument(odd));
  EXPECT_EQ(std::string(odd.message()), "/dev/zero: it is no regular file");
  const absl::Status missing = ReadNamedFile(dir.Path("none"), 4, "4 B").status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_EQ(std::string(missing.message()),
            dir.Path("none") + ": cannot be read: No such file or directory");
}

}  // namespace
}  // namespace holdfast::route
