#ifndef HOLDFAST_POOL_WEIGHTED_DRAW_H_
#define HOLDFAST_POOL_WEIGHTED_DRAW_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::pool {

// Numbers to draw by lot, each as likely as its weight says. A draw is O(1) while all weights are
// equal, else O(log n). Clear keeps the memory, so that filling it again allocates nothing. One
// thread. A value.
class WeightedDraw {
 public:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  void Reserve(size_t size);
  void Clear();
  void Add(uint32_t item, uint64_t weight);  // at least 1; the sum stays below 2^63

  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  uint32_t item(size_t position) const { return items_[position]; }
  uint64_t weight(size_t position) const { return ends_[position] - Begin(position); }
  uint64_t total() const { return ends_.empty() ? 0 : ends_.back(); }

  // The position on which `random`, a number uniform over 64 bits, falls; never `without`, which
  // must not be the only one.
  size_t Draw(uint64_t random, size_t without = kNone) const;

 private:
  uint64_t Begin(size_t position) const { return position == 0 ? 0 : ends_[position - 1]; }

  std::vector<uint32_t> items_;
  std::vector<uint64_t> ends_;  // the sum of the weights up to and with this one
  bool even_ = true;            // all weights are equal
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_WEIGHTED_DRAW_H_
