#ifndef HOLDFAST_POOL_NET_BUFFER_H_
#define HOLDFAST_POOL_NET_BUFFER_H_

#include <sanitizer/asan_interface.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

// One piece of memory for bytes in flight; the bytes are [begin, end) of `capacity` at data(). The
// first slab of a buffer says what there is of the whole, so that an empty buffer is small.
struct Slab {
  Slab* next = nullptr;
  Slab* tail = nullptr;   // of the first: the last that holds bytes; null exactly when none does
  size_t queued = 0;      // of the first: bytes in the buffer
  uint32_t capacity = 0;  // a buffer may lower it to `end`, to write no more into this slab
  uint32_t begin = 0;
  uint32_t end = 0;
  bool standard = true;   // of the pool's common size, so that the pool may keep it
  bool tight = false;     // Buffer::Shrink made it
  uint8_t size_log2 = 0;  // of the allocation, this included

  char* data() { return reinterpret_cast<char*>(this + 1); }
  size_t size() const { return end - begin; }
  size_t room() const { return capacity - end; }
};

// The slabs of one worker. It keeps standard slabs for reuse up to a bound; others (for a head that
// outgrew its slab, or for a few bytes that wait) go back to the allocator. One thread. It outlives
// every buffer that draws on it (asserted). AddressSanitizer sees the bytes of a slab that was
// given back as poisoned.
class SlabPool {
 public:
  static constexpr size_t kSlabBytes = 16 * 1024;  // allocation size, header included
  static constexpr size_t kSlabCapacity = kSlabBytes - sizeof(Slab);
  static constexpr size_t kMinTightBytes = 128;  // header included

  // Keeps at most `max_free` standard slabs and frees the rest.
  explicit SlabPool(size_t max_free = 256);
  ~SlabPool();
  SlabPool(const SlabPool&) = delete;
  SlabPool& operator=(const SlabPool&) = delete;

  // A standard slab: empty, room for kSlabCapacity bytes.
  Slab* Take();
  // A slab with room for at least `capacity` bytes: a standard one, or a larger power of two.
  Slab* TakeAtLeast(size_t capacity);
  // The smallest slab with room for that much, if it takes half of a standard one or less; else
  // null.
  Slab* TakeTight(size_t capacity);
  void Give(Slab* slab);
  // Frees those that nobody has needed since the last call, but keeps `keep`.
  void Trim(size_t keep);

  size_t in_use() const { return in_use_; }
  size_t free_count() const { return free_count_; }
  // Given back to the allocator so far, in bytes.
  uint64_t freed_bytes() const { return freed_bytes_; }
  // Allocated, in use or kept.
  size_t held_bytes() const { return held_bytes_; }

 private:
  // `bytes` is a power of two.
  Slab* Allocate(size_t bytes);
  Slab* AllocateStandard();
  void Free(Slab* slab);
  void FreeOneKept();

  Slab* free_ = nullptr;
  size_t free_count_ = 0;
  size_t least_free_ = 0;  // since the last Trim
  size_t in_use_ = 0;
  size_t max_free_;
  uint64_t freed_bytes_ = 0;
  size_t held_bytes_ = 0;
};

// A queue of bytes in slabs. It holds no slab while empty, so a connection at rest costs nothing.
// One thread, that of its pool. Movable, not copyable; destruction gives the slabs back.
//
//   std::span<char> room = buffer.PrepareWrite();
//   buffer.CommitWrite(ReadSome(room));
//
// Between PrepareWrite and CommitWrite the caller may only prepare again, which forgets the first
// preparation, or clear the buffer.
class Buffer {
 public:
  // MoveFrom copies a piece up to this size where it finds room for it, and hands a larger one
  // over. So even in a queue of tiny pieces about a quarter of each slab holds bytes.
  static constexpr size_t kCopyBytes = 4 * 1024;

  explicit Buffer(SlabPool* pool) : pool_(pool) {}
  ~Buffer() { Clear(); }
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  size_t size() const { return head_ != nullptr ? head_->queued : 0; }
  bool empty() const { return size() == 0; }
  SlabPool* pool() const { return pool_; }

  // The first bytes, as far as they lie in one piece. Valid until the buffer is next changed at
  // its front; bytes appended later do not move them.
  std::string_view Front() const {
    return head_ == nullptr ? std::string_view()
                            : std::string_view(head_->data() + head_->begin, head_->size());
  }
  // Makes the first `n` (<= size()) bytes one piece and returns exactly them.
  std::string_view Linearize(size_t n) {
    const std::string_view front = Front();
    return n <= front.size() ? front.substr(0, n) : JoinFront(n);
  }
  // Describes the bytes from the front in at most `max` pieces; returns how many.
  int FillIovec(iovec* pieces, int max) const;
  void Consume(size_t n);

  // Room at the end, at least one byte, in the last slab or a fresh one; CommitWrite says how much
  // was used (0 gives a fresh slab back).
  std::span<char> PrepareWrite() { return PrepareWrite(1); }
  // As PrepareWrite, but at least `n` bytes in one piece.
  std::span<char> PrepareWrite(size_t n);
  // Room for `n` bytes, give or take a few KiB, in at most `max` pieces (the rest of the last slab,
  // then fresh ones); CommitWrite then counts across them and gives the untouched slabs back.
  // Returns the number of pieces.
  int PrepareWritev(size_t n, iovec* pieces, int max);
  void CommitWrite(size_t n);
  void Append(std::string_view bytes);

  // Moves the first `n` (<= from.size()) bytes of `from` to the end of this buffer. It hands whole
  // slabs over; it copies small pieces that fit behind what is here already, and the smaller part
  // of a slab that must be shared. Both buffers draw on the same pool.
  void MoveFrom(Buffer& from, size_t n);

  // What is here will wait for more to come: few bytes go into a slab of little more than their
  // size. The next PrepareWritev moves them back, so that they stay in one piece.
  void Shrink();

  void Clear() {
    if (head_ != nullptr) GiveAll();
  }

 private:
  // The first slab that holds no bytes yet, between PrepareWrite and CommitWrite.
  Slab* Prepared() const {
    if (head_ == nullptr || head_->tail == nullptr) return head_;
    return head_->tail->next;
  }
  Slab* tail() const { return head_ != nullptr ? head_->tail : nullptr; }
  void GivePrepared() {
    if (Prepared() != nullptr) GivePreparedSlabs();
  }
  void GivePreparedSlabs();
  void GiveAll();
  std::string_view JoinFront(size_t n);
  void AdoptAtTail(Slab* slab);
  Slab* DetachHead();
  Slab* ExchangeHead(Slab* slab);
  void MoveHeadTo(Slab* slab);
  void SplitHeadTo(Buffer& to, size_t n);

  SlabPool* pool_;
  Slab* head_ = nullptr;
};
static_assert(sizeof(Buffer) <= 16, "two of them are in every idle connection");

inline Slab* SlabPool::Take() {
  ++in_use_;
  if (free_ == nullptr) return AllocateStandard();
  Slab* slab = std::exchange(free_, free_->next);
  least_free_ = std::min(least_free_, --free_count_);
  ASAN_UNPOISON_MEMORY_REGION(slab->data(), kSlabCapacity);
  slab->next = nullptr;
  slab->tail = nullptr;
  slab->queued = 0;
  slab->capacity = kSlabCapacity;
  slab->begin = 0;
  slab->end = 0;
  return slab;
}

inline void SlabPool::Give(Slab* slab) {
  HOLDFAST_CHECK(in_use_ > 0);
  --in_use_;
  if (!slab->standard || free_count_ >= max_free_) return Free(slab);
  ASAN_POISON_MEMORY_REGION(slab->data(), kSlabCapacity);
  slab->next = std::exchange(free_, slab);
  ++free_count_;
}

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_BUFFER_H_
