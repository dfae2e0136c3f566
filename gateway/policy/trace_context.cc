#include "gateway/policy/trace_context.h"

#include <algorithm>

namespace holdfast::policy {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// Where the parts of a traceparent begin, and how long they are.
constexpr size_t kVersionDigits = 2;
constexpr size_t kTraceAt = 3;
constexpr size_t kTraceDigits = 32;
constexpr size_t kParentAt = 36;
constexpr size_t kParentDigits = 16;
constexpr size_t kFlagsAt = 53;
constexpr size_t kFlagsDigits = 2;
constexpr size_t kLength = kFlagsAt + kFlagsDigits;
constexpr int kSampledFlag = 1;
constexpr int kKnownFlags = kSampledFlag | 2;
static_assert(kLength == std::tuple_size_v<TraceparentText>);

// Capitals are none (section 3.2.2.3: "lower case").
bool IsHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

int HexValue(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

bool IsZero(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '0'; });
}

constexpr size_t kMaxStateText = 256;  // of a name and of a value

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Section 3.3.1.3.1, of both levels: a tenant may come before an '@'.
bool IsStateKey(std::string_view key) {
  const auto begins = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !key.empty() && key.size() <= kMaxStateText && begins(key.front()) &&
         std::ranges::count(key, '@') <= 1 && std::ranges::all_of(key, [&](char c) {
           return begins(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
         });
}

// Section 3.3.1.3.2.
bool IsStateValue(std::string_view value) {
  return !value.empty() && value.size() <= kMaxStateText &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c < 0x7f && c != '='; });
}

char* Put(uint64_t bits, char* out) {
  for (int shift = 60; shift >= 0; shift -= 4) *out++ = kHexDigits[bits >> shift & 15];
  return out;
}

}  // namespace

std::string_view TraceIdOf(std::string_view value) {
  if (value.size() < kLength) return {};
  const std::string_view version = value.substr(0, kVersionDigits);
  const std::string_view trace = value.substr(kTraceAt, kTraceDigits);
  const std::string_view parent = value.substr(kParentAt, kParentDigits);
  const std::string_view flags = value.substr(kFlagsAt, kFlagsDigits);
  if (value[kTraceAt - 1] != '-' || value[kParentAt - 1] != '-' || value[kFlagsAt - 1] != '-') {
    return {};
  }
  if (!IsHex(version) || !IsHex(trace) || !IsHex(parent) || !IsHex(flags)) return {};
  if (version == "ff" || IsZero(trace) || IsZero(parent)) return {};
  if (value.size() > kLength && (version == "00" || value[kLength] != '-')) return {};
  return trace;
}

std::string_view ParentIdOf(std::string_view value) {
  return value.substr(kParentAt, kParentDigits);
}

bool IsSampled(std::string_view value) {
  return (HexValue(value[kFlagsAt + 1]) & kSampledFlag) != 0;
}

bool IsTracestate(std::string_view value, int* members) {
  while (true) {
    const size_t comma = std::min(value.find(','), value.size());
    const std::string_view member = Trimmed(value.substr(0, comma));
    if (!member.empty()) {
      ++*members;
      const size_t equals = member.find('=');
      if (equals == member.npos || !IsStateKey(member.substr(0, equals)) ||
          !IsStateValue(member.substr(equals + 1))) {
        return false;
      }
    }
    if (comma == value.size()) return true;
    value.remove_prefix(comma + 1);
  }
}

TraceparentText StartTrace(bool sampled, RequestIdSource* source) {
  TraceparentText text;
  char* out = text.data();
  *out++ = '0';
  *out++ = '0';
  *out++ = '-';
  out = Put(source->Bits(), out);
  out = Put(source->Bits(), out);
  *out++ = '-';
  out = Put(source->Bits(), out);
  *out++ = '-';
  *out++ = '0';
  *out++ = sampled ? '1' : '0';
  return text;
}

TraceparentText ContinueTrace(std::string_view value, RequestIdSource* source) {
  TraceparentText text;
  std::ranges::copy(value.substr(0, kParentAt), text.data());
  text[0] = text[1] = '0';
  char* out = Put(source->Bits(), text.data() + kParentAt);
  *out++ = '-';
  *out++ = '0';
  *out++ = kHexDigits[HexValue(value[kFlagsAt + 1]) & kKnownFlags];
  return text;
}

}  // namespace holdfast::policy
