#ifndef HOLDFAST_GATEWAY_PROXY_HTTP1_SESSION_H_
#define HOLDFAST_GATEWAY_PROXY_HTTP1_SESSION_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "gateway/http/parser.h"
#include "gateway/http/persistence.h"
#include "gateway/http1/server_stream.h"
#include "gateway/proxy/exchange.h"
#include "gateway/proxy/intake.h"
#include "gateway/proxy/session.h"
#include "pool/connection_tie.h"
#include "pool/net/connection.h"
#include "pool/net/socket_address.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

// One client's HTTP/1 connection between its exchanges: finds the end of each head, runs one
// exchange at a time (what is pipelined waits in the input buffer), and keeps the connection or
// ends it. At rest it holds no buffer, no stream and no exchange.
//
// Loop thread. Owns its connection and, while one runs, the stream and the exchange.
class Http1Session final : public Session,
                           private pool::ConnectionEvents,
                           private http1::ServerTerms,
                           private ExchangeOwner {
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

  // Starts serving an established connection; the session is on its own from here. The listener
  // holds a place for it.
  static void Start(Listener* listener, std::unique_ptr<pool::Connection> connection,
                    const pool::SocketAddress& peer);
  // The same, with the place that `intake` had. Bytes may have come already.
  static void TakeOver(Intake& intake, std::unique_ptr<pool::Connection> connection,
                       const pool::SocketAddress& peer);
  ~Http1Session() override;

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

  Http1Session(Listener* listener, std::unique_ptr<pool::Connection> connection,
               const pool::SocketAddress& peer);

  void MoveTo(Phase next);
  void OnConnectionReady() override;
  void OnReadyInExchange();
  // Tells the exchange that the client has ended, if it has.
  Exchange::Step TellOfEnd();

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
  // Ends the exchange if it is over.
  void Follow(Exchange::Step step);
  void OnExchangeOver() override;
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

  void OnTimer(pool::TimePoint now);
  pool::TimePoint Deadline() const;
  pool::TimePoint HeadDeadline() const;
  void OnDeadline();
  // Makes sure that OnTimer comes at `deadline` or before.
  void WakeBy(pool::TimePoint deadline);

  // What the streams ask.
  Terms terms() const override;
  std::string_view Date() override;

  std::string_view client_ip() const { return {ip_.data(), ip_length_}; }

  // Owned while it runs, with its stream.
  Exchange* exchange_ = nullptr;
  http1::ServerStream* stream_ = nullptr;
  std::unique_ptr<pool::Connection> connection_;
  pool::ConnectionTie tie_;  // to the upstream connection that has authenticated this client
  http::HeadScanner scanner_;
  pool::TimePoint accepted_at_;
  pool::TimePoint phase_since_;  // kIdle: last activity; kHead: first byte; kLinger: begun
  union {
    pool::TimePoint expires_at_;       // after this no further request
    pool::TimePoint linger_progress_;  // kLinger, after which none comes
  };
  uint32_t requests_ = 0;  // served, the present one included
  uint32_t max_requests_;  // what comes after so many is not served
  pool::MemberTimer<Http1Session, &Http1Session::OnTimer> timer_{this};
  std::array<char, 46> ip_;
  uint8_t ip_length_ = 0;
  Phase phase_ = Phase::kIdle;
  http::ClientPersistence persistence_ = http::ClientPersistence::kKeep;
  bool trusted_ : 1 = false;
  bool more_at_hand_ : 1 = false;  // work was left for later that no readiness will tell of
  bool head_timed_out_ : 1 = false;
  http::EmptyLineSkipper empty_lines_;  // between two requests
  uint32_t config_seen_ = 0;            // the listener's generation that the limits are from
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HTTP1_SESSION_H_
