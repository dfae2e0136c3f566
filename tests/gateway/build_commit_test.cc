#include "gateway/build_commit.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

// Tests are never stamped: one that was would run anew with each commit.
TEST(BuildCommitTest, WithoutAStampItIsUnknown) { EXPECT_EQ(kBuildCommit, "unknown"); }

}  // namespace
}  // namespace holdfast
