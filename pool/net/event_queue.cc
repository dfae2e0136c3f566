#include "pool/net/event_queue.h"

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

constexpr size_t kFirstRoom = 64;

}  // namespace

void EventQueue::Add(EventHandler* handler, uint32_t events) {
  if (handler->place_ != 0) {
    Entry& entry = ring_[handler->place_ - 1];
    HOLDFAST_CHECK(entry.handler == handler);
    entry.events |= events;
    return;
  }
  if (length_ == ring_.size()) Grow();
  const size_t place = (first_ + length_) & (ring_.size() - 1);
  ring_[place] = {handler, events};
  handler->place_ = static_cast<uint32_t>(place) + 1;
  ++length_;
  ++size_;
}

// Leaves out what was dropped, which may be room enough.
void EventQueue::Grow() {
  const size_t room = size_ * 2 < ring_.size() ? ring_.size() : ring_.size() * 2;
  std::vector<Entry> larger(std::max(room, kFirstRoom));
  size_t filled = 0;
  for (size_t i = 0; i < length_; ++i) {
    const Entry& entry = ring_[(first_ + i) & (ring_.size() - 1)];
    if (entry.handler == nullptr) continue;
    larger[filled++] = entry;
    entry.handler->place_ = static_cast<uint32_t>(filled);
  }
  HOLDFAST_CHECK(filled == size_);
  ring_ = std::move(larger);
  first_ = 0;
  length_ = filled;
}

void EventQueue::ServeNext() {
  HOLDFAST_CHECK(!empty());
  Entry entry;
  do {
    entry = ring_[first_];
    first_ = (first_ + 1) & (ring_.size() - 1);
    --length_;
  } while (entry.handler == nullptr);
  entry.handler->place_ = 0;
  Forget();
  entry.handler->OnEvents(entry.events);
}

void EventQueue::Drop(EventHandler* handler) {
  if (handler->place_ == 0) return;
  Entry& entry = ring_[handler->place_ - 1];
  HOLDFAST_CHECK(entry.handler == handler);
  entry.handler = nullptr;
  handler->place_ = 0;
  Forget();
}

// One waits no longer.
void EventQueue::Forget() {
  if (--size_ > 0) return;
  first_ = length_ = 0;
  if (ring_.size() > kKeptRoom) ring_ = std::vector<Entry>();
}

}  // namespace holdfast::pool
