#include "gateway/http/path_policy.h"

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(PathPolicyTest, TheSafeOneIsTheDefault) {
  const PathPolicy policy;
  EXPECT_EQ(policy.normalize, PathNormalization::kStrict);
  EXPECT_EQ(policy.encoded_slash, EncodedSlash::kKeep);
  EXPECT_FALSE(policy.byte_for_byte());
}

TEST(PathPolicyTest, OffAloneIsByteForByte) {
  EXPECT_TRUE(PathPolicy{.normalize = PathNormalization::kOff}.byte_for_byte());
  EXPECT_FALSE(PathPolicy{.normalize = PathNormalization::kMergeSlashes}.byte_for_byte());
}

TEST(PathPolicyTest, TheWordsAreThoseOfTheFile) {
  EXPECT_EQ(WordsOf(PathNormalization{}).ValueOf("merge_slashes"),
            PathNormalization::kMergeSlashes);
  EXPECT_EQ(WordsOf(PathNormalization{}).ValueOf("on"), std::nullopt);
  EXPECT_EQ(WordsOf(EncodedSlash{}).ValueOf("reject"), EncodedSlash::kReject);
}

}  // namespace
}  // namespace holdfast::http
