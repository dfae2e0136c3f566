#ifndef HOLDFAST_GATEWAY_POLICY_SHARED_SPENDING_H_
#define HOLDFAST_GATEWAY_POLICY_SHARED_SPENDING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gateway/policy/zeroed_pages.h"

namespace holdfast::policy {

// Door 6, too: how many requests of each key this process has let pass since others were last told.
// The workers add, and whoever tells the others takes out.
//
// A key is 53 bits of a hash, and its count is one word, which Note and Drain change by one
// compare-and-swap or exchange. Eight words make a set of 64 bytes, and a key belongs in one set.
// A key that finds no free word there, or a full count, is not told of, which is counted: with
// 16,000 keys between two drains that happens to fewer than one in a thousand.
//
// Thread: Note is for any, without a lock; all else is for the one that drains. Nobody may call it
// any more when it is destroyed. All memory is reserved by the constructor, and the kernel provides
// it as keys come. Calls back nobody.
class SharedSpending {
 public:
  static constexpr int kKeyBits = 53;
  static constexpr size_t kSets = size_t{1} << 13;

  struct Spent {
    uint64_t key = 0;
    uint32_t requests = 0;

    bool operator==(const Spent&) const = default;
  };

  SharedSpending();
  SharedSpending(const SharedSpending&) = delete;
  SharedSpending& operator=(const SharedSpending&) = delete;

  // Whether the kernel let it reserve its memory. Where not, nothing else may be asked.
  bool has_memory() const { return sets_ != nullptr; }

  // The key of what has this hash.
  static uint64_t KeyOf(uint64_t hash) { return hash >> (64 - kKeyBits); }

  // One more request of this key, which is less than 2^kKeyBits.
  void Note(uint64_t key);

  // Moves counts to the end of `*spent` until it has `most`. False: there may be more, and the next
  // call goes on there. A key may come twice if workers noted it for the first time at one moment.
  // Costs next to nothing when nothing was noted.
  bool Drain(size_t most, std::vector<Spent>* spent);
  // Requests that were not noted, for want of room, since the last call.
  uint64_t TakeDropped() { return dropped_.exchange(0); }

 private:
  // A word is 40 bits of a tag and below them a count. All zero: nobody's.
  struct alignas(64) Set {
    uint64_t words[8];
  };

  uint64_t& WordAt(size_t index) const { return sets_[index / 8].words[index % 8]; }

  const ZeroedPages pages_;
  Set* const sets_;
  std::atomic<bool> noted_{false};  // something, since a drain began
  std::atomic<uint64_t> dropped_{0};
  size_t next_ = 0;  // the word where a drain goes on
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_SHARED_SPENDING_H_
