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
  while (free_ != nullptr) FreeOneKept();
}

void SlabPool::Trim(size_t keep) {
  for (; least_free_ > 0 && free_count_ > keep; --least_free_) FreeOneKept();
  least_free_ = free_count_;
}

Slab* SlabPool::AllocateStandard() {
  least_free_ = 0;
  return Allocate(kSlabBytes);
}

void SlabPool::FreeOneKept() {
  Slab* slab = std::exchange(free_, free_->next);
  --free_count_;
  ASAN_UNPOISON_MEMORY_REGION(slab->data(), kSlabCapacity);
  Free(slab);
}

Slab* SlabPool::Allocate(size_t bytes) {
  HOLDFAST_CHECK(bytes <= std::numeric_limits<uint32_t>::max() && std::has_single_bit(bytes));
  Slab* slab = new (::operator new(bytes)) Slab;
  slab->capacity = static_cast<uint32_t>(bytes - sizeof(Slab));
  slab->standard = bytes == kSlabBytes;
  slab->size_log2 = static_cast<uint8_t>(std::countr_zero(bytes));
  held_bytes_ += bytes;
  return slab;
}

void SlabPool::Free(Slab* slab) {
  const size_t bytes = size_t{1} << slab->size_log2;
  freed_bytes_ += bytes;
  held_bytes_ -= bytes;
  ::operator delete(slab);
}

Slab* SlabPool::TakeAtLeast(size_t capacity) {
  if (capacity <= kSlabCapacity) return Take();
  // Powers of two: a head that arrives byte by byte is copied a logarithmic number of times.
  Slab* slab = Allocate(std::bit_ceil(capacity + sizeof(Slab)));
  ++in_use_;
  return slab;
}

Slab* SlabPool::TakeTight(size_t capacity) {
  const size_t bytes = std::max(kMinTightBytes, std::bit_ceil(capacity + sizeof(Slab)));
  if (bytes > kSlabBytes / 2) return nullptr;
  Slab* slab = Allocate(bytes);
  slab->tight = true;
  ++in_use_;
  return slab;
}

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(other.pool_), head_(std::exchange(other.head_, nullptr)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  Clear();
  pool_ = other.pool_;
  head_ = std::exchange(other.head_, nullptr);
  return *this;
}

// Linearize, of more bytes than the first slab holds.
std::string_view Buffer::JoinFront(size_t n) {
  HOLDFAST_CHECK(n <= size());
  HOLDFAST_CHECK(Prepared() == nullptr);
  if (n > head_->capacity) {
    MoveHeadTo(pool_->TakeAtLeast(n));
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
    if (head_->tail == next) head_->tail = head_;
    pool_->Give(next);
  }
  return {head_->data() + head_->begin, n};
}

int Buffer::FillIovec(iovec* pieces, int max) const {
  int count = 0;
  if (empty()) return count;
  for (Slab* slab = head_; slab != nullptr && count < max; slab = slab->next) {
    pieces[count++] = {slab->data() + slab->begin, slab->size()};
    if (slab == head_->tail) break;
  }
  return count;
}

void Buffer::Consume(size_t n) {
  HOLDFAST_CHECK(n <= size());
  HOLDFAST_CHECK(Prepared() == nullptr);
  while (n > 0) {
    const size_t have = head_->size();
    if (n < have) {
      head_->begin += static_cast<uint32_t>(n);
      head_->queued -= n;
      return;
    }
    n -= have;
    pool_->Give(DetachHead());
  }
}

std::span<char> Buffer::PrepareWrite(size_t n) {
  Slab* slab = tail();
  if (slab != nullptr && slab->next == nullptr && slab->room() >= n) {
    return {slab->data() + slab->end, slab->room()};
  }
  GivePrepared();
  if (slab == nullptr || slab->room() < n) {
    Slab* const fresh = pool_->TakeAtLeast(n);
    // CommitWrite looks for the first room; the little that is left here must not be it.
    if (slab != nullptr) slab->capacity = slab->end;
    (slab != nullptr ? slab->next : head_) = fresh;
    slab = fresh;
  }
  return {slab->data() + slab->end, slab->room()};
}

int Buffer::PrepareWritev(size_t n, iovec* pieces, int max) {
  HOLDFAST_CHECK(max > 0);
  int count = 0;
  size_t room = 0;
  Slab* last = nullptr;
  if (head_ != nullptr) {
    GivePrepared();
    last = tail();
    if (last != nullptr && last->tight && last == head_) {
      MoveHeadTo(pool_->Take());
      last = head_;
    }
    if (last != nullptr && last->room() > 0) {
      room = last->room();
      pieces[count++] = {last->data() + last->end, room};
    }
  }
  Slab** link = last != nullptr ? &last->next : &head_;
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
  Slab* const only = tail() != nullptr ? tail() : head_;
  // As nearly always: one slab has room, and it is enough.
  if (only != nullptr && only->next == nullptr && n - 1 < only->room()) {
    only->end += static_cast<uint32_t>(n);
    head_->queued += n;
    head_->tail = only;
    return;
  }
  if (n > 0) {
    HOLDFAST_CHECK(head_ != nullptr);
    Slab* last = head_->tail;
    Slab* slab = last != nullptr && last->room() > 0 ? last : Prepared();
    head_->queued += n;
    while (n > 0) {
      HOLDFAST_CHECK(slab != nullptr);
      const size_t take = std::min(n, slab->room());
      slab->end += static_cast<uint32_t>(take);
      n -= take;
      last = slab;
      slab = slab->next;
    }
    head_->tail = last;
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
  HOLDFAST_CHECK(n <= from.size());
  HOLDFAST_CHECK(Prepared() == nullptr && from.Prepared() == nullptr);
  if (empty() && n == from.size()) {
    std::swap(head_, from.head_);
    return;
  }
  while (n > 0) {
    const size_t have = from.head_->size();
    if (n < have) {
      from.SplitHeadTo(*this, n);
      return;
    }
    n -= have;
    const Slab* const last = tail();
    if (have <= kCopyBytes && last != nullptr && last->room() >= have) {
      Append(from.Front());
      from.Consume(have);
    } else {
      AdoptAtTail(from.DetachHead());
    }
  }
}

void Buffer::Shrink() {
  HOLDFAST_CHECK(Prepared() == nullptr);
  if (head_ == nullptr || head_ != head_->tail || head_->tight) return;
  Slab* const tight = pool_->TakeTight(head_->size());
  if (tight != nullptr) MoveHeadTo(tight);
}

void Buffer::GiveAll() {
  while (head_ != nullptr) pool_->Give(std::exchange(head_, head_->next));
}

void Buffer::GivePreparedSlabs() {
  Slab*& link = head_->tail != nullptr ? head_->tail->next : head_;
  while (link != nullptr) pool_->Give(std::exchange(link, link->next));
}

void Buffer::AdoptAtTail(Slab* slab) {
  slab->next = nullptr;
  if (head_ == nullptr) {
    head_ = slab;
    head_->queued = 0;
  } else {
    head_->tail->next = slab;
  }
  head_->tail = slab;
  head_->queued += slab->size();
}

// The first slab, taken off the queue; the next one is the first now.
Slab* Buffer::DetachHead() {
  Slab* const slab = head_;
  head_ = slab->next;
  if (head_ != nullptr) {
    head_->tail = slab->tail;
    head_->queued = slab->queued - slab->size();
  }
  return slab;
}

// Puts `slab` where the first one is, which is the caller's now.
Slab* Buffer::ExchangeHead(Slab* slab) {
  slab->next = head_->next;
  slab->tail = head_->tail == head_ ? slab : head_->tail;
  slab->queued = head_->queued;
  return std::exchange(head_, slab);
}

// Moves the bytes of the first slab into `slab`, which takes its place.
void Buffer::MoveHeadTo(Slab* slab) {
  HOLDFAST_CHECK(slab->capacity >= head_->size());
  std::memcpy(slab->data(), head_->data() + head_->begin, head_->size());
  slab->end = static_cast<uint32_t>(head_->size());
  pool_->Give(ExchangeHead(slab));
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
  Slab* taken = ExchangeHead(remainder);
  head_->queued -= n;
  taken->end = taken->begin + static_cast<uint32_t>(n);
  to.AdoptAtTail(taken);
}

}  // namespace holdfast::pool
