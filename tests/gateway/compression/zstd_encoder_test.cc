#include "gateway/compression/zstd_encoder.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/compression/decoders.h"
#include "tests/gateway/compression/memory.h"

namespace holdfast::compression {
namespace {

TEST(ZstdEncoderTest, ReadersNeedLittleMemory) {
  for (int level = kMinLevel; level <= kMaxLevel; ++level) {
    pool::SlabPool slabs;
    pool::Buffer from(&slabs), to(&slabs);
    const auto encoder = MakeZstdEncoder(level);
    from.Append(std::string(1000, 'x'));
    ASSERT_TRUE(encoder->Encode(from, 1000, &to) && encoder->Flush(&to));
    EXPECT_EQ(ZstdWindow(to.Front()), 128u * 1024) << level;
  }
}

TEST(ZstdEncoderTest, MemoryIsBounded) {
  for (int level = kMinLevel; level <= kMaxLevel; ++level) ExpectMemoryBound(Coding::kZstd, level);
}

}  // namespace
}  // namespace holdfast::compression
