#include "pool/net/block_list.h"

#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

constexpr size_t kBytes = 320;

TEST(BlockListTest, ABlockIsUsedAgain) {
  BlockList blocks(kBytes);
  void* const first = blocks.Take();
  void* const second = blocks.Take();
  EXPECT_EQ(blocks.in_use(), 2u);
  blocks.Give(first);
  blocks.Give(second);
  EXPECT_EQ(blocks.Take(), second) << "the one given last";
  EXPECT_EQ(blocks.Take(), first);
  blocks.Give(first);
  blocks.Give(second);
}

TEST(BlockListTest, KeepsNoMoreThanItsBound) {
  BlockList blocks(kBytes);
  std::vector<void*> taken;
  for (size_t i = 0; i < BlockList::kMaxFree + 5; ++i) taken.push_back(blocks.Take());
  for (void* block : taken) blocks.Give(block);
  EXPECT_EQ(blocks.free_count(), BlockList::kMaxFree);
  EXPECT_EQ(blocks.freed_bytes(), 5 * kBytes);
  EXPECT_EQ(blocks.held_bytes(), BlockList::kMaxFree * kBytes);
}

TEST(BlockListTest, TrimFreesWhatNobodyHasNeeded) {
  BlockList blocks(kBytes);
  std::vector<void*> taken;
  for (int i = 0; i < 10; ++i) taken.push_back(blocks.Take());
  for (void* block : taken) blocks.Give(block);
  blocks.Trim(4);
  EXPECT_EQ(blocks.free_count(), 10u) << "all were needed a moment ago";
  void* const one = blocks.Take();
  void* const two = blocks.Take();
  blocks.Give(one);
  blocks.Give(two);
  blocks.Trim(1);
  EXPECT_EQ(blocks.free_count(), 2u);
  EXPECT_EQ(blocks.freed_bytes(), 8 * kBytes);
  blocks.Trim(1);
  EXPECT_EQ(blocks.free_count(), 1u) << "one is kept in any case";
}

TEST(BlockListDeathTest, OutlivesItsBlocks) {
  EXPECT_DEATH({ BlockList(kBytes).Take(); }, "broken invariant");
}

}  // namespace
}  // namespace holdfast::pool
