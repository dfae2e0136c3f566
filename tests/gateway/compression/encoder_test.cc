#include "gateway/compression/encoder.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/gateway/compression/decoders.h"

namespace holdfast::compression {
namespace {

// Text that can be made smaller, or bytes that cannot.
std::string Text(size_t bytes, uint32_t seed) {
  constexpr std::string_view kWords[] = {"{\"name\":", "\"value\",", "true,",     "null", "}, ",
                                         "<td>",       "holdfast",   "upstream ", "1234", "\n"};
  std::minstd_rand random(seed);
  std::string text;
  while (text.size() < bytes) text += kWords[random() % std::size(kWords)];
  text.resize(bytes);
  return text;
}
std::string Noise(size_t bytes, uint32_t seed) {
  std::mt19937 random(seed);
  std::string noise(bytes, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  return noise;
}

std::string Drain(pool::Buffer* buffer) {
  std::string bytes;
  while (!buffer->empty()) {
    bytes.append(buffer->Front());
    buffer->Consume(buffer->Front().size());
  }
  return bytes;
}

// What may come out for `bytes` that go in between two flushes.
size_t MostFor(size_t bytes) {
  return bytes + Encoder::kMaxGrowth + bytes / 4096 * Encoder::kMaxGrowth;
}

class EncoderTest : public testing::TestWithParam<std::tuple<Coding, int>> {
 protected:
  EncoderTest() : encoder_(MakeEncoder(coding(), std::get<1>(GetParam()))) {}

  static Coding coding() { return std::get<0>(GetParam()); }

  void Give(std::string_view text) {
    from_.Append(text);
    ASSERT_TRUE(encoder_->Encode(from_, text.size(), &to_));
  }
  std::string Encoded(std::string_view text) {
    Give(text);
    EXPECT_TRUE(encoder_->Finish(&to_));
    return Drain(&to_);
  }
  static void ExpectDecodes(std::string_view bytes, std::string_view text) {
    const std::optional<Decoded> decoded = Decode(coding(), bytes);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_TRUE(decoded->complete);
    EXPECT_TRUE(decoded->text == text) << decoded->text.size() << " of " << text.size();
  }
  static std::string DecodedSoFar(std::string_view bytes) {
    const std::optional<Decoded> decoded = Decode(coding(), bytes);
    EXPECT_TRUE(decoded.has_value());
    EXPECT_FALSE(decoded->complete);
    return decoded->text;
  }

  pool::SlabPool slabs_;
  pool::Buffer from_{&slabs_};
  pool::Buffer to_{&slabs_};
  std::unique_ptr<Encoder> encoder_;
};

TEST_P(EncoderTest, KnowsWhatItIs) {
  EXPECT_EQ(encoder_->coding(), coding());
  EXPECT_EQ(encoder_->level(), std::get<1>(GetParam()));
}

TEST_P(EncoderTest, AnEmptyBody) {
  EXPECT_TRUE(encoder_->Flush(&to_));
  EXPECT_TRUE(to_.empty()) << "nothing was given";
  EXPECT_TRUE(encoder_->Finish(&to_));
  const std::string bytes = Drain(&to_);
  EXPECT_LE(bytes.size(), Encoder::kMaxGrowth);
  ExpectDecodes(bytes, "");
}

TEST_P(EncoderTest, BodiesOfAnySizeInAnyPieces) {
  std::minstd_rand random(7);
  for (uint32_t round = 0; round < 30; ++round) {
    const size_t bytes = random() % (size_t{1} << (round % 18));
    const std::string text = round % 3 == 0 ? Noise(bytes, round) : Text(bytes, round);
    std::string encoded;
    for (size_t at = 0; at < bytes;) {
      const size_t piece = std::min<size_t>(bytes - at, 1 + random() % (1 + bytes / 3));
      Give(std::string_view(text).substr(at, piece));
      at += piece;
      if (random() % 4 == 0) {
        EXPECT_TRUE(encoder_->Flush(&to_));
      }
      if (random() % 2 == 0) encoded += Drain(&to_);
    }
    EXPECT_TRUE(encoder_->Finish(&to_));
    encoded += Drain(&to_);
    ExpectDecodes(encoded, text);
    ASSERT_TRUE(encoder_->Reset());
  }
}

TEST_P(EncoderTest, WhatWasFlushedCanBeDecoded) {
  std::string text, encoded;
  for (uint32_t i = 0; i < 40; ++i) {
    const std::string piece = Text(1 + i * i * 7, i);
    Give(piece);
    text += piece;
    EXPECT_TRUE(encoder_->unflushed());
    ASSERT_TRUE(encoder_->Flush(&to_));
    EXPECT_FALSE(encoder_->unflushed());
    encoded += Drain(&to_);
    ASSERT_TRUE(DecodedSoFar(encoded) == text) << i;
  }
  EXPECT_TRUE(encoder_->Finish(&to_));
  ExpectDecodes(encoded + Drain(&to_), text);
}

TEST_P(EncoderTest, WithNothingNewAFlushAddsNothing) {
  Give("some text");
  ASSERT_TRUE(encoder_->Flush(&to_));
  const size_t size = to_.size();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(encoder_->Flush(&to_));
  EXPECT_TRUE(encoder_->Encode(from_, 0, &to_));
  EXPECT_TRUE(encoder_->Flush(&to_));
  EXPECT_EQ(to_.size(), size);
}

// A flush whose last bytes just fit must not be mistaken for one that needs more room.
TEST_P(EncoderTest, AFlushMayEndWithTheSlab) {
  for (size_t taken = 0; taken < 600; ++taken) {
    to_.Append(std::string(pool::SlabPool::kSlabCapacity - 1200 + taken, 'x'));
    const size_t before = to_.size();
    const std::string noise = Noise(600, static_cast<uint32_t>(taken));
    Give(noise);
    ASSERT_TRUE(encoder_->Flush(&to_));
    EXPECT_LE(to_.size() - before, MostFor(noise.size()));
    ASSERT_EQ(DecodedSoFar(Drain(&to_).substr(before)), noise) << taken;
    ASSERT_TRUE(encoder_->Reset());
  }
}

TEST_P(EncoderTest, TakesNoMoreThanItIsTold) {
  from_.Append("taken, left");
  ASSERT_TRUE(encoder_->Encode(from_, 5, &to_));
  EXPECT_EQ(Drain(&from_), ", left");
  EXPECT_TRUE(encoder_->Finish(&to_));
  ExpectDecodes(Drain(&to_), "taken");
}

TEST_P(EncoderTest, ABodyIsAsTheFirstAfterReset) {
  const std::string text = Text(30000, 1);
  const std::string first = Encoded(text);
  EXPECT_LT(first.size(), text.size() / 2);
  ASSERT_TRUE(encoder_->Reset());
  EXPECT_EQ(Encoded(text), first);
  // In the middle of a body, too.
  ASSERT_TRUE(encoder_->Reset());
  Give("something else, which was broken off");
  Drain(&to_);
  ASSERT_TRUE(encoder_->Reset());
  EXPECT_FALSE(encoder_->unflushed());
  EXPECT_EQ(Encoded(text), first);
}

TEST_P(EncoderTest, WhatCannotBeMadeSmallerHardlyGrows) {
  const std::string noise = Noise(300'000, 3);
  const std::string encoded = Encoded(noise);
  EXPECT_LE(encoded.size(), MostFor(noise.size()));
  ExpectDecodes(encoded, noise);
}

TEST_P(EncoderTest, FlushesOfSingleBytesHaveABound) {
  std::string encoded;
  for (int i = 0; i < 200; ++i) {
    Give(std::string(1, static_cast<char>(i)));
    ASSERT_TRUE(encoder_->Flush(&to_));
    EXPECT_LE(to_.size(), MostFor(1));
    encoded += Drain(&to_);
  }
  EXPECT_EQ(DecodedSoFar(encoded).size(), 200u);
}

TEST_P(EncoderTest, AnEncoderMayBeForgottenAtAnyTime) {
  Give(Text(100'000, 5));
  encoder_.reset();
}

INSTANTIATE_TEST_SUITE_P(Codings, EncoderTest,
                         testing::Combine(testing::Values(Coding::kGzip, Coding::kZstd,
                                                          Coding::kBrotli),
                                          testing::Values(kMinLevel, kDefaultLevel, 6, kMaxLevel)),
                         [](const auto& test) {
                           return std::string(kCodingWords.WordOf(std::get<0>(test.param))) +
                                  std::to_string(std::get<1>(test.param));
                         });

class LargeBodyTest : public testing::TestWithParam<Coding> {};

TEST_P(LargeBodyTest, LeavesAsItComes) {
  constexpr size_t kPiece = 16 * 1024;
  constexpr size_t kBytes = 10 * 1024 * 1024;
  // What a library keeps to itself before it writes: zstd a block, Brotli a few.
  constexpr size_t kMostHeldBack = 1024 * 1024;
  pool::SlabPool slabs;
  pool::Buffer from(&slabs), to(&slabs);
  const auto encoder = MakeEncoder(GetParam(), kDefaultLevel);
  std::string text, encoded;
  for (size_t given = 0; given < kBytes; given += kPiece) {
    const std::string piece = given / kPiece % 4 == 0 ? Noise(kPiece, given) : Text(kPiece, given);
    text += piece;
    from.Append(piece);
    ASSERT_TRUE(encoder->Encode(from, kPiece, &to));
    ASSERT_LE(to.size(), MostFor(kMostHeldBack));
    encoded += Drain(&to);
  }
  ASSERT_TRUE(encoder->Finish(&to));
  encoded += Drain(&to);
  EXPECT_LT(encoded.size(), text.size());
  const std::optional<Decoded> decoded = Decode(GetParam(), encoded);
  ASSERT_TRUE(decoded.has_value() && decoded->complete);
  EXPECT_TRUE(decoded->text == text);
}

INSTANTIATE_TEST_SUITE_P(Codings, LargeBodyTest,
                         testing::Values(Coding::kGzip, Coding::kZstd, Coding::kBrotli),
                         [](const auto& test) {
                           return std::string(kCodingWords.WordOf(test.param));
                         });

TEST(EncoderDeathTest, WrongCallsAreNoticed) {
  EXPECT_DEATH(MakeEncoder(Coding::kIdentity, 1), "kIdentity");
  EXPECT_DEATH(MakeEncoder(Coding::kGzip, 0), "level");
  EXPECT_DEATH(MakeEncoder(Coding::kZstd, 10), "level");
  pool::SlabPool slabs;
  pool::Buffer buffer(&slabs);
  const auto encoder = MakeEncoder(Coding::kGzip, 1);
  EXPECT_DEATH(encoder->Encode(buffer, 1, &buffer), "from");
  pool::Buffer to(&slabs);
  EXPECT_TRUE(encoder->Finish(&to));
  EXPECT_DEATH(encoder->Flush(&to), "finished_");
}

}  // namespace
}  // namespace holdfast::compression
