#include "tests/gateway/compression/memory.h"

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::compression {
namespace {

// Letters of a small alphabet for a while, then any bytes.
std::string Piece(size_t bytes, uint32_t number) {
  std::minstd_rand random(number + 1);
  std::string piece(bytes, '\0');
  for (char& byte : piece) {
    const auto bits = static_cast<uint32_t>(random()) >> 8;
    byte = static_cast<char>(number % 8 < 6 ? 'a' + bits % 16 : bits);
  }
  return piece;
}

}  // namespace

size_t HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void ExpectMemoryBound(Coding coding, int level) {
  constexpr size_t kPiece = 16 * 1024;
  constexpr uint32_t kPieces = 200;
  pool::SlabPool slabs(/*max_free=*/0);
  pool::Buffer from(&slabs), to(&slabs);
  const size_t before = HeapBytes();
  size_t most = 0;
  const std::unique_ptr<Encoder> encoder = MakeEncoder(coding, level);
  for (uint32_t i = 0; i < kPieces; ++i) {
    from.Append(Piece(kPiece, i));
    ASSERT_TRUE(encoder->Encode(from, kPiece, &to));
    if (i % 50 == 49) {
      ASSERT_TRUE(encoder->Flush(&to));
    }
    to.Clear();
    most = std::max(most, HeapBytes() - before);
  }
  EXPECT_LE(most, Encoder::MemoryBound(coding, level)) << kCodingWords.WordOf(coding) << level;
}

}  // namespace holdfast::compression
