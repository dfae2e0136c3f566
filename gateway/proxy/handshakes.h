#ifndef HOLDFAST_GATEWAY_PROXY_HANDSHAKES_H_
#define HOLDFAST_GATEWAY_PROXY_HANDSHAKES_H_

#include <chrono>
#include <cstddef>

#include "pool/net/clock.h"
#include "pool/net/intrusive_list.h"

namespace holdfast::proxy {

// A client's connection that is not established yet: a place in its worker's list while it is so.
class PendingHandshake : public pool::ListNode<PendingHandshake> {
 public:
  virtual pool::TimePoint began_at() const = 0;
  // Ends it in favour of a newcomer.
  virtual void Yield() = 0;

 protected:
  PendingHandshake() = default;
  ~PendingHandshake() = default;
};

// One worker's handshakes, which take memory and computing time for clients that have shown nothing
// yet. At the limit those that take longest give way to newcomers, and where all have just begun
// the newcomers wait to be accepted. One thread.
class Handshakes {
 public:
  static constexpr size_t kMax = 1024;
  // So long one is safe from newcomers: most are over by then.
  static constexpr pool::Duration kGivesWayAfter = std::chrono::milliseconds(500);

  void Add(PendingHandshake& handshake) {
    list_.PushBack(handshake);
    ++count_;
  }
  void Remove(PendingHandshake& handshake) {
    list_.Remove(handshake);
    --count_;
  }
  size_t count() const { return count_; }

  bool full() const { return count_ >= kMax; }
  // Whether one more may begin; at the limit the oldest end for it, unless they are too young.
  bool MakeRoom(pool::TimePoint now) {
    while (full() && now - list_.front()->began_at() >= kGivesWayAfter) list_.front()->Yield();
    return !full();
  }

 private:
  pool::IntrusiveList<PendingHandshake> list_;  // the oldest first
  size_t count_ = 0;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HANDSHAKES_H_
