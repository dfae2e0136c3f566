#include "gateway/config/units.h"

#include <charconv>

namespace holdfast::config {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr Unit kDurationUnits[] = {
    // milliseconds, from large to small
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1},
};
constexpr uint64_t kMaxMilliseconds = uint64_t{100} * 366 * 86'400'000;

constexpr Unit kSizeUnits[] = {
    {"TiB", uint64_t{1} << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1},
};
constexpr uint64_t kMaxSize = uint64_t{1} << 50;

constexpr size_t kShareDecimals = 6;
constexpr uint32_t kWholeShare = 1'000'000;

// Takes the digits at the front off `text`.
std::optional<uint64_t> TakeNumber(std::string_view* text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc()) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return number;
}

std::string_view TakeLetters(std::string_view* text) {
  const size_t end = text->find_first_of("0123456789");
  const std::string_view letters = text->substr(0, end);
  text->remove_prefix(letters.size());
  return letters;
}

}  // namespace

std::optional<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  uint64_t total = 0;
  const Unit* next = std::begin(kDurationUnits);
  do {
    const std::optional<uint64_t> number = TakeNumber(&text);
    const std::string_view name = TakeLetters(&text);
    while (next != std::end(kDurationUnits) && next->name != name) ++next;
    if (!number || next == std::end(kDurationUnits)) return std::nullopt;
    if (*number > kMaxMilliseconds / next->factor) return std::nullopt;
    total += *number * next->factor;
    ++next;
  } while (!text.empty());
  if (total > kMaxMilliseconds) return std::nullopt;
  return std::chrono::milliseconds(total);
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  const std::optional<uint64_t> number = TakeNumber(&text);
  if (!number) return std::nullopt;
  if (text.empty()) return *number <= kMaxSize ? number : std::nullopt;
  for (const Unit& unit : kSizeUnits) {
    if (unit.name != text) continue;
    if (*number > kMaxSize / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

std::optional<uint64_t> ParseCount(std::string_view text) {
  const std::optional<uint64_t> number = TakeNumber(&text);
  return text.empty() ? number : std::nullopt;
}

std::optional<uint64_t> ParsePercent(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  return ParseCount(text);
}

std::optional<uint32_t> ParseShare(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find('.'));
  std::string_view decimals = text.substr(whole.size());
  if (whole != "0" && whole != "1") return std::nullopt;
  if (!decimals.empty()) decimals.remove_prefix(1);
  if (decimals.size() > kShareDecimals || text.ends_with('.')) return std::nullopt;
  uint32_t share = whole == "1" ? 1 : 0;
  for (size_t i = 0; i < kShareDecimals; ++i) {
    const char digit = i < decimals.size() ? decimals[i] : '0';
    if (digit < '0' || digit > '9') return std::nullopt;
    share = share * 10 + static_cast<uint32_t>(digit - '0');
  }
  return share <= kWholeShare ? std::optional(share) : std::nullopt;
}

std::optional<StatusRange> ParseStatusRange(std::string_view text) {
  const size_t dash = text.find('-');
  const std::optional<uint64_t> min = ParseCount(text.substr(0, dash));
  const std::optional<uint64_t> max =
      dash == std::string_view::npos ? min : ParseCount(text.substr(dash + 1));
  if (!min || !max || *min < 200 || *max > 599 || *min > *max) return std::nullopt;
  return StatusRange{static_cast<uint16_t>(*min), static_cast<uint16_t>(*max)};
}

std::string FormatDuration(std::chrono::nanoseconds duration) {
  const auto total = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  if (total == 0) return "0s";
  for (const Unit& unit : kDurationUnits) {
    if (total % unit.factor == 0) {
      return std::to_string(total / unit.factor) + std::string(unit.name);
    }
  }
  return {};
}

std::string FormatSize(uint64_t bytes) {
  if (bytes == 0) return "0B";
  for (const Unit& unit : kSizeUnits) {
    if (bytes % unit.factor == 0) {
      return std::to_string(bytes / unit.factor) + std::string(unit.name);
    }
  }
  return {};
}

std::string FormatShare(uint32_t of_a_million) {
  if (of_a_million >= kWholeShare) return "1";
  std::string decimals = std::to_string(of_a_million);
  decimals.insert(0, kShareDecimals - decimals.size(), '0');
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return decimals.empty() ? "0" : "0." + decimals;
}

}  // namespace holdfast::config
