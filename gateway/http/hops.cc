#include "gateway/http/hops.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

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

// More than fits is as good as the most that does.
std::optional<uint32_t> ParseNumber(std::string_view digits) {
  uint32_t number = std::numeric_limits<uint32_t>::max();
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, number);
  return error == std::errc::invalid_argument || end != last ? std::nullopt : std::optional(number);
}

}  // namespace

int RoundsThrough(const HeaderList& headers, std::string_view name) {
  if (name.empty() || !headers.Has(FieldId::kVia)) return 0;
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
  if (!request.headers.Has(FieldId::kMaxForwards)) return std::nullopt;
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
