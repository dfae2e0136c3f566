#ifndef HOLDFAST_GATEWAY_CONFIG_UNITS_H_
#define HOLDFAST_GATEWAY_CONFIG_UNITS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::config {

// "250ms", "5s", "1h30m": whole numbers, each with a unit of ms, s, m, h, d, from large to small.
// At most 100 years. Null when it is anything else; a number without a unit is.
std::optional<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// "64KiB", "10MiB", "2GiB", "512B", "512": a whole number of bytes or of a binary multiple, at most
// 1 PiB. Null when it is anything else; "64k" and "64KB" are, since people read them in two ways.
std::optional<uint64_t> ParseSize(std::string_view text);

// A whole number in decimal digits.
std::optional<uint64_t> ParseCount(std::string_view text);

// "20%": a whole number and a percent sign. May be more than 100.
std::optional<uint64_t> ParsePercent(std::string_view text);

// "200-399", or "200" for the one: status codes of final responses, 200 to 599 (RFC 9110
// section 15), the lower one first.
struct StatusRange {
  uint16_t min;
  uint16_t max;
  bool operator==(const StatusRange&) const = default;
};
std::optional<StatusRange> ParseStatusRange(std::string_view text);

// The same value in its shortest form: "5s", "90s", "64KiB".
std::string FormatDuration(std::chrono::nanoseconds duration);
std::string FormatSize(uint64_t bytes);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_UNITS_H_
