#ifndef HOLDFAST_TESTS_SUPPORT_HTTP_MESSAGE_H_
#define HOLDFAST_TESTS_SUPPORT_HTTP_MESSAGE_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/wire_socket.h"

namespace holdfast::support {

using Fields = std::vector<std::pair<std::string, std::string>>;

// One HTTP/1 message as a test saw it on the wire.
struct Message {
  std::string head;  // every byte of it, with the empty line
  std::string start_line;
  Fields fields;     // in order, names and values as they came
  std::string body;  // without its framing
  Fields trailers;
  std::vector<size_t> chunks;  // the sizes in which a chunked body came
  bool chunked = false;
  bool until_close = false;  // the body's end was the connection's

  int Status() const;          // 0 when it is no response
  std::string Method() const;  // of a request
  std::string Target() const;

  // Names are compared without regard to case. Value: of the first; "" when there is none.
  bool Has(std::string_view name) const { return Count(name) > 0; }
  size_t Count(std::string_view name) const;
  std::string Value(std::string_view name) const;
  std::optional<std::string> Trailer(std::string_view name) const;
  // Whether the head has exactly this line.
  bool HasLine(std::string_view line) const;
};

// What can be read from a connection, strictly: a message that RFC 9112 forbids a sender to send
// fails the test. An empty Message is returned when none came.

// A head alone; the body's bytes stay to be read.
Message ReadHead(WireSocket& socket);
// The body that belongs to a request's head.
void ReadRequestBody(WireSocket& socket, Message* message);
Message ReadRequest(WireSocket& socket);
// A response, interim (1xx) ones as well, to a request of `method`.
Message ReadResponse(WireSocket& socket, std::string_view method = "GET");
// Of a chunked body the next chunk's data; empty for the last, whose trailers are then read.
std::string ReadChunk(WireSocket& socket, Message* message);

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_HTTP_MESSAGE_H_
