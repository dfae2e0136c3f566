#include "gateway/record/line_filter.h"

#include <algorithm>

namespace holdfast::record {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

constexpr size_t kDecimals = 6;

}  // namespace

std::optional<StatusSpan> ParseStatusSpan(std::string_view text) {
  if (text.size() != 3 || text[0] < '1' || text[0] > '5') return std::nullopt;
  const auto hundreds = static_cast<uint16_t>((text[0] - '0') * 100);
  if (text.substr(1) == "xx") return StatusSpan{hundreds, static_cast<uint16_t>(hundreds + 99)};
  if (!IsDigit(text[1]) || !IsDigit(text[2])) return std::nullopt;
  const auto status = static_cast<uint16_t>(hundreds + (text[1] - '0') * 10 + (text[2] - '0'));
  return StatusSpan{status, status};
}

std::string FormatStatusSpan(StatusSpan span) {
  return span.min == span.max ? std::to_string(span.min) : std::to_string(span.min / 100) + "xx";
}

std::optional<uint32_t> ParseShare(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  uint32_t share = text[0] == '1' ? kWholeShare : 0;
  text.remove_prefix(1);
  if (text.empty()) return share;
  if (text[0] != '.' || text.size() < 2 || text.size() > kDecimals + 1) return std::nullopt;
  uint32_t weight = kWholeShare;
  for (const char c : text.substr(1)) {
    if (!IsDigit(c)) return std::nullopt;
    weight /= 10;
    share += weight * static_cast<uint32_t>(c - '0');
  }
  return share <= kWholeShare ? std::optional(share) : std::nullopt;
}

std::string FormatShare(uint32_t millionths) {
  std::string decimals = std::to_string(millionths % kWholeShare);
  decimals.insert(0, kDecimals - decimals.size(), '0');
  decimals.erase(decimals.find_last_not_of('0') + 1);
  const std::string whole = std::to_string(millionths / kWholeShare);
  return decimals.empty() ? whole : whole + "." + decimals;
}

bool IsToldOf(const LineFilter& filter, const ExchangeRecord& record) {
  if (filter.share.has_value() && record.failed) return true;
  if (filter.slower_than.has_value() && record.duration > *filter.slower_than) return true;
  if (std::ranges::any_of(filter.statuses, [&](StatusSpan span) {
        return record.status >= span.min && record.status <= span.max;
      })) {
    return true;
  }
  return std::ranges::any_of(filter.routes, [&](const std::string& route) {
    return std::string_view(route) == record.route;
  });
}

}  // namespace holdfast::record
