#include "gateway/http/head_check.h"

#include <bit>
#include <cstring>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

// The name of the rule that the byte at `p`, found where it may not be, breaks. `otherwise` is for
// a byte that is wrong only in this place.
Refusal NameStrayByte(const char* p, const char* end, Refusal otherwise) {
  if (p == end) return Refusal::kIncompleteHead;
  switch (*p) {
    case '\0': return Refusal::kNul;
    case '\n': return Refusal::kBareLf;
    case '\r':
      if (p + 1 == end) return Refusal::kIncompleteHead;
      return p[1] == '\n' ? otherwise : Refusal::kBareCr;
    default: return otherwise;
  }
}

// Eight bytes at a time: most of a head is values, and nearly all of their bytes are fine. The high
// bit of a byte is set where it is below 0x20 or equal to 0x7f. The subtractions can borrow
// from a place above a real hit, never without one, so the lowest bit that is set is right.
uint64_t ControlBytes(const char* p) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  constexpr uint64_t kHigh = 0x8080808080808080u;
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  const uint64_t below_space = (word - kOnes * 0x20) & ~word;
  const uint64_t deleted = word ^ (kOnes * 0x7f);
  const uint64_t is_delete = (deleted - kOnes) & ~deleted;
  return (below_space | is_delete) & kHigh;
}

// The first byte from `p` on that may not be in a value, or `end`.
const char* SkipValueBytes(const char* p, const char* end) {
  while (end - p >= 8) {
    const uint64_t control = ControlBytes(p);
    if (control == 0) {
      p += 8;
      continue;
    }
    p += std::countr_zero(control) / 8;
    if (*p != '\t') return p;
    ++p;
  }
  while (p != end && IsValueByte(*p)) ++p;
  return p;
}

const char* SkipTokenBytes(const char* p, const char* end) {
  while (p != end && IsTokenByte(*p)) ++p;
  return p;
}

bool IsTargetByte(char byte) { return byte > 0x20 && byte < 0x7f && byte != '#'; }

bool AtLineEnd(const char* p, const char* end) {
  return end - p >= 2 && p[0] == '\r' && p[1] == '\n';
}

// "HTTP/" DIGIT "." DIGIT. The digits are for the caller to judge.
bool IsVersion(const char* p, const char* end) {
  return end - p >= 8 && std::memcmp(p, "HTTP/", 5) == 0 && IsDigit(p[5]) && p[6] == '.' &&
         IsDigit(p[7]);
}

Refusal NameBadNameByte(const char* name, const char* p, const char* end) {
  if (p == end) return Refusal::kIncompleteHead;
  if (*p == ' ' || *p == '\t') {
    if (p == name) return Refusal::kObsFold;
    while (p != end && (*p == ' ' || *p == '\t')) ++p;
    return p != end && *p == ':' ? Refusal::kSpaceBeforeColon : Refusal::kMalformedFieldName;
  }
  return NameStrayByte(p, end, *p == '\r' ? Refusal::kMissingColon : Refusal::kMalformedFieldName);
}

}  // namespace

Refusal CheckRequestLine(std::string_view bytes, size_t max_target_bytes, RequestLine* line) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();

  const char* const method_end = SkipTokenBytes(p, end);
  if (method_end == p || method_end == end || *method_end != ' ') {
    return NameStrayByte(method_end, end, Refusal::kMalformedStartLine);
  }
  line->method = std::string_view(p, static_cast<size_t>(method_end - p));
  if (line->method.size() > kMaxMethodBytes) return Refusal::kMethodTooLong;

  const char* const target = method_end + 1;
  p = target;
  while (p != end && IsTargetByte(*p)) ++p;
  if (p == end) return Refusal::kIncompleteHead;
  line->target = std::string_view(target, static_cast<size_t>(p - target));
  if (line->target.size() > max_target_bytes) return Refusal::kUriTooLong;
  if (*p == '#') return Refusal::kFragmentInTarget;
  if (*p == '\r') return NameStrayByte(p, end, Refusal::kMalformedStartLine);
  if (*p != ' ') return NameStrayByte(p, end, Refusal::kTargetBytes);
  if (line->target.empty()) return Refusal::kMalformedStartLine;

  ++p;
  if (!IsVersion(p, end)) {
    return NameStrayByte(SkipValueBytes(p, end), end, Refusal::kMalformedStartLine);
  }
  if (!AtLineEnd(p + 8, end)) return NameStrayByte(p + 8, end, Refusal::kMalformedStartLine);
  if (p[5] != '1') return Refusal::kUnsupportedVersion;
  line->minor_version = p[7] - '0';
  line->bytes = static_cast<size_t>(p + 10 - bytes.data());
  return Refusal::kNone;
}

Refusal CheckStatusLine(std::string_view bytes, StatusLine* line) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  if (!IsVersion(p, end) || end - p < 12 || p[8] != ' ' || !IsDigit(p[9]) || !IsDigit(p[10]) ||
      !IsDigit(p[11]) || p[9] == '0') {
    return NameStrayByte(SkipValueBytes(p, end), end, Refusal::kMalformedStartLine);
  }
  if (p[5] != '1') return Refusal::kUnsupportedVersion;
  line->minor_version = p[7] - '0';
  line->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
  p += 12;
  const bool has_reason = p != end && *p == ' ';
  const char* const reason = has_reason ? p + 1 : p;
  if (has_reason) p = SkipValueBytes(reason, end);
  if (!AtLineEnd(p, end)) {
    return NameStrayByte(p, end, has_reason ? Refusal::kControlByte : Refusal::kMalformedStartLine);
  }
  line->reason = std::string_view(reason, static_cast<size_t>(p - reason));
  line->bytes = static_cast<size_t>(p + 2 - bytes.data());
  return Refusal::kNone;
}

Refusal CheckFieldLines(std::string_view bytes, size_t max_fields, size_t* fields) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  size_t count = 0;
  while (!AtLineEnd(p, end)) {
    const char* const name = p;
    p = SkipTokenBytes(p, end);
    if (p == end || *p != ':') return NameBadNameByte(name, p, end);
    if (p == name) return Refusal::kEmptyFieldName;
    if (++count > max_fields) return Refusal::kTooManyFields;
    p = SkipValueBytes(p + 1, end);
    if (!AtLineEnd(p, end)) return NameStrayByte(p, end, Refusal::kControlByte);
    p += 2;
  }
  *fields = count;
  return p + 2 == end ? Refusal::kNone : Refusal::kIncompleteHead;
}

}  // namespace holdfast::http
