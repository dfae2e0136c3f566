#ifndef HOLDFAST_GATEWAY_HTTP1_BODY_WRITER_H_
#define HOLDFAST_GATEWAY_HTTP1_BODY_WRITER_H_

#include <cstddef>

#include "gateway/http/header_list.h"
#include "pool/net/buffer.h"
#include "pool/net/connection.h"

namespace holdfast::http1 {

// Writes one HTTP/1 message body to a connection in the framing that its head has announced
// (RFC 9112 section 7), or another protocol's bytes after a switch. A plain value, part of what
// belongs to one request; one thread.
class BodyWriter {
 public:
  // Before the body. Without chunks its bytes go out as they are.
  void Start(bool chunked) { chunked_ = chunked; }
  // From here on bytes go out as they are, and Finish ends our side of the connection.
  void Switch() { switched_ = true; }
  bool switched() const { return switched_; }

  // Takes the first `bytes` of `from`.
  void Write(pool::Connection& connection, pool::Buffer& from, size_t bytes);
  // `trailers` may be null.
  void Finish(pool::Connection& connection, const http::HeaderList* trailers);
  pool::FlushStatus Flush(pool::Connection& connection);
  // More is waiting to be written than the high watermark; false again below the low one.
  bool Congested(const pool::Connection& connection);

 private:
  bool chunked_ = false;
  bool switched_ = false;
  bool end_due_ = false;  // our end follows what is to be written
  bool congested_ = false;
};

}  // namespace holdfast::http1

#endif  // HOLDFAST_GATEWAY_HTTP1_BODY_WRITER_H_
