#include "gateway/compression/encoder_supply.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::compression {
namespace {

constexpr size_t kGzipBytes = Encoder::MemoryBound(Coding::kGzip, 3);

TEST(EncoderSupplyTest, AnEncoderIsUsedAgain) {
  EncoderSupply supply(10 * kGzipBytes);
  auto encoder = supply.Take(Coding::kGzip, 3);
  const Encoder* const first = encoder.get();
  supply.Give(std::move(encoder));
  encoder = supply.Take(Coding::kGzip, 3);
  EXPECT_EQ(encoder.get(), first);
  auto other = supply.Take(Coding::kGzip, 3);
  EXPECT_NE(other.get(), first);
  supply.Give(std::move(encoder));
  supply.Give(std::move(other));
  EXPECT_EQ(supply.kept(), 2u);
}

TEST(EncoderSupplyTest, WhatIsGivenBackInTheMiddleOfABodyBeginsAnew) {
  pool::SlabPool slabs;
  pool::Buffer from(&slabs), to(&slabs), again(&slabs);
  EncoderSupply supply(10 * kGzipBytes);
  auto encoder = supply.Take(Coding::kGzip, 3);
  from.Append("abcabc");
  ASSERT_TRUE(encoder->Encode(from, 3, &to));
  supply.Give(std::move(encoder));
  to.Clear();
  encoder = supply.Take(Coding::kGzip, 3);
  ASSERT_TRUE(encoder->Encode(from, 3, &to) && encoder->Finish(&to));
  from.Append("abc");
  const auto fresh = MakeEncoder(Coding::kGzip, 3);
  ASSERT_TRUE(fresh->Encode(from, 3, &again) && fresh->Finish(&again));
  EXPECT_EQ(to.Front(), again.Front());
  supply.Give(std::move(encoder));
}

TEST(EncoderSupplyTest, LevelsAndCodingsAreKeptApart) {
  EncoderSupply supply(100 * kGzipBytes);
  supply.Give(supply.Take(Coding::kGzip, 3));
  auto gzip = supply.Take(Coding::kGzip, 4);
  auto zstd = supply.Take(Coding::kZstd, 3);
  EXPECT_EQ(gzip->level(), 4);
  EXPECT_EQ(zstd->coding(), Coding::kZstd);
  EXPECT_EQ(supply.kept(), 1u);
  supply.Give(std::move(gzip));
  supply.Give(std::move(zstd));
}

TEST(EncoderSupplyTest, NoMoreMemoryIsUsedThanMayBe) {
  EncoderSupply supply(2 * kGzipBytes);
  auto first = supply.Take(Coding::kGzip, 3);
  auto second = supply.Take(Coding::kGzip, 3);
  EXPECT_EQ(supply.Take(Coding::kGzip, 3), nullptr);
  EXPECT_EQ(supply.Take(Coding::kZstd, 3), nullptr);
  supply.Give(std::move(first));
  EXPECT_EQ(supply.Take(Coding::kZstd, 3), nullptr);
  first = supply.Take(Coding::kGzip, 3);
  EXPECT_NE(first, nullptr);
  supply.Give(std::move(first));
  supply.Give(std::move(second));
  EXPECT_EQ(supply.bytes_in_use(), 0u);
  EXPECT_EQ(supply.bytes() > 0, supply.kept() > 0);
}

// Those that are kept make room for those that are needed.
TEST(EncoderSupplyTest, WhatIsKeptCountsToo) {
  EncoderSupply supply(2 * kGzipBytes);
  auto first = supply.Take(Coding::kGzip, 3);
  supply.Give(supply.Take(Coding::kGzip, 3));
  EXPECT_EQ(supply.kept(), 1u);
  auto second = supply.Take(Coding::kGzip, 9);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(supply.kept(), 0u);
  supply.Give(std::move(first));
  supply.Give(std::move(second));
}

TEST(EncoderSupplyTest, FewAreKept) {
  EncoderSupply supply(100 * kGzipBytes);
  std::vector<std::unique_ptr<Encoder>> encoders;
  for (size_t i = 0; i < EncoderSupply::kMaxKept + 5; ++i) {
    encoders.push_back(supply.Take(Coding::kGzip, 1));
  }
  for (auto& encoder : encoders) supply.Give(std::move(encoder));
  EXPECT_EQ(supply.kept(), EncoderSupply::kMaxKept);
}

TEST(EncoderSupplyTest, WhatNobodyNeedsIsFreed) {
  EncoderSupply supply(100 * kGzipBytes);
  auto first = supply.Take(Coding::kGzip, 1);
  supply.Give(supply.Take(Coding::kGzip, 1));
  supply.Give(std::move(first));
  supply.Trim();
  EXPECT_EQ(supply.kept(), 2u) << "both were needed since";
  supply.Give(supply.Take(Coding::kGzip, 1));
  supply.Trim();
  EXPECT_EQ(supply.kept(), 1u);
  supply.Trim();
  EXPECT_EQ(supply.kept(), 0u);
}

TEST(EncoderSupplyDeathTest, OutlivesItsEncoders) {
  EXPECT_DEATH(
      {
        std::unique_ptr<Encoder> kept;
        EncoderSupply supply(kGzipBytes);
        kept = supply.Take(Coding::kGzip, 1);
      },
      "bytes_in_use_");
}

}  // namespace
}  // namespace holdfast::compression
