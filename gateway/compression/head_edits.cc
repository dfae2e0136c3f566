#include "gateway/compression/head_edits.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "gateway/http/syntax.h"

namespace holdfast::compression {
namespace {

using http::EqualsIgnoreCase;
using http::HeaderField;

constexpr std::string_view kAcceptEncoding = "Accept-Encoding";
constexpr std::string_view kWeak = "W/";
constexpr std::string_view kAndAcceptEncoding = ", Accept-Encoding";

// RFC 1864, RFC 3230, RFC 9530.
constexpr std::array<std::string_view, 4> kDigests = {"content-md5", "digest", "content-digest",
                                                      "repr-digest"};
// Of other bytes than those that are sent, or written anew.
constexpr std::array<std::string_view, 3> kReplaced = {"content-encoding", "content-length",
                                                       "accept-ranges"};

bool IsAnyOf(const HeaderField& field, std::span<const std::string_view> names) {
  return std::ranges::any_of(
      names, [&field](std::string_view name) { return EqualsIgnoreCase(field.name, name); });
}

// RFC 9110 section 8.8.3.
bool IsStrongTag(std::string_view tag) {
  return tag.size() >= 2 && tag.front() == '"' && tag.back() == '"' &&
         tag.find('"', 1) == tag.size() - 1;
}

// The first field ETag if it must become weak, else null.
HeaderField* StrongTag(http::HeaderList* fields) {
  bool seen = false;
  HeaderField* strong = nullptr;
  for (HeaderField& field : fields->fields()) {
    if (field.dropped || !EqualsIgnoreCase(field.name, "etag")) continue;
    const std::string_view tag = field.value;
    const bool weak = tag.starts_with(kWeak) && IsStrongTag(tag.substr(kWeak.size()));
    field.dropped = seen || (!weak && !IsStrongTag(tag));
    if (!field.dropped && !weak) strong = &field;
    seen = true;
  }
  return strong;
}

bool SaysAcceptEncoding(std::string_view vary) {
  http::ListReader list(vary);
  std::string_view member;
  while (list.Next(&member)) {
    if (member == "*" || EqualsIgnoreCase(member, kAcceptEncoding)) return true;
  }
  return false;
}

struct VaryFields {
  HeaderField* last = nullptr;
  bool complete = false;
};
VaryFields FindVary(http::HeaderList* fields) {
  VaryFields found;
  for (HeaderField& field : fields->fields()) {
    if (field.dropped || !EqualsIgnoreCase(field.name, "vary")) continue;
    found.last = &field;
    found.complete |= SaysAcceptEncoding(field.value);
  }
  return found;
}

// `*text` has room, so that what points into it stays.
void Replace(HeaderField* field, std::string_view before, std::string_view after,
             std::string* text) {
  const size_t start = text->size();
  text->append(before);
  text->append(field->value);
  text->append(after);
  field->value = std::string_view(*text).substr(start);
}

void AddVary(const VaryFields& vary, http::HeaderList* fields, std::string* text) {
  if (vary.complete) return;
  if (vary.last == nullptr) return fields->Add({.name = "Vary", .value = kAcceptEncoding});
  if (vary.last->value.empty()) {
    vary.last->value = kAcceptEncoding;
    return;
  }
  Replace(vary.last, "", kAndAcceptEncoding, text);
}

}  // namespace

void EditHead(const Decision& decision, http::ResponseHead* head, std::string* text) {
  text->clear();
  http::HeaderList* const fields = &head->headers;
  const bool encoded = decision.coding != Coding::kIdentity;
  HeaderField* const strong = encoded ? StrongTag(fields) : nullptr;
  const VaryFields vary = decision.vary ? FindVary(fields) : VaryFields{};
  size_t room = 0;
  if (strong != nullptr) room += kWeak.size() + strong->value.size();
  if (vary.last != nullptr) room += vary.last->value.size() + kAndAcceptEncoding.size();
  text->reserve(room);

  if (strong != nullptr) Replace(strong, kWeak, "", text);
  if (decision.vary) AddVary(vary, fields, text);
  if (!encoded) return;
  for (HeaderField& field : fields->fields()) {
    field.dropped |= IsAnyOf(field, kReplaced) || IsAnyOf(field, kDigests);
  }
  fields->Add({.name = "Content-Encoding", .value = kCodingWords.WordOf(decision.coding)});
  head->has_content_length = false;
  head->content_length = 0;
  if (head->body != http::BodyKind::kNone) head->body = http::BodyKind::kChunked;
}

void EditTrailers(http::HeaderList* trailers) {
  for (HeaderField& field : trailers->fields()) field.dropped |= IsAnyOf(field, kDigests);
}

}  // namespace holdfast::compression
