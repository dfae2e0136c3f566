#ifndef HOLDFAST_POOL_ENDPOINT_COUNTS_H_
#define HOLDFAST_POOL_ENDPOINT_COUNTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace holdfast::pool {

// How an attempt was answered, by the first digit of the status. Names are label values.
enum class AnswerClass : uint8_t { kNone, k1xx, k2xx, k3xx, k4xx, k5xx };
inline constexpr size_t kAnswerClasses = 6;

constexpr std::string_view AnswerClassName(AnswerClass answer) {
  constexpr std::array<std::string_view, kAnswerClasses> kNames = {"none", "1xx", "2xx",
                                                                   "3xx",  "4xx", "5xx"};
  return kNames[static_cast<size_t>(answer)];
}

// Below 100 there was no answer. What is beyond 599 counts as RFC 9110 section 15 has clients take
// it, as 5xx.
constexpr AnswerClass AnswerClassOf(int status) {
  const unsigned digit = static_cast<unsigned>(status) / 100;
  if (digit - 1 < 5) return static_cast<AnswerClass>(digit);  // nearly all
  return status < 100 ? AnswerClass::kNone : AnswerClass::k5xx;
}

using AnswerCounts = std::array<uint64_t, kAnswerClasses>;

// Door 4: the attempts at one endpoint that have ended, by answer. Each worker writes its own slot,
// which is on a cache line of its own, with plain stores; any thread reads.
class EndpointCounts {
 public:
  explicit EndpointCounts(size_t workers) : slots_(workers) {}

  void Add(size_t worker, AnswerClass answer) {
    std::atomic<uint64_t>& cell = slots_[worker].answers[static_cast<size_t>(answer)];
    cell.store(cell.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  AnswerCounts Sum() const {
    AnswerCounts sum{};
    for (const Slot& slot : slots_) {
      for (size_t i = 0; i < kAnswerClasses; ++i) {
        sum[i] += slot.answers[i].load(std::memory_order_relaxed);
      }
    }
    return sum;
  }

 private:
  struct alignas(64) Slot {
    std::array<std::atomic<uint64_t>, kAnswerClasses> answers{};
  };

  std::vector<Slot> slots_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_ENDPOINT_COUNTS_H_
