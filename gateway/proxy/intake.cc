#include "gateway/proxy/intake.h"

#include <utility>

#include "gateway/proxy/http1_session.h"

namespace holdfast::proxy {

using pool::Connection;

void Intake::Accept(Listener* listener, pool::FileDescriptor socket,
                    const pool::SocketAddress& peer) {
  WorkerContext* const context = listener->context();
  listener->cells().accepted.Add();
  if (context->client_transports == nullptr) {
    return Http1Session::Start(listener, std::move(socket), peer);
  }
  auto intake = std::unique_ptr<Intake>(new Intake(
      listener, context->client_transports->Make(std::move(socket), listener->config()), peer));
  if (intake->connection_.Open(pool::Precedence::kInTurn) != 0) return listener->CountUnwatched();
  Intake* const self = intake.release();  // The worker's list holds it until its end.
  self->Enlist();
  self->CountActive(true);
  context->loop->timers().Arm(self->timer_, self->accepted_at_ + kPatience);
}

Intake::Intake(Listener* listener, std::unique_ptr<pool::Transport> transport,
               const pool::SocketAddress& peer)
    : Session(listener),
      connection_(context()->loop, context()->slabs, std::move(transport), this,
                  Connection::Stage::kEstablishing),
      peer_(peer),
      accepted_at_(context()->loop->now()) {}

void Intake::OnConnectionReady() {
  if (!connection_.established()) {
    return Close(connection_.end() == pool::ConnectionEnd::kTruncated ? SessionEnd::kClientClosed
                                                                      : SessionEnd::kClientReset);
  }
  Http1Session::TakeOver(*this, std::move(connection_), peer_);
  Destroy();
}

void Intake::OnTimer(pool::TimePoint) { Close(SessionEnd::kHeadTimeout); }

// Nothing has begun that the client could not ask for again elsewhere.
void Intake::BeginDrain() { Close(SessionEnd::kDrained); }

bool Intake::Cut() {
  Close(SessionEnd::kDrained);
  return false;
}

void Intake::Close(SessionEnd reason) {
  connection_.Close();
  Delist(SessionEndName(reason));
  Destroy();
}

void Intake::Destroy() {
  context()->loop->timers().Cancel(timer_);
  context()->loop->DestroyLater(std::unique_ptr<Intake>(this));
}

}  // namespace holdfast::proxy
