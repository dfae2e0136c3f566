#include "gateway/compression/gzip_encoder.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/compression/memory.h"

namespace holdfast::compression {
namespace {

TEST(GzipEncoderTest, WritesTheFramingOfGzip) {
  pool::SlabPool slabs;
  pool::Buffer from(&slabs), to(&slabs);
  const auto encoder = MakeGzipEncoder(1);
  from.Append("hello");
  ASSERT_TRUE(encoder->Encode(from, 5, &to) && encoder->Finish(&to));
  const std::string bytes(to.Linearize(to.size()));
  ASSERT_GE(bytes.size(), 18u);
  EXPECT_EQ(bytes.substr(0, 4), std::string("\x1f\x8b\x08\0", 4)) << "no name, no comment";
  EXPECT_EQ(bytes.substr(4, 4), std::string(4, '\0')) << "no time";
  EXPECT_EQ(bytes.substr(bytes.size() - 4), std::string("\5\0\0\0", 4)) << "the length";
}

TEST(GzipEncoderTest, MemoryIsBounded) {
  for (int level = kMinLevel; level <= kMaxLevel; ++level) ExpectMemoryBound(Coding::kGzip, level);
}

}  // namespace
}  // namespace holdfast::compression
