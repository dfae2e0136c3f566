#ifndef HOLDFAST_GATEWAY_PROXY_HTTP1_SESSION_H_
#define HOLDFAST_GATEWAY_PROXY_HTTP1_SESSION_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/http/parser.h"
#include "gateway/http/persistence.h"
#include "gateway/http1/server_stream.h"
#include "gateway/proxy/exchange.h"
#include "gateway/proxy/session.h"
#include "pool/connection_tie.h"
#include "pool/net/connection.h"
#include "pool/net/peer_ip.h"
#include "pool/net/proxy_header.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

class Http1Session;

// What a session needs while it serves a request and not at rest. Kept for reuse by the worker's
// context; loop thread.
class Http1Serving final : public http1::ServerTerms, public ExchangeOwner {
 public:
  explicit Http1Serving(WorkerContext* context) : exchange(context), stream(context->slabs) {}

  Terms terms() const override;
  std::string_view Date() override;
  void OnExchangeOver() override;

  Http1Session* session = nullptr;
  Exchange exchange;
  http1::ServerStream stream;
  std::array<char, pool::PeerIp::kMaxText> ip;
};

// One client's HTTP/1 connection between its exchanges: finds the end of each head, runs one
// exchange at a time (what is pipelined waits in the input buffer), and keeps the connection or
// ends it. At rest it holds no buffer, no stream and no exchange.
//
// Loop thread. Owns its connection and, while an exchange runs, what serves it. Lies in memory of
// its worker's context.
class Http1Session final : public Session, private pool::Timer {
 public:
  // After a response that the client may not have read while it still sends: how long its bytes
  // are read and thrown away, at most, before the socket is closed.
  static constexpr pool::Duration kLingerTotal = std::chrono::seconds(10);
  static constexpr pool::Duration kLingerStall = std::chrono::seconds(2);
  // Reads per turn while lingering.
  static constexpr int kLingerRounds = 4;
  // A head that is under way when its listener leaves is worth so much time: nothing has begun that
  // the client could not ask for again elsewhere.
  static constexpr pool::Duration kLeavingHeadPatience = std::chrono::seconds(1);
  // Reads, heads and runs of empty lines handled in one go, so that a client that sends without a
  // pause does not hold up the others.
  static constexpr int kMaxReadSteps = 64;

  // Starts serving a plain client that was accepted; the session is on its own from here, and may
  // be over already. The listener holds a place for it. A client whose request has come by now
  // costs the loop nothing until it is waited for.
  static void Start(Listener* listener, pool::FileDescriptor socket,
                    const pool::SocketAddress& peer);
  // The same of an established connection, with the place that `before` had. Bytes may have come
  // already. Ends with a destination are what a PROXY header said; else only the peer is known,
  // which is not trusted when it asks for somebody unnamed.
  static void TakeOver(Session& before, pool::Connection&& connection,
                       const pool::ProxiedEnds& ends);

  void BeginDrain() override;
  bool Cut() override;
  void OnReconfigured() override;
  bool GiveWay() override;
  pool::TimePoint idle_since() const override { return phase_since_; }

 private:
  enum class Phase : uint8_t {
    kIdle,      // between requests; nothing received
    kHead,      // part of a head received
    kExchange,  // an exchange runs
    kLinger,    // our end is sent; the client's bytes are thrown away
    kClosed,
  };

  friend class Http1Serving;

  Http1Session(Listener* listener, pool::Connection&& connection, const pool::SocketAddress& peer);
  ~Http1Session() override;
  // In its context's memory.
  static Http1Session* Make(Listener* listener, pool::Connection&& connection,
                            const pool::SocketAddress& peer);
  static void Destroy(void* session);

  // Of a client that was just accepted: reads what has come, if that is often something, and has
  // the loop watch the rest.
  void Begin();
  // Has the loop watch the socket; false when the kernel does not.
  bool Watch();
  void MoveTo(Phase next);
  void OnConnectionReady() override;
  void OnReadyInExchange();
  // Tells the exchange that the client has ended, if it has.
  Exchange::Step TellOfEnd();

  // Takes heads off the input and starts their exchanges, until one runs on or the input ends; what
  // is there of a head then waits for the rest.
  void ReadHeads();
  void TakeHeads();
  // One step of that; false when nothing more can be done now.
  bool ReadHead();
  void BeginHead();
  void ContinueLater();
  // Takes over what a reload has changed since the last request.
  void FollowConfig();
  // False when nothing more can be read now (or the session is closed).
  bool FillInput();
  http::HeadLimits Limits() const;
  void BeginExchange();
  void StartExchange(size_t head_bytes);
  bool BeginsHttp2();
  void GoOnAsHttp2();
  // What came is no head; the exchange that says so has no request.
  void RefuseInput(http::Refusal refusal);
  void OnHeadTimeout();
  // Ends the exchange if it is over.
  void Follow(Exchange::Step step);
  void OnExchangeOver();
  void EndExchange();
  void EndAfterExchange(bool complete, bool switched, bool request_finished);
  void EnterIdle();
  // At rest; false when something was sent after all.
  bool CloseIfQuiet(SessionEnd reason);
  void BeginLinger();
  void Linger();
  // Why a connection that is not kept ends.
  std::string_view EndReason() const;
  void Close(std::string_view reason);

  void OnTimer(pool::TimePoint now) override;
  pool::TimePoint Deadline() const;
  pool::TimePoint HeadDeadline() const;
  void OnDeadline();
  // True: the deadline does not hold any more.
  bool CameInTime();
  // Makes sure that OnTimer comes at `deadline` or before.
  void WakeBy(pool::TimePoint deadline);

  http1::ServerTerms::Terms Terms() const;

  // The small ones first: they lie in the padding of what comes before.
  pool::PeerIp ip_;
  Phase phase_ = Phase::kIdle;
  http::ClientPersistence persistence_ = http::ClientPersistence::kKeep;
  bool trusted_ : 1 = false;
  bool more_at_hand_ : 1 = false;  // work was left for later that no readiness will tell of
  bool head_timed_out_ : 1 = false;
  bool announced_ : 1 = false;          // its context knows what a PROXY header said
  bool watched_ : 1 = false;            // the loop knows the socket
  bool unnamed_ : 1 = false;            // the peer is a proxy that does not say for whom it asks
  http::EmptyLineSkipper empty_lines_;  // between two requests
  Http1Serving* serving_ = nullptr;     // owned while an exchange runs
  pool::ConnectionTie tie_;  // to the upstream connection that has authenticated this client
  pool::TimePoint accepted_at_;
  pool::TimePoint phase_since_;  // kIdle: last activity; kHead: first byte; kLinger: begun
  union {
    pool::TimePoint expires_at_;       // after this no further request
    pool::TimePoint linger_progress_;  // kLinger, after which none comes
    pool::BlockList* memory_;          // kClosed: its own is from there; its listener may be gone
  };
  http::HeadScanner scanner_;
  uint32_t requests_ = 0;     // served, the present one included
  uint32_t max_requests_;     // what comes after so many is not served
  uint32_t config_seen_ = 0;  // the listener's generation that the limits are from
  pool::Connection connection_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HTTP1_SESSION_H_
