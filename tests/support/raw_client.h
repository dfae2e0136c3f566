#ifndef HOLDFAST_TESTS_SUPPORT_RAW_CLIENT_H_
#define HOLDFAST_TESTS_SUPPORT_RAW_CLIENT_H_

#include <string>
#include <string_view>

#include "tests/support/http_message.h"
#include "tests/support/pattern.h"
#include "tests/support/wire.h"
#include "tests/support/wire_socket.h"

namespace holdfast::support {

// A client that sends what the test writes, well formed or not.
class RawClient : public WireSocket {
 public:
  explicit RawClient(std::string_view address, const ConnectOptions& options = {},
                     Wire wire = CurrentWire());

  Message Response(std::string_view method = "GET") { return ReadResponse(*this, method); }
  // Sends a request and reads what answers it.
  Message Exchange(std::string_view request) {
    Send(request);
    return Response(request.substr(0, request.find(' ')));
  }
  // A GET with whole header lines ("A: b\r\n") beside Host.
  Message Get(std::string_view target, std::string_view lines = "");
};

// "GET <target> HTTP/1.1" with "Host: test" and `lines`.
std::string GetRequest(std::string_view target, std::string_view lines = "");
// A POST with Content-Length.
std::string PostRequest(std::string_view target, std::string_view body,
                        std::string_view lines = "");
// One chunk with its size and line ends.
std::string Chunk(std::string_view data);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// A 200 with Content-Length.
std::string OkResponse(std::string_view body, std::string_view lines = "");

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_RAW_CLIENT_H_
