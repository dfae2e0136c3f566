#ifndef HOLDFAST_GATEWAY_PROXY_HTTP2_SESSION_H_
#define HOLDFAST_GATEWAY_PROXY_HTTP2_SESSION_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "gateway/http2/server_session.h"
#include "gateway/proxy/exchange.h"
#include "gateway/proxy/session.h"
#include "pool/net/connection.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/peer_ip.h"
#include "pool/net/proxy_header.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

class Http2Session;

// One request of a session while it is served. Kept for reuse by the worker's context; loop thread.
class Http2Serving final : public ExchangeOwner, public pool::ListNode<Http2Serving> {
 public:
  explicit Http2Serving(WorkerContext* context) : exchange(context) {}

  void OnExchangeOver() override;

  Http2Session* session = nullptr;
  http2::ServerStream* stream = nullptr;
  Exchange exchange;
};

// What the HTTP/2 sessions of one worker share. Owned by its context; loop thread.
class Http2Means final : public http2::ServerMeans {
 public:
  explicit Http2Means(WorkerContext* context) : context_(context) {}

  std::string_view Date() override;
  pool::FreeList<Http2Serving>& servings() { return servings_; }

 private:
  WorkerContext* context_;
  pool::FreeList<Http2Serving> servings_;
};

// One client's HTTP/2 connection: an exchange for each of its streams, and the connection's life
// around them: rest, age, drain and the limits of what a client may leave undone.
//
// Loop thread. Owns its connection.
class Http2Session final : public Session, private http2::SessionOwner {
 public:
  // Between the two steps of a goodbye: streams that the client has opened meanwhile are served.
  static constexpr pool::Duration kGoodbyeStep = std::chrono::seconds(1);
  // After our end: how long the client's bytes are read and thrown away, lest a reset overtakes
  // what was sent last.
  static constexpr pool::Duration kLingerTime = std::chrono::seconds(2);

  ~Http2Session() override;

  // Goes on with an established connection, with the place that `before` had. Bytes may have come
  // already. `ends` as for Http1Session.
  static void TakeOver(Session& before, pool::Connection&& connection,
                       const pool::ProxiedEnds& ends);

  void BeginDrain() override;
  void AskToLeave() override { BeginDrain(); }
  bool Cut() override;
  void OnReconfigured() override;
  bool GiveWay() override;
  pool::TimePoint idle_since() const override { return idle_since_; }

 private:
  enum class Phase : uint8_t {
    kOpen,
    kLeaving,  // the client was told that the end is near
    kLeft,     // and which stream was the last
    kLinger,   // our end is sent; the client's bytes are thrown away
    kClosed,
  };
  friend class Http2Serving;

  Http2Session(Listener* listener, pool::Connection&& connection, const pool::ProxiedEnds& ends);

  void MoveTo(Phase next);
  void OnConnectionReady() override;
  void OnSessionNews() override;
  void FollowConfig();
  // Serves the streams that have news, then looks where the connection stands.
  void ServeStreams();
  void Begin(http2::ServerStream& stream);
  void Advance(Http2Serving& serving);
  void Follow(Http2Serving& serving, Exchange::Step step);
  void EndExchange(Http2Serving& serving);
  void LookAtEnd();
  void CountGlitches();
  void UpdateIdle();

  void OnTimer(pool::TimePoint now);
  pool::TimePoint Deadline();
  void WakeBy(pool::TimePoint deadline);
  bool BeingAnswered() const;
  // After the goodbye only answers are left, for which the client makes no room.
  bool LeftUntaken() const { return phase_ == Phase::kLeft && servings_.empty(); }
  pool::TimePoint LeftSince() const { return std::max(idle_since_, phase_since_); }
  bool Stalled(pool::TimePoint now);
  // Takes no more streams after those that are on their way.
  void SayGoodbye(std::string_view reason);
  void BeginLinger(std::string_view reason);
  void Linger();
  // All streams are lost, and the exchanges of them end.
  void LoseStreams();
  std::string_view EndOfConnection() const;
  void Close(std::string_view reason);

  pool::PeerIp ip_;
  Phase phase_ = Phase::kOpen;
  bool trusted_ = false;
  bool unnamed_ = false;
  bool announced_ = false;
  std::string_view end_reason_;  // once the phase is not kOpen
  std::array<char, pool::PeerIp::kMaxText> ip_room_;
  std::string_view ip_text_;
  pool::TimePoint accepted_at_;
  pool::TimePoint idle_since_;
  pool::TimePoint expires_at_;
  pool::TimePoint phase_since_;
  pool::TimePoint sent_at_;  // when the connection last took something, or was given the first
  uint64_t sent_ = 0;        // bytes by then
  bool out_waits_ = false;   // something was there for it to take, when last looked at
  uint64_t requests_ = 0;
  uint32_t max_requests_ = 0;
  uint32_t config_seen_ = 0;
  pool::Connection connection_;
  http2::ServerSession session_;
  pool::IntrusiveList<Http2Serving> servings_;
  pool::MemberTimer<Http2Session, &Http2Session::OnTimer> timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_HTTP2_SESSION_H_
