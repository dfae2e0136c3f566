#ifndef HOLDFAST_GATEWAY_HTTP_SERIALIZER_H_
#define HOLDFAST_GATEWAY_HTTP_SERIALIZER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/forwarded.h"
#include "gateway/http/hops.h"
#include "gateway/http/message.h"
#include "pool/net/buffer.h"

namespace holdfast::http {

// What the gateway adds to a forwarded request.
struct ForwardedFacts {
  std::string_view client_ip;        // of the peer; empty when it has none (a UNIX socket)
  std::string_view scheme = "http";  // as the client connected
  bool trust_client = false;  // keep X-Forwarded-* and Forwarded it sent; else they are replaced
  // Whom a trusted client speaks for, where that is somebody else.
  std::string_view origin;
  // The list in which it says so, kForwarded or kXForwardedFor. What it says in the other one is
  // left out, or replaced when that is written. kOther: neither is believed.
  FieldId believed = FieldId::kXForwardedFor;
  ForwardedFields written = kUsualForwardedFields;
  uint16_t port = 0;         // that the client connected to; 0: not known
  bool te_trailers = false;  // the client takes trailers
  std::string_view via_name = kViaName;
  std::string_view default_host;  // Host of an HTTP/1.0 request that came without one
  std::string_view host;          // in place of the request's; empty: that
  std::string_view target;        // in place of the request's path and query; empty: those
  // Whole field lines with their line ends: who the client is by its certificate.
  std::string_view identity;
};

// Writes the request as the upstream gets it: origin-form (or asterisk-form), HTTP/1.1, Host first,
// the fields that are not dropped with their bytes and case as received, framing from head.body,
// Via appended (RFC 9110 section 7.6.3), the fields of `facts.written`, and Connection: upgrade
// when `head.connection_upgrade`. X-Forwarded-For and Forwarded go out as one field each with the
// client last. The other X-Forwarded-* fields of a trusted client, and the list it is believed in
// where that is not written, are kept; those of an untrusted one are left out.
//
// The caller has called DropHopHeaders on the head. Even so, fields that the serializer writes
// itself are never copied.
void SerializeRequestHead(const RequestHead& head, const ForwardedFacts& facts, pool::Buffer* out);

struct ResponseFraming {
  Version client_version = Version::kHttp11;
  BodyKind body = BodyKind::kNone;  // how the body goes to this client
  uint64_t content_length = 0;
  bool send_length = false;  // write Content-Length (also for HEAD and 304, where no body follows)
  bool close = false;        // Connection: close
  bool keep_alive_10 = false;  // Connection: keep-alive to an HTTP/1.0 client
  bool upgrade = false;        // 101 and 426: Upgrade goes on
  std::string_view date;       // IMF-fixdate, written when the upstream sent none
};
// Writes the status line (HTTP/1.1), the fields that are not dropped, Via, Date when it is missing,
// and the given framing. A kLength body gets its Content-Length with or without send_length.
void SerializeResponseHead(const ResponseHead& head, const ResponseFraming& framing,
                           std::string_view via_name, pool::Buffer* out);

// Writes a chunk's header for `bytes` (> 0) of data. The caller appends the data, then calls
// AppendChunkEnd.
void AppendChunkHeader(size_t bytes, pool::Buffer* out);
void AppendChunkEnd(pool::Buffer* out);
// Writes the last chunk with the trailers that are not dropped; null: there are none.
void AppendLastChunk(const HeaderList* trailers, pool::Buffer* out);

// Writes "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970 (RFC 9110 section 5.6.7) in the
// years 1970 to 9999. `out` has room for kDateBytes; no NUL is written.
inline constexpr size_t kDateBytes = 29;
void FormatDate(int64_t unix_seconds, char* out);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_SERIALIZER_H_
