#include "gateway/http2/field_lines.h"

#include "gateway/http/byte_scan.h"
#include "gateway/http/letter_case.h"
#include "pool/net/check.h"

namespace holdfast::http2 {
namespace {

// What stands for no more than one connection; the serializer writes no other such field.
bool FramesHttp1(std::string_view name) {
  switch (name.size()) {
    case 7: return name == "upgrade";
    case 10: return name == "connection" || name == "keep-alive";
    case 17: return name == "transfer-encoding";
    default: return false;
  }
}

std::string_view Text(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

// What parts name and value of a trailer that is one.
constexpr char kNeverIndexed = '\t';

char* Find(char* begin, const char* end, char byte) {
  const char* const found = http::FindByte(begin, end, byte);
  HOLDFAST_CHECK(found != end);  // The serializer writes whole lines.
  return begin + (found - begin);
}

uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

void FieldLines::Begin(std::string_view head) {
  text_.assign(head);
  fields_.clear();
  of_request_ = tunnel_ = false;
  host_ = upgrade_ = {};
}

void FieldLines::Clear() {
  text_.clear();
  if (text_.capacity() > kKeptBytes) text_.shrink_to_fit();
}

// nghttp2 copies what it is given.
void FieldLines::Add(std::string_view name, std::string_view value) {
  fields_.push_back({Bytes(name), Bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
}

void FieldLines::Fill(size_t place, std::string_view value) {
  fields_[place].value = Bytes(value);
  fields_[place].valuelen = value.size();
}

void FieldLines::AddLines(char* at, char* end) {
  while (*at != '\r') {
    char* const colon = Find(at, end, ':');
    char* const line_end = Find(colon, end, '\r');
    http::LowerCase(at, static_cast<size_t>(colon - at));
    const std::string_view name = Text(at, colon);
    const std::string_view value = Text(colon + 2, line_end);
    const bool never_indexed = colon[1] == kNeverIndexed;
    at = line_end + 2;
    if (of_request_ && name == "host") {
      host_ = value;
    } else if (FramesHttp1(name)) {
      if (name == "upgrade") upgrade_ = value;
    } else if (!tunnel_ || name != "sec-websocket-key") {  // HTTP/1's proof: RFC 8441 section 5
      Add(name, value);
      if (never_indexed) fields_.back().flags = NGHTTP2_NV_FLAG_NO_INDEX;
    }
  }
}

void FieldLines::MarkNeverIndexed(const http::HeaderList* sources) {
  if (sources == nullptr) return;
  for (const http::HeaderField& source : sources->fields()) {
    if (!source.never_indexed) continue;
    for (nghttp2_nv& field : fields_) {
      const std::string_view name(reinterpret_cast<const char*>(field.name), field.namelen);
      if (http::EqualsIgnoreCase(name, source.name)) field.flags = NGHTTP2_NV_FLAG_NO_INDEX;
    }
  }
}

std::span<const nghttp2_nv> FieldLines::OfResponse(std::string_view head,
                                                   const http::HeaderList* sources) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  Begin(head);
  char* const begin = text_.data();
  char* const end = begin + text_.size();
  HOLDFAST_CHECK(head.starts_with(kVersion));
  Add(":status", Text(begin + kVersion.size(), begin + kVersion.size() + 3));
  AddLines(Find(begin, end, '\n') + 1, end);
  MarkNeverIndexed(sources);
  return fields_;
}

std::span<const nghttp2_nv> FieldLines::OfRequest(std::string_view head, std::string_view scheme,
                                                  const http::HeaderList* sources) {
  return OfAnyRequest(head, scheme, /*tunnel=*/false, sources);
}

std::span<const nghttp2_nv> FieldLines::OfTunnel(std::string_view head, std::string_view scheme,
                                                 const http::HeaderList* sources) {
  return OfAnyRequest(head, scheme, /*tunnel=*/true, sources);
}

std::span<const nghttp2_nv> FieldLines::OfAnyRequest(std::string_view head, std::string_view scheme,
                                                     bool tunnel, const http::HeaderList* sources) {
  Begin(head);
  of_request_ = true;
  tunnel_ = tunnel;
  char* const begin = text_.data();
  char* const end = begin + text_.size();
  char* const method_end = Find(begin, end, ' ');
  char* const target_end = Find(method_end + 1, end, ' ');
  const std::string_view method = tunnel ? "CONNECT" : Text(begin, method_end);
  const bool connect = !tunnel && method == "CONNECT";
  Add(":method", method);
  if (!connect) {
    Add(":scheme", scheme);
    Add(":path", Text(method_end + 1, target_end));
  }
  // What is known only after the lines has its place before them.
  const size_t authority = fields_.size();
  Add(":authority", {});
  if (tunnel) Add(":protocol", {});
  AddLines(Find(target_end, end, '\n') + 1, end);
  MarkNeverIndexed(sources);
  if (tunnel) Fill(authority + 1, upgrade_);
  Fill(authority, host_);
  if (host_.empty()) fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(authority));
  return fields_;
}

std::span<const nghttp2_nv> FieldLines::OfTrailers(std::string_view lines) {
  Begin(lines);
  AddLines(text_.data(), text_.data() + text_.size());
  return fields_;
}

void FieldLines::Write(const http::HeaderList& trailers, std::string* lines) {
  lines->clear();
  for (const http::HeaderField& field : trailers.fields()) {
    if (field.dropped || field.name.starts_with(':')) continue;
    *lines += field.name;
    *lines += ':';
    *lines += field.never_indexed ? kNeverIndexed : ' ';
    *lines += field.value;
    *lines += "\r\n";
  }
  if (!lines->empty()) *lines += "\r\n";
}

}  // namespace holdfast::http2
