#ifndef HOLDFAST_GATEWAY_HTTP_HEAD_CHECK_H_
#define HOLDFAST_GATEWAY_HTTP_HEAD_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/header_list.h"

namespace holdfast::http {

// The gateway's own strict look at a head's bytes, before the parser sees them: lines end with
// CRLF, names are tokens, no stray control byte is anywhere (RFC 9112 sections 2.2, 3, 4 and 5).
// Pure functions over bytes that hold the whole head; they run once per message, on the hot path.

// A method longer than this is none that anybody knows (RFC 9112 section 3: 501). The longest that
// is registered has 17 letters.
inline constexpr size_t kMaxMethodBytes = 32;

struct RequestLine {
  std::string_view method;
  std::string_view target;
  int minor_version = 0;  // of HTTP/1.x
  size_t bytes = 0;       // the line's, with its CRLF
};
Refusal CheckRequestLine(std::string_view bytes, size_t max_target_bytes, RequestLine* line);

struct StatusLine {
  int status = 0;         // 100-999
  int minor_version = 0;  // of HTTP/1.x
  std::string_view reason;
  size_t bytes = 0;
};
// A status line without a reason may lack the space before it as well; many servers write it so.
Refusal CheckStatusLine(std::string_view bytes, StatusLine* line);

// Field lines up to the empty line, which has to end `bytes`. Counts the fields.
Refusal CheckFieldLines(std::string_view bytes, size_t max_fields, size_t* fields);
// The same, and lists them. On refusal `headers` holds the fields before it.
Refusal ListFieldLines(std::string_view bytes, size_t max_fields, HeaderList* headers);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_HEAD_CHECK_H_
