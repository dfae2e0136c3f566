#include "gateway/http2/session_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "pool/net/library_memory.h"

namespace holdfast::http2 {
namespace {

namespace library_memory = pool::library_memory;

class SessionMemoryTest : public testing::Test {
 protected:
  SessionMemoryTest() { library_memory::Release(); }
  ~SessionMemoryTest() override { library_memory::Release(); }
  nghttp2_mem* const memory_ = SessionMemory();
};

TEST_F(SessionMemoryTest, IsThereUnlessASanitizerIsToLookAtEachPiece) {
  EXPECT_EQ(memory_ != nullptr, library_memory::MayBeUsed());
}

TEST_F(SessionMemoryTest, WhatIsGivenBackServesAgainAndIsZeroedWhereThatIsAskedFor) {
  if (memory_ == nullptr) return;
  auto* const piece = static_cast<uint8_t*>(memory_->malloc(200, nullptr));
  std::memset(piece, 0xff, 200);
  memory_->free(piece, nullptr);
  EXPECT_GE(library_memory::Kept(), 200u);
  auto* const again = static_cast<uint8_t*>(memory_->calloc(20, 10, nullptr));
  EXPECT_EQ(again, piece);
  EXPECT_TRUE(std::all_of(again, again + 200, [](uint8_t byte) { return byte == 0; }));
  auto* const grown = static_cast<uint8_t*>(memory_->realloc(again, 2000, nullptr));
  EXPECT_TRUE(std::all_of(grown, grown + 200, [](uint8_t byte) { return byte == 0; }));
  memory_->free(grown, nullptr);
}

TEST_F(SessionMemoryTest, MoreThanThereIsIsRefused) {
  if (memory_ == nullptr) return;
  constexpr size_t kAll = std::numeric_limits<size_t>::max();
  EXPECT_EQ(memory_->malloc(kAll, nullptr), nullptr);
  EXPECT_EQ(memory_->calloc(kAll / 2, 3, nullptr), nullptr);
  // Their product, cut off, is small.
  EXPECT_EQ(memory_->calloc(kAll / 2 + 9, 2, nullptr), nullptr);
  memory_->free(nullptr, nullptr);
}

// Sessions come and go, and leave nothing behind but what is kept.
TEST_F(SessionMemoryTest, ASessionTakesItFromThere) {
  if (memory_ == nullptr) return;
  nghttp2_session_callbacks* callbacks = nullptr;
  ASSERT_EQ(nghttp2_session_callbacks_new(&callbacks), 0);
  size_t kept = 0;
  for (int round = 0; round < 3; ++round) {
    nghttp2_session* session = nullptr;
    ASSERT_EQ(nghttp2_session_server_new3(&session, callbacks, nullptr, nullptr, memory_), 0);
    EXPECT_LE(library_memory::Kept(), round == 0 ? 0 : kept);
    nghttp2_session_del(session);
    if (round == 1) {
      EXPECT_EQ(library_memory::Kept(), kept);
    }
    kept = library_memory::Kept();
    EXPECT_GT(kept, 0u);
  }
  nghttp2_session_callbacks_del(callbacks);
}

}  // namespace
}  // namespace holdfast::http2
