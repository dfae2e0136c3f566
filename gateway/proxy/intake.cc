#include "gateway/proxy/intake.h"

#include <utility>

#include "gateway/proxy/announcement.h"
#include "gateway/proxy/http1_session.h"
#include "gateway/proxy/http2_session.h"
#include "gateway/proxy/plain_notice.h"
#include "pool/tls/challenge_certificates.h"

namespace holdfast::proxy {

using pool::Connection;

namespace {

// So long a client may take until its connection is established.
pool::Duration PatienceOf(const config::Listener& listener) {
  return listener.tls.has_value() ? listener.tls->handshake_timeout
                                  : config::ListenerTls().handshake_timeout;
}

// Null: the client speaks as it is.
std::unique_ptr<pool::Transport> TransportFor(Listener* listener, pool::FileDescriptor& socket) {
  ClientTransports* const transports = listener->context()->client_transports;
  return transports != nullptr ? transports->MakeFor(socket, listener->config()) : nullptr;
}

}  // namespace

void Intake::Accept(Listener* listener, pool::FileDescriptor socket,
                    const pool::SocketAddress& peer) {
  listener->cells().accepted.Add();
  if (listener->config().proxy_protocol.has_value()) {
    return Announcement::Accept(listener, std::move(socket), peer);
  }
  if (!listener->AdmitClient(peer)) {
    listener->cells().ClosedFor(SessionEndName(SessionEnd::kClientCap)).Add();
    return;
  }
  std::unique_ptr<pool::Transport> transport = TransportFor(listener, socket);
  if (transport == nullptr) return Http1Session::Start(listener, std::move(socket), peer);
  Begin(listener, std::move(transport), {.source = peer, .destination = {}}, /*before=*/nullptr);
}

bool Intake::GoOn(Session& announcement, pool::FileDescriptor socket,
                  const pool::ProxiedEnds& ends) {
  Listener* const listener = announcement.listener();
  if (auto transport = TransportFor(listener, socket)) {
    return Begin(listener, std::move(transport), ends, &announcement);
  }
  WorkerContext* const context = listener->context();
  Connection connection(context->loop, context->slabs, std::move(socket), /*events=*/nullptr,
                        Connection::Stage::kEstablished);
  if (connection.Open(pool::Precedence::kInTurn) != 0) {
    listener->CountUnwatched();
    return false;
  }
  connection.LookForMore();
  Http1Session::TakeOver(announcement, std::move(connection), ends);
  return true;
}

bool Intake::Begin(Listener* listener, std::unique_ptr<pool::Transport> transport,
                   const pool::ProxiedEnds& ends, Session* before) {
  auto intake = std::unique_ptr<Intake>(new Intake(listener, std::move(transport), ends));
  if (intake->connection_.Open(pool::Precedence::kInTurn) != 0) {
    listener->CountUnwatched();
    return false;
  }
  Intake* const self = intake.release();  // The worker's list holds it until its end.
  if (before != nullptr) {
    self->Replace(*before);
  } else {
    self->Enlist();
  }
  self->CountActive(true);
  Handshakes& handshakes = self->context()->handshakes;
  // One that a PROXY header has announced was accepted when nobody knew how many there would be.
  handshakes.MakeRoom(self->accepted_at_);
  handshakes.Add(*self);
  // At a cap it gives way as a client does that asks for nothing.
  listener->OnSessionIdle(*self);
  self->context()->loop->timers().Arm(self->timer_,
                                      self->accepted_at_ + PatienceOf(listener->config()));
  if (listener->leaving()) self->BeginDrain();
  return true;
}

Intake::Intake(Listener* listener, std::unique_ptr<pool::Transport> transport,
               const pool::ProxiedEnds& ends)
    : Session(listener),
      connection_(context()->loop, context()->slabs, std::move(transport), this,
                  Connection::Stage::kEstablishing),
      ends_(ends),
      accepted_at_(context()->loop->now()) {
  connection_.AwaitPeer();
}

void Intake::OnConnectionReady() {
  if (!connection_.established()) return OnFailed();
  context()->client_transports->OnEstablished(
      listener()->config(),
      {.transport = &connection_.transport(), .took = context()->loop->now() - accepted_at_});
  if (connection_.transport().protocol() == pool::kChallengeProtocol) return OnChallenged();
  listener()->OnSessionBusy(*this);
  if (connection_.transport().protocol() == "h2") {
    Http2Session::TakeOver(*this, std::move(connection_), ends_);
  } else {
    Http1Session::TakeOver(*this, std::move(connection_), ends_);
  }
  Destroy();
}

void Intake::OnFailed() {
  const char* const word = connection_.error_word();
  if (word == nullptr) {
    return Close(connection_.end() == pool::ConnectionEnd::kTruncated ? SessionEnd::kClientClosed
                                                                      : SessionEnd::kClientReset);
  }
  ClientTransports& transports = *context()->client_transports;
  transports.OnEstablished(listener()->config(), {.failure = word});
  const std::string_view answer = transports.PlainAnswer(word);
  if (!answer.empty()) {
    if (IdleSession::linked()) listener()->OnSessionBusy(*this);
    if (PlainNotice::TakeOver(*this, connection_.ReleaseSocket(), answer)) return Destroy();
  }
  Close(SessionEnd::kTlsFailed);
}

// RFC 8737 section 3: then there is nothing more to say.
void Intake::OnChallenged() {
  connection_.SayEnd();
  Close(SessionEnd::kChallenged);
}

void Intake::OnTimer(pool::TimePoint now) {
  if (now < accepted_at_ + PatienceOf(listener()->config())) return Close(SessionEnd::kDrained);
  context()->client_transports->OnTimeout(listener()->config());
  Close(SessionEnd::kTlsTimeout);
}

// A client that has come this far is about to ask.
void Intake::BeginDrain() {
  const pool::TimePoint leave_at = context()->loop->now() + kLeavingPatience;
  if (leave_at < timer_.deadline()) context()->loop->timers().Arm(timer_, leave_at);
}

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
  context()->handshakes.Remove(*this);
  context()->loop->timers().Cancel(timer_);
  context()->loop->DestroyLater(std::unique_ptr<Intake>(this));
}

}  // namespace holdfast::proxy
