#include "gateway/fetch/retry_after.h"

#include <algorithm>
#include <cstdint>

#include <absl/strings/numbers.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

namespace holdfast::fetch {
namespace {

// Longer is not waited, so that no number can overflow.
constexpr int64_t kMaxRetrySeconds = 366 * 24 * 60 * 60;

}  // namespace

std::optional<pool::Duration> ParseRetryAfter(std::string_view value, pool::WallTime now) {
  const absl::string_view text(value.data(), value.size());
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(text, &seconds)) {
    absl::Time time;
    if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, &time, nullptr)) return std::nullopt;
    seconds = absl::ToUnixSeconds(time) -
              std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  }
  return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kMaxRetrySeconds));
}

}  // namespace holdfast::fetch
