#ifndef HOLDFAST_TESTS_GATEWAY_HTTP2_SUPPORT_SESSION_HARNESS_H_
#define HOLDFAST_TESTS_GATEWAY_HTTP2_SUPPORT_SESSION_HARNESS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http2/server_session.h"
#include "pool/net/connection.h"
#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/manual_clock.h"

namespace holdfast::http2 {

// A frame as it is on the wire (RFC 9113 section 4.1).
std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload);
http::ResponseHead HeadOf(uint16_t status, http::BodyKind body, uint64_t length = 0);

struct HarnessOptions {
  Limits limits;
  support::Http2Client::Options client;
  bool answers = false;  // each request at once, with "ok"
};

// A server's session on a manual clock, and a client of nghttp2's on the other end of a pair of
// sockets. Nothing happens but in Turn. One thread.
class SessionHarness final : public ServerMeans,
                             public SessionOwner,
                             public pool::ConnectionEvents {
 public:
  explicit SessionHarness(const HarnessOptions& options = {});
  ~SessionHarness();

  // The client sends, the session turns, the client reads.
  void Turn();
  void Turns(int n);
  template <class Condition>
  [[nodiscard]] bool TurnUntil(Condition condition) {
    for (int turn = 0; turn < kMaxTurns && !condition(); ++turn) Turn();
    return condition();
  }
  // A request of the client's, once it is here.
  ServerStream* Begin(const support::Http2Request& request, int32_t* id = nullptr);
  // A whole response, `body` with its length.
  void Answer(ServerStream& stream, std::string_view body = "ok");
  void Finish(ServerStream& stream, bool complete = true);
  // What has come of the body is taken.
  std::string TakeBody(ServerStream& stream);

  std::string_view Date() override { return date; }
  void OnConnectionReady() override;
  void OnSessionNews() override;

  pool::ManualClock clock;
  pool::EventLoop loop{&clock};
  pool::SlabPool slabs;
  std::string date;
  bool client_reads = true;
  bool answers;
  int news = 0;
  std::vector<ServerStream*> ready;  // as they were given, until a test clears it
  std::vector<ServerStream*> live;   // of those not finished
  std::vector<ServerStream*> begun;  // of those, whose head has come
  std::unique_ptr<pool::Connection> connection;
  std::unique_ptr<ServerSession> session;
  std::unique_ptr<support::Http2Client> client;
  stream::BodyStep last;  // of TakeBody

 private:
  static constexpr int kMaxTurns = 2'000;
  void Look();
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_TESTS_GATEWAY_HTTP2_SUPPORT_SESSION_HARNESS_H_
