#ifndef HOLDFAST_POOL_NET_BLOCK_LIST_H_
#define HOLDFAST_POOL_NET_BLOCK_LIST_H_

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

// Memory for objects of one size that come and go, so that in the steady state nothing is
// allocated. The block given last is taken first. AddressSanitizer sees what is kept as poisoned.
// One thread; outlives its blocks (asserted).
class BlockList {
 public:
  // Kept for reuse; what is over goes back to the allocator.
  static constexpr size_t kMaxFree = 1024;

  explicit BlockList(size_t block_bytes) : block_bytes_(block_bytes) {
    HOLDFAST_CHECK(block_bytes >= sizeof(Link));
  }
  BlockList(const BlockList&) = delete;
  BlockList& operator=(const BlockList&) = delete;
  ~BlockList() {
    HOLDFAST_CHECK(in_use_ == 0);
    while (free_ != nullptr) Free(TakeKept());
  }

  void* Take() {
    ++in_use_;
    if (free_ == nullptr) {
      least_free_ = 0;
      return ::operator new(block_bytes_);
    }
    void* const block = TakeKept();
    least_free_ = std::min(least_free_, free_count_);
    return block;
  }
  void Give(void* block) {
    HOLDFAST_CHECK(in_use_ > 0);
    --in_use_;
    if (free_count_ >= kMaxFree) return Free(block);
    free_ = new (block) Link{free_};
    ++free_count_;
    ASAN_POISON_MEMORY_REGION(block, block_bytes_);
  }
  // Frees those that nobody has needed since the last call, but keeps `keep`.
  void Trim(size_t keep) {
    for (; least_free_ > 0 && free_count_ > keep; --least_free_) Free(TakeKept());
    least_free_ = free_count_;
  }

  size_t in_use() const { return in_use_; }
  size_t free_count() const { return free_count_; }
  // Given back to the allocator so far, in bytes.
  uint64_t freed_bytes() const { return freed_bytes_; }
  // Of blocks in use or kept.
  size_t held_bytes() const { return (in_use_ + free_count_) * block_bytes_; }

 private:
  struct Link {
    Link* next;
  };

  void* TakeKept() {
    ASAN_UNPOISON_MEMORY_REGION(free_, block_bytes_);
    --free_count_;
    return std::exchange(free_, free_->next);
  }
  void Free(void* block) {
    freed_bytes_ += block_bytes_;
    ::operator delete(block);
  }

  const size_t block_bytes_;
  Link* free_ = nullptr;
  size_t free_count_ = 0;
  size_t least_free_ = 0;  // since the last Trim
  size_t in_use_ = 0;
  uint64_t freed_bytes_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_BLOCK_LIST_H_
