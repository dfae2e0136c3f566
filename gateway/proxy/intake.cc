#include "gateway/proxy/intake.h"

#include <sys/socket.h>

#include <utility>

#include "gateway/proxy/http1_session.h"

namespace holdfast::proxy {

using pool::Connection;

namespace {

// So long a client may take until its connection is established.
pool::Duration PatienceOf(const config::Listener& listener) {
  return listener.tls.has_value() ? listener.tls->handshake_timeout
                                  : config::ListenerTls().handshake_timeout;
}

}  // namespace

void Intake::Accept(Listener* listener, pool::FileDescriptor socket,
                    const pool::SocketAddress& peer) {
  WorkerContext* const context = listener->context();
  listener->cells().accepted.Add();
  std::unique_ptr<pool::Transport> transport;
  if (context->client_transports != nullptr) {
    transport = context->client_transports->MakeFor(socket, listener->config());
  }
  if (transport == nullptr) return Http1Session::Start(listener, std::move(socket), peer);
  auto intake = std::unique_ptr<Intake>(new Intake(listener, std::move(transport), peer));
  if (intake->connection_.Open(pool::Precedence::kInTurn) != 0) return listener->CountUnwatched();
  Intake* const self = intake.release();  // The worker's list holds it until its end.
  self->Enlist();
  self->CountActive(true);
  // At a cap it gives way as a client does that asks for nothing.
  listener->OnSessionIdle(*self);
  context->loop->timers().Arm(self->timer_, self->accepted_at_ + PatienceOf(listener->config()));
}

Intake::Intake(Listener* listener, std::unique_ptr<pool::Transport> transport,
               const pool::SocketAddress& peer)
    : Session(listener),
      connection_(context()->loop, context()->slabs, std::move(transport), this,
                  Connection::Stage::kEstablishing),
      peer_(peer),
      accepted_at_(context()->loop->now()) {}

void Intake::OnConnectionReady() {
  if (!connection_.established()) return OnFailed();
  context()->client_transports->OnEstablished(listener()->config(), nullptr);
  listener()->OnSessionBusy(*this);
  Http1Session::TakeOver(*this, std::move(connection_), peer_);
  Destroy();
}

void Intake::OnFailed() {
  const char* const word = connection_.error_word();
  if (word == nullptr) {
    return Close(connection_.end() == pool::ConnectionEnd::kTruncated ? SessionEnd::kClientClosed
                                                                      : SessionEnd::kClientReset);
  }
  ClientTransports& transports = *context()->client_transports;
  transports.OnEstablished(listener()->config(), word);
  const std::string_view answer = transports.PlainAnswer(word);
  if (!answer.empty()) AnswerInPlain(answer);
  Close(SessionEnd::kTlsFailed);
}

// As far as one write goes.
void Intake::AnswerInPlain(std::string_view answer) {
  const int fd = connection_.fd();
  if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
  shutdown(fd, SHUT_WR);
}

void Intake::OnTimer(pool::TimePoint) {
  context()->client_transports->OnTimeout(listener()->config());
  Close(SessionEnd::kHeadTimeout);
}

// Nothing has begun that the client could not ask for again elsewhere.
void Intake::BeginDrain() { Close(SessionEnd::kDrained); }

bool Intake::GiveWay() {
  Close(SessionEnd::kIdleEvicted);
  return true;
}

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
