#include "gateway/policy/in_flight.h"

#include <bit>

#include "pool/net/check.h"

namespace holdfast::policy {

bool InFlight::Take() {
  uint32_t present = taken_.load();
  do {
    if (present >= limit_.load()) return false;
  } while (!taken_.compare_exchange_weak(present, present + 1));
  return true;
}

bool InFlight::BeginWait(size_t worker, uint32_t most) {
  HOLDFAST_CHECK(worker < kMaxWorkers);
  uint32_t present = waiting_.load();
  do {
    if (present >= most) return false;
  } while (!waiting_.compare_exchange_weak(present, present + 1));
  marks_[worker / kBits].fetch_or(uint64_t{1} << worker % kBits);
  return true;
}

void InFlight::EndWait(size_t worker, bool last) {
  if (last) marks_[worker / kBits].fetch_and(~(uint64_t{1} << worker % kBits));
  HOLDFAST_CHECK(waiting_.fetch_sub(1) > 0);
}

std::optional<size_t> InFlight::Return() {
  HOLDFAST_CHECK(taken_.fetch_sub(1) > 0);
  return Offer();
}

std::optional<size_t> InFlight::Offer() {
  if (waiting_.load() == 0) return std::nullopt;
  const std::optional<size_t> worker = NextMarked();
  if (!worker.has_value() || !Take()) return std::nullopt;
  turn_.store(static_cast<uint32_t>((*worker + 1) % kMaxWorkers), std::memory_order_relaxed);
  return worker;
}

// From the turn on, and from the first worker on after the last.
std::optional<size_t> InFlight::NextMarked() {
  const size_t turn = turn_.load(std::memory_order_relaxed);
  const uint64_t behind = ~uint64_t{0} << turn % kBits;  // of the turn's own word, those not before
  for (size_t i = 0; i <= marks_.size(); ++i) {
    const size_t word = (turn / kBits + i) % marks_.size();
    uint64_t marks = marks_[word].load();
    if (i == 0) marks &= behind;
    if (i == marks_.size()) marks &= ~behind;
    if (marks != 0) return word * kBits + static_cast<size_t>(std::countr_zero(marks));
  }
  return std::nullopt;
}

}  // namespace holdfast::policy
