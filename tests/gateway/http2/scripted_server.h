#ifndef HOLDFAST_TESTS_GATEWAY_HTTP2_SCRIPTED_SERVER_H_
#define HOLDFAST_TESTS_GATEWAY_HTTP2_SCRIPTED_SERVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct nghttp2_session;

namespace holdfast::http2 {

using Fields = std::vector<std::pair<std::string, std::string>>;

// A request as the server has it so far.
struct SeenRequest {
  int32_t id = 0;
  Fields fields;
  Fields trailers;
  std::string body;
  uint64_t body_bytes = 0;
  bool ended = false;             // with END_STREAM
  std::optional<uint32_t> reset;  // by the client, with this code
  std::string_view Field(std::string_view name) const;
};

// What a server says of itself.
struct ServerTerms {
  std::optional<uint32_t> max_streams = 100;  // nullopt: it says nothing of it
  bool keeps_bodies = true;
  bool opens_windows = true;  // by itself, as bodies come
  bool greets = true;         // with its settings; else SendSettings does
  bool tunnels = false;       // it takes extended CONNECTs
};

// The peer of a client session: one connection's server, by nghttp2, that does what a test says.
// One thread; Pump moves it on.
class ScriptedServer {
 public:
  // Speaks on `fd`, which is non-blocking and stays the caller's.
  ScriptedServer(int fd, const ServerTerms& terms);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  // Takes and sends what there is. False: the client has ended, or broken the rules.
  bool Pump();
  bool WantsWrite() const;

  // By number of the stream, in the order of arrival.
  std::map<int32_t, SeenRequest> requests;
  // With each request's head, and with its end.
  std::function<void(SeenRequest&)> on_head;
  std::function<void(SeenRequest&)> on_end;
  std::function<void(SeenRequest&)> on_reset;
  // With each stream that is over on both sides.
  std::function<void()> on_close;

  void SendSettings(std::optional<uint32_t> max_streams);
  void Inform(int32_t id, int status, const Fields& fields = {});
  // `end`: the body is complete; `trailers` follow it then.
  void Respond(int32_t id, int status, const Fields& fields = {}, std::string_view body = {},
               bool end = true, const Fields& trailers = {});
  void SendBody(int32_t id, std::string_view body, bool end);
  // Ends the stream with a frame of data, whatever head it has had.
  void EndWithData(int32_t id);
  void Reset(int32_t id, uint32_t code);
  void GoAway(int32_t last, uint32_t code = 0);
  void NoticeOfShutdown();
  // Bytes that wait for window or room.
  size_t Waiting(int32_t id) const;
  bool said_goodbye() const { return said_goodbye_; }
  int pings() const { return pings_; }
  std::optional<uint32_t> goaway() const { return goaway_; }

 private:
  friend struct ServerCallbacks;
  struct Body {
    std::string bytes;
    size_t at = 0;
    bool end = false;
    bool deferred = false;
    Fields trailers;
  };

  int fd_;
  ServerTerms terms_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Body> bodies_;
  std::string out_;
  bool failed_ = false;
  bool said_goodbye_ = false;
  int pings_ = 0;
  std::optional<uint32_t> goaway_;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_TESTS_GATEWAY_HTTP2_SCRIPTED_SERVER_H_
