#ifndef HOLDFAST_GATEWAY_HTTP2_FIELD_LINES_H_
#define HOLDFAST_GATEWAY_HTTP2_FIELD_LINES_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/header_list.h"

namespace holdfast::http2 {

// The other way: a head as http/serializer writes it, as the fields of HTTP/2. So which fields go
// on, and what is added, is decided in one place for every protocol. Names become lower-case, the
// start line and Host become pseudo-fields, and what frames an HTTP/1 message is left out (RFC 9113
// sections 8.2 and 8.3).
//
// Used again and again; the fields are good until the next call. One thread.
class FieldLines {
 public:
  // `head`: a whole response head, line ends included. `sources`, here and below: which of its
  // fields are never indexed (RFC 7541 section 6.2.3); null: none.
  std::span<const nghttp2_nv> OfResponse(std::string_view head,
                                         const http::HeaderList* sources = nullptr);
  // `head`: a whole request head; `scheme` is that of the connection.
  std::span<const nghttp2_nv> OfRequest(std::string_view head, std::string_view scheme,
                                        const http::HeaderList* sources = nullptr);
  // The same of a GET that asks for an upgrade: as an extended CONNECT (RFC 8441 section 4).
  std::span<const nghttp2_nv> OfTunnel(std::string_view head, std::string_view scheme,
                                       const http::HeaderList* sources = nullptr);
  // `lines`: as Write makes them.
  std::span<const nghttp2_nv> OfTrailers(std::string_view lines);
  // Those that are not dropped; empty when there are none.
  static void Write(const http::HeaderList& trailers, std::string* lines);
  // Keeps no more than a little memory.
  void Clear();

 private:
  static constexpr size_t kKeptBytes = 4 * 1024;

  void Begin(std::string_view head);
  void Add(std::string_view name, std::string_view value);
  void Fill(size_t place, std::string_view value);
  std::span<const nghttp2_nv> OfAnyRequest(std::string_view head, std::string_view scheme,
                                           bool tunnel, const http::HeaderList* sources);
  // The lines behind the start line, which end with an empty one.
  void AddLines(char* at, char* end);
  void MarkNeverIndexed(const http::HeaderList* sources);

  std::string text_;
  std::vector<nghttp2_nv> fields_;
  // Of a request's lines: what becomes a pseudo-field.
  bool of_request_ = false;
  bool tunnel_ = false;
  std::string_view host_;
  std::string_view upgrade_;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_FIELD_LINES_H_
