#include "gateway/record/field_writer.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::record {
namespace {

std::string Written(FieldWriter::Style style) {
  const std::vector<std::string> names = {"a", "b\""};
  std::string out;
  FieldWriter line(style, &out);
  line.Text("text", "a b");
  line.TextIfAny("none", "");
  line.TextIfAny("some", "x");
  line.Texts("list", names);
  line.Number("number", -7);
  line.Bool("yes", true);
  line.Bool("no", false);
  line.Time("time", pool::ManualClock::kWallStart);
  line.Micros("never", pool::Duration(-1));
  line.Micros("micros", std::chrono::microseconds(3));
  line.End();
  return out;
}

TEST(FieldWriterTest, JsonIsOneObject) {
  EXPECT_EQ(Written(FieldWriter::Style::kJson),
            "{\"text\":\"a b\",\"some\":\"x\",\"list\":[\"a\",\"b\\\"\"],\"number\":-7,"
            "\"yes\":true,\"no\":false,\"time\":\"2026-01-01T00:00:00.000Z\",\"micros\":3}\n");
}

TEST(FieldWriterTest, LogfmtIsPairs) {
  EXPECT_EQ(Written(FieldWriter::Style::kLogfmt),
            "text=\"a b\" some=x list=\"[\\\"a\\\",\\\"b\\\\\\\"\\\"]\" number=-7 yes=true "
            "no=false time=2026-01-01T00:00:00.000Z micros=3\n");
}

TEST(FieldWriterTest, NumbersHaveNoLimitOfTheirOwn) {
  std::string out;
  AppendNumber(std::numeric_limits<int64_t>::min(), &out);
  EXPECT_EQ(out, "-9223372036854775808");
}

}  // namespace
}  // namespace holdfast::record
