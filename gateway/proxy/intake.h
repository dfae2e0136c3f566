#ifndef HOLDFAST_GATEWAY_PROXY_INTAKE_H_
#define HOLDFAST_GATEWAY_PROXY_INTAKE_H_

#include <memory>

#include "gateway/config/config.h"
#include "gateway/proxy/session.h"
#include "pool/net/connection.h"
#include "pool/net/socket.h"
#include "pool/net/socket_address.h"
#include "pool/net/timer_wheel.h"
#include "pool/net/transport.h"

namespace holdfast::proxy {

// Chooses the transport of a client's connection by its listener: the one place that does. Loop
// thread; outlives the sessions.
class ClientTransports {
 public:
  virtual std::unique_ptr<pool::Transport> Make(pool::FileDescriptor socket,
                                                const config::Listener& listener) = 0;

 protected:
  ~ClientTransports() = default;
};

// The way from an accepted socket to its session. A plain connection is one at once; one whose
// transport has to agree with the client first is this session until then.
class Intake final : public Session {
 public:
  // So long a client may take until its connection is established.
  static constexpr pool::Duration kPatience = std::chrono::seconds(10);

  // The listener holds a place for it.
  static void Accept(Listener* listener, pool::FileDescriptor socket,
                     const pool::SocketAddress& peer);

  void BeginDrain() override;
  bool Cut() override;
  void OnReconfigured() override {}
  bool GiveWay() override { return false; }
  pool::TimePoint idle_since() const override { return accepted_at_; }

 private:
  Intake(Listener* listener, std::unique_ptr<pool::Transport> transport,
         const pool::SocketAddress& peer);

  void OnConnectionReady() override;
  void OnTimer(pool::TimePoint now);
  void Close(SessionEnd reason);
  void Destroy();

  pool::Connection connection_;
  pool::SocketAddress peer_;
  pool::TimePoint accepted_at_;
  pool::MemberTimer<Intake, &Intake::OnTimer> timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_INTAKE_H_
