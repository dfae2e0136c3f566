#include "gateway/http/head_check.h"

#include <cstring>

#include "gateway/http/byte_scan.h"
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

bool AtLineEnd(const char* p, const char* end) {
  return end - p >= 2 && std::memcmp(p, "\r\n", 2) == 0;
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

// A value without the white space around it: as nearly always, one space before it and none behind.
std::string_view TrimValue(std::string_view value) {
  if (value.size() >= 2 && value[0] == ' ' && value[1] > ' ' && value.back() > ' ') {
    return value.substr(1);
  }
  return TrimWhiteSpace(value);
}

// Calls `on_field` with the name and the untrimmed value of each field.
template <typename OnField>
Refusal WalkFieldLines(std::string_view bytes, size_t max_fields, OnField on_field) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  size_t count = 0;
  while (!AtLineEnd(p, end)) {
    const char* const name = p;
    p = SkipTokenBytes(bytes, p);
    if (p == end || *p != ':') return NameBadNameByte(name, p, end);
    if (p == name) return Refusal::kEmptyFieldName;
    if (++count > max_fields) return Refusal::kTooManyFields;
    const char* const value = p + 1;
    p = SkipValueBytes(bytes, value);
    if (!AtLineEnd(p, end)) return NameStrayByte(p, end, Refusal::kControlByte);
    on_field(std::string_view(name, static_cast<size_t>(value - 1 - name)),
             std::string_view(value, static_cast<size_t>(p - value)));
    p += 2;
  }
  return p + 2 == end ? Refusal::kNone : Refusal::kIncompleteHead;
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
  p = SkipTargetBytes(target, end);
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
  *fields = 0;
  return WalkFieldLines(bytes, max_fields, [&](std::string_view, std::string_view) { ++*fields; });
}

Refusal ListFieldLines(std::string_view bytes, size_t max_fields, HeaderList* headers) {
  headers->Clear();
  return WalkFieldLines(bytes, max_fields, [&](std::string_view name, std::string_view value) {
    headers->Add({name, TrimValue(value), IdentifyField(name), false});
  });
}

}  // namespace holdfast::http
