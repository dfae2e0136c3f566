#include "gateway/fetch/freshness.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>

namespace holdfast::fetch {
namespace {

// What is larger is as good (RFC 9111 section 1.2.2).
constexpr int64_t kMostSeconds = int64_t{1} << 31;

std::optional<int64_t> SecondsIn(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  // A recipient takes either form (section 5.2).
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits) return std::nullopt;
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(text, &seconds)) return kMostSeconds;
  return std::min(seconds, kMostSeconds);
}

std::optional<absl::Time> DateIn(const std::string& text) {
  absl::Time time;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", text, &time, nullptr)) return std::nullopt;
  return time;
}

// What the directives say; `*told` is whether they say anything.
std::optional<int64_t> MaxAgeIn(const std::string& directives, bool* told) {
  std::optional<int64_t> age;
  for (const absl::string_view item : absl::StrSplit(directives, ',')) {
    const absl::string_view directive = absl::StripAsciiWhitespace(item);
    if (absl::EqualsIgnoreCase(directive, "no-store") ||
        absl::EqualsIgnoreCase(directive, "no-cache")) {
      *told = true;
      return 0;
    }
    constexpr absl::string_view kMaxAge = "max-age=";
    if (*told || !absl::StartsWithIgnoreCase(directive, kMaxAge)) continue;  // The first counts.
    *told = true;
    age = SecondsIn(directive.substr(kMaxAge.size()));
  }
  return age;
}

}  // namespace

std::optional<pool::Duration> FreshFor(const Response& response) {
  bool told = false;
  std::optional<int64_t> seconds = MaxAgeIn(response.cache_control, &told);
  if (!told && !response.expires.empty()) {
    const std::optional<absl::Time> expires = DateIn(response.expires);
    const std::optional<absl::Time> date = DateIn(response.date);
    // Something like "0" is a date in the past (section 5.3).
    if (!expires.has_value()) return pool::Duration::zero();
    if (!date.has_value()) return std::nullopt;
    seconds = std::clamp<int64_t>(absl::ToInt64Seconds(*expires - *date), 0, kMostSeconds);
  }
  if (!seconds.has_value()) return std::nullopt;
  const int64_t age = SecondsIn(response.age).value_or(0);
  return std::chrono::seconds(std::max<int64_t>(0, *seconds - age));
}

}  // namespace holdfast::fetch
