#ifndef HOLDFAST_GATEWAY_CONFIG_UNITS_H_
#define HOLDFAST_GATEWAY_CONFIG_UNITS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::config {

// Reads "250ms", "5s" or "1h30m": whole numbers, each with a unit of ms, s, m, h, d, from large to
// small, at most 100 years in all. Null for anything else, a number without a unit included.
std::optional<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// Reads "64KiB", "10MiB", "2GiB", "512B" or "512": a whole number of bytes or of a binary multiple,
// at most 1 PiB. Null for anything else, "64k" and "64KB" included, which people read in two ways.
std::optional<uint64_t> ParseSize(std::string_view text);

// Reads a whole number in decimal digits.
std::optional<uint64_t> ParseCount(std::string_view text);

// Reads "20%": a whole number, which may exceed 100, and a percent sign.
std::optional<uint64_t> ParsePercent(std::string_view text);

// Reads a share, "0" to "1" with at most six decimals ("0.01"), as so many of a million.
std::optional<uint32_t> ParseShare(std::string_view text);

// A range of status codes of final responses, from 200 to 599 (RFC 9110 section 15): "200-399" with
// the lower one first, or "200" for that one alone.
struct StatusRange {
  uint16_t min;
  uint16_t max;
  bool operator==(const StatusRange&) const = default;
};
std::optional<StatusRange> ParseStatusRange(std::string_view text);

// The same value in its shortest form: "5s", "90s", "64KiB".
std::string FormatDuration(std::chrono::nanoseconds duration);
std::string FormatSize(uint64_t bytes);
std::string FormatShare(uint32_t of_a_million);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_UNITS_H_
