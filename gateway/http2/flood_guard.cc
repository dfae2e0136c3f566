#include "gateway/http2/flood_guard.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace holdfast::http2 {

void FloodGuard::Forget(pool::TimePoint now) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now - since_).count();
  if (seconds <= 0) return;
  const auto halvings = std::min<int64_t>(seconds, 31);
  resets_ >>= halvings;
  others_ >>= halvings;
  since_ = now;
}

FloodGuard::Verdict FloodGuard::Note(Glitch glitch, pool::TimePoint now) {
  Forget(now);
  ++counts_[static_cast<size_t>(glitch)];
  counted_ = true;
  ++(glitch == Glitch::kReset ? resets_ : others_);
  return Judge(now);
}

FloodGuard::Verdict FloodGuard::Judge(pool::TimePoint now) {
  Forget(now);
  if (resets_ >= limits_.max_resets || others_ >= limits_.max_glitches) return Verdict::kEnd;
  if (others_ >= limits_.max_glitches - limits_.max_glitches / 4) return Verdict::kGoodbye;
  if (resets_ >= limits_.max_resets - limits_.max_resets / 2) return Verdict::kRefuse;
  return Verdict::kFine;
}

std::array<uint32_t, kGlitches> FloodGuard::TakeCounts() {
  counted_ = false;
  return std::exchange(counts_, {});
}

}  // namespace holdfast::http2
