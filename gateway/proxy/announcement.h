#ifndef HOLDFAST_GATEWAY_PROXY_ANNOUNCEMENT_H_
#define HOLDFAST_GATEWAY_PROXY_ANNOUNCEMENT_H_

#include <cstdint>

#include "gateway/proxy/session.h"
#include "pool/net/event_loop.h"
#include "pool/net/proxy_header.h"
#include "pool/net/socket.h"
#include "pool/net/socket_address.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::proxy {

// A client whose proxy says who it is, before TLS and before HTTP: this session until the header is
// there. It takes the header from the socket and not a byte more, so that what comes next is as if
// there had been none. Whoever may not connect here, says something else or takes too long is
// closed, and the reason counted.
class Announcement final : public Session, private pool::EventHandler {
 public:
  // The listener, whose configuration has `proxy_protocol`, holds a place for it.
  static void Accept(Listener* listener, pool::FileDescriptor socket,
                     const pool::SocketAddress& peer);

  void BeginDrain() override;
  bool Cut() override;
  void OnReconfigured() override {}
  bool GiveWay() override;
  pool::TimePoint idle_since() const override { return accepted_at_; }

 private:
  Announcement(Listener* listener, pool::FileDescriptor socket, const pool::SocketAddress& peer);

  void OnEvents(uint32_t events) override;
  void OnConnectionReady() override {}  // It has no connection yet.
  void OnTimer(pool::TimePoint now);
  // Goes on as far as the bytes do. False: it is over.
  bool Read();
  // One step of that. False: no more is there, or it is over.
  bool ReadSome();
  // Whether the rest of the header is there, untaken.
  bool HasRest() const;
  void Watch();
  // The header is whole: the client's session begins.
  void HandOver();
  void Close(SessionEnd reason);
  void Destroy();

  pool::FileDescriptor socket_;
  pool::SocketAddress peer_;
  pool::TimePoint accepted_at_;
  pool::ProxyHeaderReader reader_;
  bool begun_ = false;    // something of the header has come
  bool leaving_ = false;  // in a drain
  bool watched_ = false;  // by the loop
  pool::MemberTimer<Announcement, &Announcement::OnTimer> timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_ANNOUNCEMENT_H_
