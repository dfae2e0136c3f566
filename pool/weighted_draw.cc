#include "pool/weighted_draw.h"

#include <algorithm>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

// `random` scaled down to [0, bound) (Lemire's multiplication, its tiny bias accepted).
uint64_t Scale(uint64_t random, uint64_t bound) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(random) * bound) >> 64);
}

}  // namespace

void WeightedDraw::Reserve(size_t size) {
  items_.reserve(size);
  ends_.reserve(size);
}

void WeightedDraw::Clear() {
  items_.clear();
  ends_.clear();
  even_ = true;
}

void WeightedDraw::Add(uint32_t item, uint64_t weight) {
  HOLDFAST_CHECK(weight > 0);
  even_ = even_ && (empty() || weight == ends_.front());
  items_.push_back(item);
  ends_.push_back(total() + weight);
}

size_t WeightedDraw::Draw(uint64_t random, size_t without) const {
  HOLDFAST_CHECK(size() > (without == kNone ? 0 : 1));
  if (even_) {
    const size_t position = Scale(random, without == kNone ? size() : size() - 1);
    return position >= without ? position + 1 : position;
  }
  // Cuts the position that is left out from the line of weights.
  const uint64_t cut = without == kNone ? total() : Begin(without);
  const uint64_t gap = without == kNone ? 0 : weight(without);
  uint64_t point = Scale(random, total() - gap);
  if (point >= cut) point += gap;
  return static_cast<size_t>(std::ranges::upper_bound(ends_, point) - ends_.begin());
}

}  // namespace holdfast::pool
