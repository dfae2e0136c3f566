#ifndef HOLDFAST_POOL_NET_TICKET_QUEUE_H_
#define HOLDFAST_POOL_NET_TICKET_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "pool/net/check.h"

namespace holdfast::pool {

// Numbers, first in, first out, in a ring that asks for memory only while it grows. A member of its
// loop; one thread.
class TicketQueue {
 public:
  // Room for more than so many is given back as soon as the queue is empty.
  static constexpr size_t kKeptRoom = 1024;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // How many it holds before it asks for more memory.
  size_t room() const { return ring_.size(); }

  void Push(uint64_t ticket) {
    if (size_ == ring_.size()) Grow();
    ring_[(first_ + size_) & (ring_.size() - 1)] = ticket;
    ++size_;
  }
  // Not of an empty one.
  uint64_t Pop() {
    HOLDFAST_CHECK(size_ > 0);
    const uint64_t ticket = ring_[first_];
    first_ = (first_ + 1) & (ring_.size() - 1);
    if (--size_ == 0 && ring_.size() > kKeptRoom) ring_ = std::vector<uint64_t>();
    if (size_ == 0) first_ = 0;
    return ticket;
  }

 private:
  static constexpr size_t kFirstRoom = 64;

  void Grow() {
    std::vector<uint64_t> larger(ring_.empty() ? kFirstRoom : ring_.size() * 2);
    for (size_t i = 0; i < size_; ++i) larger[i] = ring_[(first_ + i) & (ring_.size() - 1)];
    ring_ = std::move(larger);
    first_ = 0;
  }

  std::vector<uint64_t> ring_;  // as long as a power of two
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_TICKET_QUEUE_H_
