#ifndef HOLDFAST_TESTS_GATEWAY_HTTP2_SUPPORT_HTTP2_CLIENT_H_
#define HOLDFAST_TESTS_GATEWAY_HTTP2_SUPPORT_HTTP2_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/wire_socket.h"

namespace holdfast::support {

using Http2Fields = std::vector<std::pair<std::string, std::string>>;

struct Http2Request {
  std::string path = "/";
  std::string method = "GET";
  std::string authority = "test";
  Http2Fields fields;
  std::optional<std::string> body;  // nullopt: none
  Http2Fields trailers;
  bool open = false;          // more of the body follows, by SendBody
  Http2Fields pseudo_fields;  // instead of the usual ones, unless empty
};

struct Http2Response {
  // The value of the first such field; "" when there is none.
  std::string Value(std::string_view name) const;
  int Status() const;

  std::vector<Http2Fields> interim;
  Http2Fields head;
  std::string body;
  Http2Fields trailers;
  bool ended = false;             // in order
  std::optional<uint32_t> reset;  // by this code
};

// A client's end of an HTTP/2 connection in clear, by nghttp2. Waits with deadlines; what does not
// come in time fails the test. One thread.
class Http2Client {
 public:
  struct Options {
    uint32_t stream_window = 65'535;
    uint32_t connection_window = 16 * 1024 * 1024;
    bool reads_bodies = true;  // else windows are not opened again
    uint32_t padding = 0;      // of each DATA frame
  };
  explicit Http2Client(std::string_view address) : Http2Client(address, Options{}) {}
  Http2Client(std::string_view address, const Options& options);
  Http2Client(WireSocket wire, const Options& options);
  ~Http2Client();

  // Queued; leaves with the next Flush or wait.
  int32_t Send(const Http2Request& request);
  void SendBody(int32_t stream, std::string_view bytes, bool last);
  void Reset(int32_t stream, uint32_t code);
  // PRIORITY_UPDATE (RFC 9218 section 7.1), at once, of a stream that may be still to come.
  void Prioritise(int32_t stream, std::string_view priority);
  void Flush();
  // The same without waiting: what the socket does not take leaves with the next call.
  void SendWhatFits();
  // What the socket has now, without waiting.
  void TakeWhatIsThere();
  void Ping();
  void Leave();  // GOAWAY
  // Bytes that are no frames of nghttp2's making.
  void SendRaw(std::string_view bytes);

  // The whole response, or how the stream was reset.
  const Http2Response& Await(int32_t stream);
  Http2Response Get(const std::string& path) { return Await(Send({.path = path})); }
  // What has come of it by now.
  const Http2Response& At(int32_t stream);
  // Waits until the response's head is there.
  void AwaitHead(int32_t stream);
  void AwaitBody(int32_t stream, size_t bytes);
  // Opens the windows by so much.
  void Grant(int32_t stream, size_t bytes);
  void GrantConnection(size_t bytes);
  // How much the peer lets us send now; stream 0 is the connection.
  int32_t Room(int32_t stream) const;
  // Bytes of a body that have not left.
  size_t Unsent(int32_t stream) const;

  // Waits for the peer's goodbye: its code. `last`: the last stream that it serves.
  uint32_t AwaitGoaway(int32_t* last = nullptr);
  // Waits for the connection's end.
  void AwaitEnd();
  bool ended() const;
  // Code and last stream of each GOAWAY that has come by now.
  const std::vector<std::pair<uint32_t, int32_t>>& goaways() const;
  // Answers to Ping that have come by now.
  int pongs() const;
  // The peer's SETTINGS_MAX_CONCURRENT_STREAMS.
  uint32_t AwaitMaxStreams();
  WireSocket& wire();

 private:
  struct State;

  template <class Condition>
  void Await(const char* what, Condition condition);
  bool Read();

  std::unique_ptr<State> state_;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_GATEWAY_HTTP2_SUPPORT_HTTP2_CLIENT_H_
