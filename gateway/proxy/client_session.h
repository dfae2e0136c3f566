#ifndef HOLDFAST_GATEWAY_PROXY_CLIENT_SESSION_H_
#define HOLDFAST_GATEWAY_PROXY_CLIENT_SESSION_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/http/parser.h"
#include "gateway/http/persistence.h"
#include "gateway/proxy/body_reader.h"
#include "gateway/proxy/context.h"
#include "gateway/proxy/exchange.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/stream.h"
#include "pool/connection_tie.h"
#include "pool/net/connection.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/socket.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

// How a client's connection ended when no exchange decided it. The names are metric label values,
// beside those of http::ClientPersistence.
enum class SessionEnd : uint8_t {
  kClientClosed,
  kClientReset,
  kIdleTimeout,
  kHeadTimeout,
  kExchangeCut,  // an exchange broke off, and so did the connection
  kDrained,
  kIdleEvicted,  // at a cap it gave way to a newcomer
  kUpgraded,     // the tunnel that it became has ended
};
std::string_view SessionEndName(SessionEnd end);

// One client's HTTP/1 connection: reads heads, runs one exchange at a time (what is pipelined waits
// in the input buffer), and decides whether the connection is kept. At rest it holds no buffer and
// no exchange.
//
// Loop thread. Owns its connection and, while one runs, the exchange. Linked into its worker's
// list; destroys itself through the loop's DestroyLater when the connection is closed.
class ClientSession final : public pool::ListNode<ClientSession>,
                            public IdleSession,
                            private pool::ConnectionEvents,
                            private ClientStream {
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

  // Starts serving; the session is on its own from here.
  static void Start(WorkerContext* context, Listener* listener, pool::FileDescriptor socket,
                    const pool::SocketAddress& peer);
  ~ClientSession();

  // Its listener leaves: closes now if at rest, else after the exchange.
  void BeginDrain();
  // The drain's deadline: cuts the connection, whatever it does. True if an exchange was broken
  // off.
  bool Cut();
  // The listener may have other limits now: looks at its deadline again.
  void OnReconfigured();
  // At a cap: closes if idle, in favour of a newcomer. False when it has sent something after all.
  bool GiveWay();
  // While it is idle.
  pool::TimePoint idle_since() const { return phase_since_; }
  Listener* listener() const { return listener_; }

 private:
  enum class Phase : uint8_t {
    kIdle,      // between requests; nothing received
    kHead,      // part of a head received
    kExchange,  // an exchange runs
    kLinger,    // our end is sent; the client's bytes are thrown away
    kClosed,
  };

  ClientSession(WorkerContext* context, Listener* listener, pool::FileDescriptor socket,
                const pool::SocketAddress& peer);

  void MoveTo(Phase next);
  void OnConnectionReady() override;
  void OnReadyInExchange();
  // True if that ended the exchange.
  bool TellOfEnd();

  // Takes heads off the input and starts their exchanges, until one runs on or the input ends.
  void ReadHeads();
  // One step of that; false when nothing more can be done now.
  bool ReadHead();
  void BeginHead();
  void ContinueLater();
  // Takes over what a reload has changed since the last request.
  void FollowConfig();
  // False when nothing more can be read now (or the session is closed).
  bool FillInput();
  http::HeadLimits Limits() const;
  Exchange::Client ExchangeClient();
  void BeginExchange();
  void StartExchange(size_t head_bytes);
  // What came is no head; the exchange that says so has no request.
  void RefuseInput(http::Refusal refusal);
  void OnHeadTimeout();
  void EndAfterExchange(bool complete);
  void EnterIdle();
  void BeginLinger();
  void Linger();
  // Why a connection that is not kept ends.
  std::string_view EndReason() const;
  void Close(std::string_view reason);

  void OnTimer(pool::TimePoint now);
  pool::TimePoint Deadline() const;
  pool::TimePoint HeadDeadline() const;
  void OnDeadline();
  // Makes sure that OnTimer comes at `deadline` or before.
  void WakeBy(pool::TimePoint deadline);

  // ClientStream
  BodyStep NextBody() override;
  http::HeaderList* request_trailers() override { return body_.trailers(); }
  void SendInformational(const http::ResponseHead& head) override;
  void SendHead(const http::ResponseHead& head, const HeadFacts& facts) override;
  void SendBody(pool::Buffer& from, size_t bytes) override;
  void SendBody(std::string_view bytes) override;
  void SendEnd(const http::HeaderList* trailers) override;
  pool::FlushStatus Flush() override { return connection_.Flush(); }
  bool Congested() override;
  bool persists() const override;
  uint64_t bytes_sent() const override;
  uint64_t bytes_received() const override;
  pool::Connection& raw() override;
  void OnExchangeDone(bool complete) override;

  http::ClientPersistence DecidePersistence(bool until_close, bool refused, bool unfinished) const;
  // Whether the client may speak another protocol by now, though nobody will answer it.
  bool MayHaveSwitched() const;
  std::string_view client_ip() const { return {ip_.data(), ip_length_}; }

  // At rest each is one of many: what the listener knows is not kept here.
  WorkerContext* context() const { return listener_->context(); }

  Listener* listener_;
  Exchange* exchange_ = nullptr;  // owned while it runs
  pool::Connection connection_;
  pool::ConnectionTie tie_;  // to the upstream connection that has authenticated this client
  BodyReader body_;
  http::HeadScanner scanner_;
  pool::TimePoint accepted_at_;
  pool::TimePoint phase_since_;  // kIdle: last activity; kHead: first byte; kLinger: begun
  union {
    pool::TimePoint expires_at_;       // after this no further request
    pool::TimePoint linger_progress_;  // kLinger, after which none comes
  };
  uint32_t requests_ = 0;         // served, the present one included
  uint32_t max_requests_;         // what comes after so many is not served
  uint64_t received_before_ = 0;  // of the connection's bytes, those before this exchange
  uint64_t sent_before_ = 0;
  pool::MemberTimer<ClientSession, &ClientSession::OnTimer> timer_{this};
  std::array<char, 46> ip_;
  uint8_t ip_length_ = 0;
  Phase phase_ = Phase::kIdle;
  http::ClientPersistence persistence_ = http::ClientPersistence::kKeep;
  bool counted_active_ : 1 = false;
  bool trusted_ : 1 = false;
  bool chunked_response_ : 1 = false;
  bool congested_ : 1 = false;
  bool upgraded_ : 1 = false;
  bool more_at_hand_ : 1 = false;  // work was left for later that no readiness will tell of
  bool head_timed_out_ : 1 = false;
  bool reading_heads_ : 1 = false;      // ReadHeads is on the stack and goes on by itself
  http::EmptyLineSkipper empty_lines_;  // between two requests
  uint32_t config_seen_ = 0;            // the listener's generation that the limits are from
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_CLIENT_SESSION_H_
