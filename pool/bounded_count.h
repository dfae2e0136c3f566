#ifndef HOLDFAST_POOL_BOUNDED_COUNT_H_
#define HOLDFAST_POOL_BOUNDED_COUNT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "pool/limits.h"

namespace holdfast::pool {

// Door 4: a number of places that all workers share, of which never more are taken than there are.
// A lowered limit leaves those that are taken; then none is given out until enough came back. Any
// thread.
class BoundedCount {
 public:
  void SetLimit(size_t limit) { limit_.store(limit, std::memory_order_relaxed); }
  // nullopt: as many as anybody likes.
  void SetLimit(std::optional<uint32_t> limit) { SetLimit(CountOf(limit)); }
  bool Take() {
    const size_t limit = limit_.load(std::memory_order_relaxed);
    size_t present = taken_.load();
    do {
      if (present >= limit) return false;
    } while (!taken_.compare_exchange_weak(present, present + 1));
    return true;
  }
  void Return(size_t count = 1) { taken_.fetch_sub(count); }

  // kNoLimit: none.
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }
  size_t taken() const { return taken_.load(std::memory_order_relaxed); }
  // Ordered with Take and Return, for whoever says that it waits and then looks again.
  bool full() const { return taken_.load() >= limit_.load(std::memory_order_relaxed); }
  // Whether more are taken than there may be, since the limit was lowered.
  bool over() const { return taken() > limit_.load(std::memory_order_relaxed); }

 private:
  std::atomic<size_t> limit_{kNoLimit};
  std::atomic<size_t> taken_{0};
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_BOUNDED_COUNT_H_
