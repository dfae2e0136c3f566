#ifndef HOLDFAST_GATEWAY_RECORD_LINE_FILTER_H_
#define HOLDFAST_GATEWAY_RECORD_LINE_FILTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/record/exchange_record.h"
#include "pool/net/clock.h"

namespace holdfast::record {

// Status codes from `min` to `max`.
struct StatusSpan {
  uint16_t min;
  uint16_t max;
  bool operator==(const StatusSpan&) const = default;
};
// Reads "404", or "5xx" for 500 to 599: from 100 to 599. nullopt: it is neither.
std::optional<StatusSpan> ParseStatusSpan(std::string_view text);
std::string FormatStatusSpan(StatusSpan span);

// A share of a whole, in millionths.
inline constexpr uint32_t kWholeShare = 1'000'000;
// Reads "0.01", from 0 to 1 with at most six decimals. nullopt: it is none.
std::optional<uint32_t> ParseShare(std::string_view text);
std::string FormatShare(uint32_t millionths);

// Which exchanges have a line: those that one of these is true of. None given: no exchange.
struct LineFilter {
  std::vector<StatusSpan> statuses;
  std::optional<pool::Duration> slower_than;
  std::vector<std::string> routes;  // names
  // Of the rest so many have one all the same, drawn by lot; and all that failed.
  std::optional<uint32_t> share;  // millionths
};

// Whether the exchange has a line for what it is, however the lot falls. Pure.
bool IsToldOf(const LineFilter& filter, const ExchangeRecord& record);

}  // namespace holdfast::record

#endif  // HOLDFAST_GATEWAY_RECORD_LINE_FILTER_H_
