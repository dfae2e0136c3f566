#ifndef HOLDFAST_GATEWAY_PROXY_PLAIN_NOTICE_H_
#define HOLDFAST_GATEWAY_PROXY_PLAIN_NOTICE_H_

#include <chrono>
#include <string_view>

#include "gateway/proxy/session.h"
#include "pool/net/connection.h"
#include "pool/net/socket.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

// A client that speaks plain HTTP where TLS is spoken, and is told so in its own tongue: this
// session from then on. What it still sends is thrown away for a while, since to close over unread
// bytes would be a reset, and that takes away from the client what it was told (RFC 9112 section
// 9.6).
class PlainNotice final : public Session {
 public:
  static constexpr pool::Duration kPatience = std::chrono::seconds(2);
  // Reads per turn.
  static constexpr int kRounds = 4;

  // Of a client that `intake`, which is in no list of the idle, has held the place for until now.
  // False: nobody can tell it anything, the socket is closed, and `intake` goes on.
  static bool TakeOver(Session& intake, pool::FileDescriptor socket, std::string_view notice);

  void BeginDrain() override {}
  bool Cut() override;
  void OnReconfigured() override {}
  bool GiveWay() override;
  pool::TimePoint idle_since() const override { return began_at_; }

 private:
  PlainNotice(Listener* listener, pool::FileDescriptor socket);

  void OnConnectionReady() override { HearOut(); }
  void OnTimer(pool::TimePoint now);
  void Tell(std::string_view notice);
  void HearOut();
  void Close(SessionEnd reason);

  pool::Connection connection_;
  pool::TimePoint began_at_;
  pool::MemberTimer<PlainNotice, &PlainNotice::OnTimer> timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_PLAIN_NOTICE_H_
