#ifndef HOLDFAST_GATEWAY_HTTP_PARSER_H_
#define HOLDFAST_GATEWAY_HTTP_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/http/framing.h"
#include "gateway/http/message.h"

namespace holdfast::http {

// Bounds on a head; beyond them the message is refused (431 or 414).
struct HeadLimits {
  size_t head_bytes = 32 * 1024;
  size_t fields = 100;
  size_t uri_bytes = 8 * 1024;
};

// Empty lines that are ignored before one request. RFC 9112 section 2.2 asks for "at least one".
inline constexpr size_t kMaxLeadingEmptyLines = 16;

// Options a message's Connection fields may list together, so that dropping the fields they name
// stays cheap.
inline constexpr size_t kMaxConnectionOptions = 32;

// Finds the end of a head in bytes that arrive in pieces, looking at each byte once. Refuses early
// what cannot become a head (a binary protocol, an endless line). The answer is the same however
// the bytes were split. One per message; belongs to the connection's thread.
class HeadScanner {
 public:
  enum class Status { kIncomplete, kComplete, kRefused };
  struct Result {
    Status status = Status::kIncomplete;
    size_t head_bytes = 0;  // kComplete: including the empty line
    Refusal refusal = Refusal::kNone;
  };
  // `bytes` starts with the head's first byte and holds everything that has arrived, old and new.
  // Trailer sections are scanned as well: one without fields is complete after its empty line.
  Result Scan(std::string_view bytes, const HeadLimits& limits);
  void Reset() { scanned_ = 0; }

 private:
  uint32_t scanned_ = 0;
};

// Takes the empty lines before a request line off a connection's bytes (RFC 9112 section 2.2). The
// answer is the same however the bytes were split, even between CR and LF, and nothing has to be
// held for it. One per connection, on its thread.
class EmptyLineSkipper {
 public:
  struct Result {
    size_t bytes = 0;  // to be consumed: they belong to empty lines
    Refusal refusal = Refusal::kNone;
  };
  // With `bytes` equal to all that was given, what follows may be an empty line as well.
  Result Skip(std::string_view bytes);
  // A head has begun.
  void Reset() { *this = EmptyLineSkipper(); }

 private:
  bool after_cr_ = false;
  uint8_t lines_ = 0;
};

// When llhttp is asked about a head that our own checks have passed: not about an ordinary one, of
// which its answer is known to be the same, or, as the differential fuzzer does, always.
enum class SecondOpinion { kWhenUnusual, kAlways };

// Parse one complete head (as HeadScanner found it) in one call, strictly: our own checks before
// and after llhttp's, if that is asked. The views of `head` point into `bytes`. kNone on success;
// on refusal `head` is unspecified. Pure but for the memory `head` keeps; allocates only while its
// list grows.
Refusal ParseRequestHead(std::string_view bytes, const HeadLimits& limits, RequestHead* head,
                         SecondOpinion opinion = SecondOpinion::kWhenUnusual);
// `request_method` decides whether there is a body (RFC 9112 section 6.3).
Refusal ParseResponseHead(std::string_view bytes, const HeadLimits& limits, Method request_method,
                          ResponseHead* head, SecondOpinion opinion = SecondOpinion::kWhenUnusual);
// A trailer section after a chunked body: field lines up to and including the empty line. Fields
// that must not be in a trailer (framing, routing, authentication: RFC 9110 section 6.5.1) are
// marked dropped.
Refusal ParseTrailers(std::string_view bytes, const HeadLimits& limits, HeaderList* trailers);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_PARSER_H_
