#include "gateway/proxy/announcement.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "gateway/proxy/intake.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using State = pool::ProxyHeaderReader::State;

void Announcement::Accept(Listener* listener, pool::FileDescriptor socket,
                          const pool::SocketAddress& peer) {
  const config::AcceptedProxies& proxies = *listener->config().proxy_protocol;
  if (!proxies.from.Contains(peer)) {
    listener->cells().ClosedFor(SessionEndName(SessionEnd::kProxyRefused)).Add();
    return;
  }
  // The worker's list holds it until its end.
  auto* const self = new Announcement(listener, std::move(socket), peer);
  self->Enlist();
  self->CountActive(true);
  // At a cap it gives way as a client does that asks for nothing.
  listener->OnSessionIdle(*self);
  self->context()->loop->timers().Arm(self->timer_, self->accepted_at_ + proxies.timeout);
  self->Read();
}

Announcement::Announcement(Listener* listener, pool::FileDescriptor socket,
                           const pool::SocketAddress& peer)
    : Session(listener),
      socket_(std::move(socket)),
      peer_(peer),
      accepted_at_(context()->loop->now()) {}

void Announcement::OnEvents(uint32_t) { Read(); }

bool Announcement::Read() {
  while (ReadSome()) {
  }
  return socket_.valid();
}

bool Announcement::ReadSome() {
  std::array<char, pool::ProxyHeaderReader::kMaxBytes> room;
  const ssize_t there = recv(socket_.get(), room.data(), room.size(), MSG_PEEK | MSG_DONTWAIT);
  if (there < 0) {
    if (errno == EINTR) return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      Watch();
    } else {
      Close(SessionEnd::kClientReset);
    }
    return false;
  }
  if (there == 0) {
    Close(begun_ ? SessionEnd::kProxyTruncated : SessionEnd::kClientClosed);
    return false;
  }
  begun_ = true;
  const size_t taken = reader_.Take(std::string_view(room.data(), static_cast<size_t>(there)));
  if (reader_.state() == State::kBroken) {
    Close(SessionEnd::kProxyMalformed);
    return false;
  }
  // They are there, and nobody else takes them.
  HOLDFAST_CHECK(taken > 0 && taken <= static_cast<size_t>(there));
  const ssize_t got = recv(socket_.get(), room.data(), taken, MSG_DONTWAIT);
  if (got != static_cast<ssize_t>(taken)) {
    Close(SessionEnd::kClientReset);
    return false;
  }
  if (reader_.state() == State::kMore) return true;
  HandOver();
  return false;
}

void Announcement::Watch() {
  if (watched_) return;
  watched_ = context()->loop->Register(socket_.get(), this, EPOLLIN | EPOLLRDHUP) == 0;
  if (watched_) return;
  listener()->CountUnwatched();
  Close(SessionEnd::kExchangeCut);
}

void Announcement::HandOver() {
  // One that asks for itself or for nobody named is the proxy's, which stands for many clients.
  if (reader_.ends().known()) {
    if (!listener()->AdmitClient(reader_.ends().source)) return Close(SessionEnd::kClientCap);
    TakeClientPlace();
  }
  if (std::exchange(watched_, false)) context()->loop->Unregister(socket_.get(), this);
  // LOCAL: it is the proxy itself that asks. UNKNOWN and the like: somebody whom it does not name,
  // and who gets nothing of the trust in it.
  const pool::ProxiedEnds ends =
      reader_.ends().known()
          ? reader_.ends()
          : pool::ProxiedEnds{.source = peer_, .destination = {}, .unnamed = !reader_.local()};
  context()->loop->timers().Cancel(timer_);
  listener()->OnSessionBusy(*this);
  if (!Intake::GoOn(*this, std::move(socket_), ends)) {
    Delist(SessionEndName(SessionEnd::kExchangeCut));
  }
  Destroy();
}

// What has come in time may not have been told of yet.
void Announcement::OnTimer(pool::TimePoint) {
  if (Read()) Close(leaving_ ? SessionEnd::kDrained : SessionEnd::kProxyTimeout);
}

// Its client's request is on its way, if not here.
void Announcement::BeginDrain() {
  const pool::TimePoint leave_at = context()->loop->now() + Intake::kLeavingPatience;
  if (leave_at >= timer_.deadline()) return;
  leaving_ = true;
  context()->loop->timers().Arm(timer_, leave_at);
}

// A header that is there is taken when its turn comes: nobody is served from in here.
bool Announcement::GiveWay() {
  if (HasRest()) return false;
  Close(SessionEnd::kIdleEvicted);
  return true;
}

bool Announcement::HasRest() const {
  std::array<char, pool::ProxyHeaderReader::kMaxBytes> room;
  const ssize_t there = recv(socket_.get(), room.data(), room.size(), MSG_PEEK | MSG_DONTWAIT);
  if (there <= 0) return false;
  pool::ProxyHeaderReader reader = reader_;
  reader.Take(std::string_view(room.data(), static_cast<size_t>(there)));
  return reader.state() == State::kComplete;
}

bool Announcement::Cut() {
  Close(SessionEnd::kDrained);
  return false;
}

void Announcement::Close(SessionEnd reason) {
  if (std::exchange(watched_, false)) context()->loop->Forget(socket_.get(), this);
  socket_.Reset();
  Delist(SessionEndName(reason));
  Destroy();
}

void Announcement::Destroy() {
  context()->loop->timers().Cancel(timer_);
  context()->loop->DestroyLater(std::unique_ptr<Announcement>(this));
}

}  // namespace holdfast::proxy
