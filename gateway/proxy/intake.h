#ifndef HOLDFAST_GATEWAY_PROXY_INTAKE_H_
#define HOLDFAST_GATEWAY_PROXY_INTAKE_H_

#include <chrono>
#include <memory>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/proxy/handshakes.h"
#include "gateway/proxy/session.h"
#include "pool/net/connection.h"
#include "pool/net/proxy_header.h"
#include "pool/net/socket.h"
#include "pool/net/socket_address.h"
#include "pool/net/timer_wheel.h"
#include "pool/net/transport.h"

namespace holdfast::proxy {

// Chooses the transport of a client's connection by its listener: the one place that does. Loop
// thread; outlives the sessions.
class ClientTransports {
 public:
  // Takes the socket. Null: the listener's clients speak as they are, and the socket stays.
  virtual std::unique_ptr<pool::Transport> MakeFor(pool::FileDescriptor& socket,
                                                   const config::Listener& listener) = 0;
  // A connection of the listener was established, or failed.
  virtual void OnEstablished(const config::Listener& listener,
                             const pool::Handshake& handshake) = 0;
  // A connection of the listener was not established in time.
  virtual void OnTimeout(const config::Listener& listener) = 0;
  // What to tell, as it is, a client whose connection failed over this word; empty: nothing.
  virtual std::string_view PlainAnswer(const char* failure) = 0;

 protected:
  ~ClientTransports() = default;
};

// The way from an accepted socket to its session. A plain connection is one at once; one whose
// transport has to agree with the client first is this session until then. What begins with a PROXY
// header is an Announcement before that.
class Intake final : public Session, private PendingHandshake {
 public:
  // So long the process waits for one when it is on its way out.
  static constexpr pool::Duration kLeavingPatience = std::chrono::seconds(2);

  // The listener holds a place for it.
  static void Accept(Listener* listener, pool::FileDescriptor socket,
                     const pool::SocketAddress& peer);
  // The same of a client that `announcement` has held the place for until now. False: nobody can
  // serve it, and the socket is closed.
  static bool GoOn(Session& announcement, pool::FileDescriptor socket,
                   const pool::ProxiedEnds& ends);

  void BeginDrain() override;
  bool Cut() override;
  void OnReconfigured() override {}
  bool GiveWay() override;
  pool::TimePoint idle_since() const override { return accepted_at_; }

 private:
  Intake(Listener* listener, std::unique_ptr<pool::Transport> transport,
         const pool::ProxiedEnds& ends);
  // `before`: who has held the place; null: the listener holds it. False and nothing has begun when
  // the kernel does not watch the socket.
  static bool Begin(Listener* listener, std::unique_ptr<pool::Transport> transport,
                    const pool::ProxiedEnds& ends, Session* before);

  // PendingHandshake
  pool::TimePoint began_at() const override { return accepted_at_; }
  void Yield() override { Close(SessionEnd::kHandshakeEvicted); }

  void OnConnectionReady() override;
  void OnTimer(pool::TimePoint now);
  void OnFailed();
  void OnChallenged();
  void Close(SessionEnd reason);
  void Destroy();

  pool::Connection connection_;
  pool::ProxiedEnds ends_;  // without a destination unless it was announced
  pool::TimePoint accepted_at_;
  pool::MemberTimer<Intake, &Intake::OnTimer> timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_INTAKE_H_
