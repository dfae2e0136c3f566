#ifndef HOLDFAST_POOL_NET_FREE_LIST_H_
#define HOLDFAST_POOL_NET_FREE_LIST_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "pool/net/event_loop.h"

namespace holdfast::pool {

// Objects at rest, kept with the memory that they have grown, so that in the steady state nothing
// is allocated. The one used last is taken first. One thread.
template <class T>
class FreeList {
 public:
  // Kept for reuse; what is over is destroyed at the end of the turn.
  static constexpr size_t kMaxFree = 1024;

  // Made from `args` when none is at rest.
  template <class... Args>
  T* Take(Args&&... args) {
    if (free_.empty()) return new T(std::forward<Args>(args)...);
    T* const item = free_.back().release();
    free_.pop_back();
    return item;
  }
  void Give(EventLoop* loop, T* item) {
    std::unique_ptr<T> owned(item);
    if (free_.size() < kMaxFree) {
      free_.push_back(std::move(owned));
    } else {
      loop->DestroyLater(std::move(owned));
    }
  }

 private:
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_FREE_LIST_H_
