#include "pool/net/library_memory.h"

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

using library_memory::Give;
using library_memory::Kept;
using library_memory::kLongest;
using library_memory::kMaxKept;
using library_memory::Release;
using library_memory::Resize;
using library_memory::Take;

class LibraryMemoryTest : public testing::Test {
 protected:
  LibraryMemoryTest() { Release(); }
  ~LibraryMemoryTest() override { Release(); }
};

TEST_F(LibraryMemoryTest, WhatWasGivenIsTakenAgain) {
  void* const piece = Take(100);
  Give(piece);
  EXPECT_GE(Kept(), 100u);
  void* const again = Take(97);
  EXPECT_EQ(again, piece);
  EXPECT_EQ(Kept(), 0u);
  Give(again);
}

TEST_F(LibraryMemoryTest, OfNothingThereIsNothing) {
  EXPECT_EQ(Take(0), nullptr);
  Give(nullptr);
  EXPECT_EQ(Resize(Take(10), 0), nullptr);
  void* const piece = Resize(nullptr, 10);
  EXPECT_NE(piece, nullptr);
  Give(piece);
}

// Rounding such a size up would make it a small one. A sanitizer ends the process over it.
TEST_F(LibraryMemoryTest, MoreThanThereIsIsRefused) {
  if (!library_memory::MayBeUsed()) return;
  for (size_t less = 0; less < 64; ++less) {
    void* const piece = Take(std::numeric_limits<size_t>::max() - less);
    EXPECT_EQ(piece, nullptr) << less;
    Give(piece);
  }
}

// Whatever the order, each piece has all the room it was taken for, and it is nobody else's.
TEST_F(LibraryMemoryTest, PiecesDoNotOverlap) {
  std::mt19937 random(1);
  struct Held {
    uint8_t* bytes;
    size_t size;
    uint8_t mark;
  };
  std::vector<Held> held;
  const auto size = [&] { return 1 + random() % (random() % 4 == 0 ? 2 * kLongest : 600); };
  const auto is_whole = [](const Held& piece) {
    for (size_t i = 0; i < piece.size; ++i) {
      if (piece.bytes[i] != piece.mark) return false;
    }
    return true;
  };
  for (int step = 0; step < 20'000; ++step) {
    const size_t choice = random() % 5;
    if (held.size() < 20 || (held.size() < 200 && choice < 2)) {
      Held piece{.bytes = nullptr, .size = size(), .mark = static_cast<uint8_t>(step)};
      piece.bytes = static_cast<uint8_t*>(Take(piece.size));
      std::memset(piece.bytes, piece.mark, piece.size);
      held.push_back(piece);
      continue;
    }
    Held& piece = held[random() % held.size()];
    ASSERT_TRUE(is_whole(piece)) << step;
    if (choice == 2) {
      const size_t old = std::exchange(piece.size, size());
      piece.bytes = static_cast<uint8_t*>(Resize(piece.bytes, piece.size));
      for (size_t i = 0; i < std::min(old, piece.size); ++i) ASSERT_EQ(piece.bytes[i], piece.mark);
      std::memset(piece.bytes, piece.mark, piece.size);
    } else {
      Give(piece.bytes);
      piece = held.back();
      held.pop_back();
    }
    ASSERT_LE(Kept(), kMaxKept);
  }
  for (const Held& piece : held) Give(piece.bytes);
}

TEST_F(LibraryMemoryTest, AThreadKeepsSoMuchAndNoMore) {
  std::vector<void*> pieces;
  for (size_t taken = 0; taken < 2 * kMaxKept; taken += kLongest / 2) {
    pieces.push_back(Take(kLongest / 2));
  }
  size_t most = 0;
  for (void* piece : pieces) {
    Give(piece);
    most = std::max(most, Kept());
  }
  EXPECT_LE(most, kMaxKept);
  EXPECT_GT(most, kMaxKept / 2);
  Release();
  EXPECT_EQ(Kept(), 0u);
}

TEST_F(LibraryMemoryTest, LongPiecesAreNotKept) {
  Give(Take(2 * kLongest));
  EXPECT_EQ(Kept(), 0u);
}

// On both sides of the longest one that is kept.
TEST_F(LibraryMemoryTest, EveryPieceHasTheRoomItWasTakenFor) {
  for (size_t size = kLongest - 64; size <= kLongest + 64; ++size) {
    for (int round = 0; round < 2; ++round) {
      void* const piece = Take(size);
      EXPECT_GE(malloc_usable_size(piece), size);
      Give(piece);
    }
  }
}

}  // namespace
}  // namespace holdfast::pool
