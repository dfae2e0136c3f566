#include "pool/net/buffer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

// PrepareWritev leaves it at less room than was asked for rather than take a slab for this little.
constexpr size_t kSlackBytes = 4 * 1024;

}  // namespace

SlabPool::SlabPool(size_t max_free) : max_free_(max_free) {}

SlabPool::~SlabPool() {
  HOLDFAST_CHECK(in_use_ == 0);
  while (free_ != nullptr) {
    Slab* slab = std::exchange(free_, free_->next);
    ASAN_UNPOISON_MEMORY_REGION(slab->data(), kSlabCapacity);
    Free(slab);
  }
}

Slab* SlabPool::Allocate(size_t bytes) {
  HOLDFAST_CHECK(bytes <= std::numeric_limits<uint32_t>::max());
  Slab* slab = new (::operator new(bytes)) Slab;
  slab->capacity = static_cast<uint32_t>(bytes - sizeof(Slab));
  slab->standard = bytes == kSlabBytes;
  return slab;
}

void SlabPool::Free(Slab* slab) { ::operator delete(slab); }

Slab* SlabPool::TakeAtLeast(size_t capacity) {
  if (capacity <= kSlabCapacity) return Take();
  // Powers of two: a head that arrives byte by byte is copied a logarithmic number of times.
  Slab* slab = Allocate(std::bit_ceil(capacity + sizeof(Slab)));
  ++in_use_;
  return slab;
}

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(other.pool_),
      head_(std::exchange(other.head_, nullptr)),
      tail_(std::exchange(other.tail_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  Clear();
  pool_ = other.pool_;
  head_ = std::exchange(other.head_, nullptr);
  tail_ = std::exchange(other.tail_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

// Linearize, of more bytes than the first slab holds.
std::string_view Buffer::JoinFront(size_t n) {
  HOLDFAST_CHECK(n <= size_);
  HOLDFAST_CHECK(Prepared() == nullptr);
  if (n > head_->capacity) {
    Slab* larger = pool_->TakeAtLeast(n);
    larger->end = static_cast<uint32_t>(head_->size());
    std::memcpy(larger->data(), head_->data() + head_->begin, head_->size());
    ReplaceHead(larger);
  } else if (head_->begin + n > head_->capacity) {
    std::memmove(head_->data(), head_->data() + head_->begin, head_->size());
    head_->end -= head_->begin;
    head_->begin = 0;
  }
  while (head_->size() < n) {
    Slab* next = head_->next;
    const size_t take = std::min(n - head_->size(), next->size());
    std::memcpy(head_->data() + head_->end, next->data() + next->begin, take);
    head_->end += static_cast<uint32_t>(take);
    next->begin += static_cast<uint32_t>(take);
    if (next->size() > 0) continue;
    head_->next = next->next;
    if (tail_ == next) tail_ = head_;
    pool_->Give(next);
  }
  return {head_->data() + head_->begin, n};
}

int Buffer::FillIovec(iovec* pieces, int max) const {
  int count = 0;
  if (size_ == 0) return count;
  for (Slab* slab = head_; slab != nullptr && count < max; slab = slab->next) {
    pieces[count++] = {slab->data() + slab->begin, slab->size()};
    if (slab == tail_) break;
  }
  return count;
}

void Buffer::Consume(size_t n) {
  HOLDFAST_CHECK(n <= size_);
  HOLDFAST_CHECK(Prepared() == nullptr);
  size_ -= n;
  while (n > 0) {
    const size_t have = head_->size();
    if (n < have) {
      head_->begin += static_cast<uint32_t>(n);
      return;
    }
    n -= have;
    pool_->Give(DetachHead());
  }
}

std::span<char> Buffer::PrepareWrite(size_t n) {
  GivePrepared();
  Slab* slab = tail_;
  if (slab == nullptr || slab->room() < n) {
    // CommitWrite looks for the first room; the little that is left here must not be it.
    if (slab != nullptr) slab->capacity = slab->end;
    slab = pool_->TakeAtLeast(n);
    (tail_ != nullptr ? tail_->next : head_) = slab;
  }
  return {slab->data() + slab->end, slab->room()};
}

int Buffer::PrepareWritev(size_t n, iovec* pieces, int max) {
  HOLDFAST_CHECK(max > 0);
  GivePrepared();
  int count = 0;
  size_t room = 0;
  if (tail_ != nullptr && tail_->room() > 0) {
    room = tail_->room();
    pieces[count++] = {tail_->data() + tail_->end, room};
  }
  Slab** link = tail_ != nullptr ? &tail_->next : &head_;
  while (count < max && (count == 0 || room + kSlackBytes < n)) {
    Slab* slab = pool_->Take();
    *link = slab;
    link = &slab->next;
    room += slab->room();
    pieces[count++] = {slab->data(), slab->room()};
  }
  return count;
}

void Buffer::CommitWrite(size_t n) {
  Slab* slab = tail_ != nullptr && tail_->room() > 0 ? tail_ : Prepared();
  size_ += n;
  while (n > 0) {
    HOLDFAST_CHECK(slab != nullptr);
    const size_t take = std::min(n, slab->room());
    slab->end += static_cast<uint32_t>(take);
    n -= take;
    tail_ = slab;
    slab = slab->next;
  }
  GivePrepared();
}

void Buffer::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = PrepareWrite();
    const size_t take = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), take);
    CommitWrite(take);
    bytes.remove_prefix(take);
  }
}

void Buffer::MoveFrom(Buffer& from, size_t n) {
  HOLDFAST_CHECK(this != &from);
  HOLDFAST_CHECK(pool_ == from.pool_);
  HOLDFAST_CHECK(n <= from.size_);
  HOLDFAST_CHECK(Prepared() == nullptr && from.Prepared() == nullptr);
  if (size_ == 0 && n == from.size_) {
    std::swap(head_, from.head_);
    std::swap(tail_, from.tail_);
    std::swap(size_, from.size_);
    return;
  }
  while (n > 0) {
    const size_t have = from.head_->size();
    if (n < have) {
      from.SplitHeadTo(*this, n);
      return;
    }
    n -= have;
    if (have <= kCopyBytes && tail_ != nullptr && tail_->room() >= have) {
      Append(from.Front());
      from.Consume(have);
    } else {
      from.size_ -= have;
      AdoptAtTail(from.DetachHead());
    }
  }
}

void Buffer::GiveAll() {
  while (head_ != nullptr) pool_->Give(std::exchange(head_, head_->next));
  tail_ = nullptr;
  size_ = 0;
}

void Buffer::GivePreparedSlabs() {
  Slab*& link = tail_ != nullptr ? tail_->next : head_;
  while (link != nullptr) pool_->Give(std::exchange(link, link->next));
}

void Buffer::AdoptAtTail(Slab* slab) {
  slab->next = nullptr;
  (tail_ != nullptr ? tail_->next : head_) = slab;
  tail_ = slab;
  size_ += slab->size();
}

// The first slab, taken off the queue; the caller sees to size_.
Slab* Buffer::DetachHead() {
  Slab* slab = head_;
  head_ = slab->next;
  if (slab == tail_) tail_ = nullptr;
  return slab;
}

// Puts `slab` where the first one is, which goes back to the pool.
void Buffer::ReplaceHead(Slab* slab) {
  slab->next = head_->next;
  if (tail_ == head_) tail_ = slab;
  pool_->Give(std::exchange(head_, slab));
}

// Moves the first `n` bytes of the first slab, which holds more, to the end of `to`.
void Buffer::SplitHeadTo(Buffer& to, size_t n) {
  const size_t rest = head_->size() - n;
  if (n <= rest || n <= kCopyBytes) {
    to.Append(Front().substr(0, n));
    Consume(n);
    return;
  }
  Slab* remainder = pool_->TakeAtLeast(rest);
  std::memcpy(remainder->data(), head_->data() + head_->begin + n, rest);
  remainder->end = static_cast<uint32_t>(rest);
  remainder->next = head_->next;
  if (tail_ == head_) tail_ = remainder;
  Slab* taken = std::exchange(head_, remainder);
  taken->end = taken->begin + static_cast<uint32_t>(n);
  size_ -= n;
  to.AdoptAtTail(taken);
}

}  // namespace holdfast::pool
