#include "gateway/compression/brotli_encoder.h"

#include <gtest/gtest.h>

#include "tests/gateway/compression/memory.h"

namespace holdfast::compression {
namespace {

TEST(BrotliEncoderTest, MemoryIsBounded) {
  for (int level = kMinLevel; level <= kMaxLevel; ++level) {
    ExpectMemoryBound(Coding::kBrotli, level);
  }
}

TEST(BrotliEncoderTest, AtRestItHoldsNone) {
  pool::SlabPool slabs;
  pool::Buffer from(&slabs), to(&slabs);
  const auto encoder = MakeBrotliEncoder(kMaxLevel);
  const size_t before = HeapBytes();
  from.Append("x");
  ASSERT_TRUE(encoder->Encode(from, 1, &to) && encoder->Finish(&to));
  ASSERT_TRUE(encoder->Reset());
  EXPECT_LE(HeapBytes(), before + 3 * pool::SlabPool::kSlabBytes);
}

}  // namespace
}  // namespace holdfast::compression
