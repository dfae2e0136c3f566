#include "gateway/http/hops.h"

#include <algorithm>
#include <limits>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

// Via = received-protocol RWS received-by [ RWS comment ]
std::string_view ReceivedBy(std::string_view entry) {
  const size_t blank = entry.find_first_of(" \t");
  if (blank == std::string_view::npos) return {};
  entry = TrimWhiteSpace(entry.substr(blank));
  return entry.substr(0, entry.find_first_of(" \t"));
}

std::optional<uint32_t> ParseNumber(std::string_view digits) {
  if (digits.empty()) return std::nullopt;
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  uint64_t number = 0;
  for (const char byte : digits) {
    if (!IsDigit(byte)) return std::nullopt;
    number = std::min(kMax, number * 10 + static_cast<uint64_t>(byte - '0'));
  }
  return static_cast<uint32_t>(number);
}

}  // namespace

int RoundsThrough(const HeaderList& headers, std::string_view name) {
  int rounds = 0;
  for (const HeaderField& field : headers.fields()) {
    if (field.id != FieldId::kVia) continue;
    std::string_view entry;
    for (ListReader entries(field.value); entries.Next(&entry);) {
      if (EqualsIgnoreCase(ReceivedBy(entry), name)) ++rounds;
    }
  }
  return rounds;
}

std::optional<uint32_t> MaxForwards(const RequestHead& request) {
  if (request.method != Method::kOptions && request.method != Method::kTrace) return std::nullopt;
  std::optional<uint32_t> least;
  for (const HeaderField& field : request.headers.fields()) {
    if (field.id != FieldId::kMaxForwards) continue;
    const std::optional<uint32_t> number = ParseNumber(field.value);
    if (number.has_value()) least = std::min(least.value_or(*number), *number);
  }
  return least;
}

}  // namespace holdfast::http
