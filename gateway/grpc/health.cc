#include "gateway/grpc/health.h"

#include <cstdint>

namespace holdfast::grpc {
namespace {

constexpr size_t kPrefixBytes = 5;
constexpr uint64_t kServing = 1;
// A field's number and its type on the wire (protocol buffers, encoding).
constexpr char kServiceTag = 1 << 3 | 2;
constexpr uint64_t kStatusTag = 1 << 3 | 0;
enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) *out += static_cast<char>(value | 0x80);
  *out += static_cast<char>(value);
}

bool TakeVarint(std::string_view* from, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !from->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from->front());
    from->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Of a field that is not known.
bool Skip(uint64_t tag, std::string_view* from) {
  uint64_t bytes = 0;
  switch (tag & 7) {
    case kVarint: return TakeVarint(from, &bytes);
    case kFixed64: bytes = sizeof(uint64_t); break;
    case kFixed32: bytes = sizeof(uint32_t); break;
    case kBytes:
      if (!TakeVarint(from, &bytes)) return false;
      break;
    default: return false;
  }
  if (bytes > from->size()) return false;
  from->remove_prefix(bytes);
  return true;
}

}  // namespace

std::string HealthRequest(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += kServiceTag;
    AppendVarint(service.size(), &message);
    message += service;
  }
  std::string body(1, '\0');  // not compressed
  for (int shift = 24; shift >= 0; shift -= 8) body += static_cast<char>(message.size() >> shift);
  return body + message;
}

std::optional<bool> IsServing(std::string_view body) {
  if (body.size() < kPrefixBytes || body[0] != '\0') return std::nullopt;
  size_t bytes = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i)
    bytes = bytes << 8 | static_cast<unsigned char>(body[i]);
  body.remove_prefix(kPrefixBytes);
  if (bytes != body.size()) return std::nullopt;
  uint64_t status = 0;
  while (!body.empty()) {
    uint64_t tag = 0;
    if (!TakeVarint(&body, &tag)) return std::nullopt;
    const bool good = tag == kStatusTag ? TakeVarint(&body, &status) : Skip(tag, &body);
    if (!good) return std::nullopt;
  }
  return status == kServing;
}

}  // namespace holdfast::grpc
