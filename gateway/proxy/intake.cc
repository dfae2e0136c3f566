#include "gateway/proxy/intake.h"

#include <utility>

#include "gateway/proxy/http1_session.h"
#include "pool/net/plain_transport.h"

namespace holdfast::proxy {

using metrics::Metric;
using pool::Connection;

namespace {

// False when the kernel does not watch the socket: it is closed, and its place free again.
bool Open(Connection& connection, Listener* listener) {
  if (connection.Open(pool::Precedence::kInTurn) == 0) return true;
  listener->context()
      ->shard
      ->CounterFor(Metric::kClientConnectionsRefusedTotal, {listener->config().name, "epoll"})
      .Add();
  return false;
}

}  // namespace

void Intake::Accept(Listener* listener, pool::FileDescriptor socket,
                    const pool::SocketAddress& peer) {
  WorkerContext* const context = listener->context();
  listener->cells().accepted.Add();
  if (context->client_transports == nullptr) {
    auto connection = std::make_unique<Connection>(
        context->loop, context->slabs, std::make_unique<pool::PlainTransport>(std::move(socket)),
        /*events=*/nullptr, Connection::Stage::kEstablished);
    if (Open(*connection, listener)) Http1Session::Start(listener, std::move(connection), peer);
    return;
  }
  auto intake = std::unique_ptr<Intake>(new Intake(
      listener, context->client_transports->Make(std::move(socket), listener->config()), peer));
  if (!Open(*intake->connection_, listener)) return;
  Intake* const self = intake.release();  // The worker's list holds it until its end.
  self->Enlist();
  self->CountActive(true);
  context->loop->timers().Arm(self->timer_, self->accepted_at_ + kPatience);
}

Intake::Intake(Listener* listener, std::unique_ptr<pool::Transport> transport,
               const pool::SocketAddress& peer)
    : Session(listener), peer_(peer), accepted_at_(context()->loop->now()) {
  pool::ConnectionEvents* const events = this;
  connection_ =
      std::make_unique<Connection>(context()->loop, context()->slabs, std::move(transport), events,
                                   Connection::Stage::kEstablishing);
}

void Intake::OnConnectionReady() {
  if (!connection_->established()) {
    return Close(connection_->end() == pool::ConnectionEnd::kTruncated ? SessionEnd::kClientClosed
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
  connection_->Close();
  Delist(SessionEndName(reason));
  Destroy();
}

void Intake::Destroy() {
  context()->loop->timers().Cancel(timer_);
  context()->loop->DestroyLater(std::unique_ptr<Intake>(this));
}

}  // namespace holdfast::proxy
