#include "gateway/grpc/fields.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace holdfast::grpc {

namespace {

constexpr size_t kMaxTimeoutDigits = 8;

bool ReadNumber(std::string_view text, uint32_t* number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *number);
  return error == std::errc() && stop == end;
}

// Whoever waits longer waits as long as it takes. The largest numbers are no durations of ours.
template <class Period>
pool::Duration Bounded(Period given) {
  constexpr auto kLongest = std::chrono::hours(24 * 365);
  return given < kLongest ? pool::Duration(given) : pool::Duration(kLongest);
}

}  // namespace

bool IsCall(const http::RequestHead& request) {
  if (request.method != http::Method::kPost || !request.headers.Has(http::FieldId::kContentType)) {
    return false;
  }
  std::string_view type = request.headers.Find(http::FieldId::kContentType)->value;
  if (type.size() < kContentType.size() ||
      !http::EqualsIgnoreCase(type.substr(0, kContentType.size()), kContentType)) {
    return false;
  }
  type.remove_prefix(kContentType.size());
  return type.empty() || type[0] == '+' || type[0] == ';' || type[0] == ' ' || type[0] == '\t';
}

std::optional<pool::Duration> TimeoutOf(const http::HeaderList& fields) {
  const http::HeaderField* const field = fields.FindByName("grpc-timeout");
  if (field == nullptr || field->value.empty()) return std::nullopt;
  std::string_view digits = field->value;
  const char unit = digits.back();
  digits.remove_suffix(1);
  uint32_t number = 0;
  if (digits.size() > kMaxTimeoutDigits || !ReadNumber(digits, &number)) return std::nullopt;
  switch (unit) {
    case 'H': return Bounded(std::chrono::hours(number));
    case 'M': return Bounded(std::chrono::minutes(number));
    case 'S': return Bounded(std::chrono::seconds(number));
    case 'm': return Bounded(std::chrono::milliseconds(number));
    case 'u': return Bounded(std::chrono::microseconds(number));
    case 'n': return std::chrono::nanoseconds(number);
    default: return std::nullopt;
  }
}

std::optional<Status> StatusOf(const http::HeaderList& fields) {
  const http::HeaderField* const field = fields.FindByName("grpc-status");
  if (field == nullptr) return std::nullopt;
  uint32_t number = 0;
  if (!ReadNumber(field->value, &number) || number >= kStatusWords.size()) return Status::kUnknown;
  return static_cast<Status>(number);
}

std::string EncodeMessage(std::string_view text) {
  constexpr char kHexDigits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
      encoded += c;
    } else {
      encoded += {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace holdfast::grpc
