#include "gateway/config/access_log.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(AccessLogTest, TellsEverythingOnStandardOutputUnlessToldOtherwise) {
  const AccessLog log;
  EXPECT_EQ(log.target, AccessLog::Target::kStdout);
  EXPECT_EQ(log.format, record::LineFormat::kJson);
  EXPECT_TRUE(log.fields.empty());
  EXPECT_FALSE(log.filter.has_value());
}

}  // namespace
}  // namespace holdfast::config
