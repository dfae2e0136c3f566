#include "pool/net/acceptor.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

// Any descriptor will do; this one needs no file system.
FileDescriptor TakeReserve() { return FileDescriptor(eventfd(0, EFD_CLOEXEC)); }

FileDescriptor AcceptFrom(int listener, SocketAddress* peer) {
  sockaddr_storage storage;
  socklen_t length = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  FileDescriptor socket(accept4(listener, address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.valid()) *peer = SocketAddress(address, length);
  return socket;
}

// Whether the error is that of one client which is gone already and which accept(2) passes on; the
// next in line may be fine.
bool IsOfOneClient(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
    case ETIMEDOUT:
    case EPERM: return true;
    default: return false;
  }
}

}  // namespace

Acceptor::Acceptor(EventLoop* loop, FileDescriptor listener, AcceptorEvents* events)
    : loop_(loop), listener_(std::move(listener)), reserve_(TakeReserve()), events_(events) {
  HOLDFAST_CHECK(listener_.valid());
  Watch();
}

// A second listen changes the length of the queue and nothing else.
void Acceptor::Configure(const TcpOptions& options, int backlog) {
  SetTcpOptions(fd(), options, /*fresh=*/false);
  listen(fd(), backlog);
}

Acceptor::~Acceptor() {
  if (registered_) loop_->Unregister(fd(), this);
}

void Acceptor::Pause() {
  paused_ = true;
  Watch();
}

void Acceptor::Resume() {
  paused_ = false;
  Watch();
}

void Acceptor::OnEvents(uint32_t) {
  int accepted = 0;
  Outcome last = Outcome::kAccepted;
  while (accepted < batch_ && registered_) {
    if (!events_->MayAccept()) {
      Pause();
      break;
    }
    last = AcceptOne();
    if (last == Outcome::kNobody || last == Outcome::kFailed) break;
    ++accepted;
  }
  AdaptBatch(accepted, last == Outcome::kNobody);
  events_->OnBatchEnd();
}

void Acceptor::AdaptBatch(int accepted, bool emptied) {
  if (emptied) {
    batch_ = std::max(accepted, 1);
    full_turns_ = 0;
  } else if (accepted == batch_ && ++full_turns_ >= kFullTurns) {
    batch_ = std::min(2 * batch_, kBatch);
    full_turns_ = 0;
  }
}

Acceptor::Outcome Acceptor::AcceptOne() {
  SocketAddress peer;
  FileDescriptor socket = AcceptFrom(fd(), &peer);
  if (socket.valid()) {
    events_->OnAccept(std::move(socket), peer);
    return Outcome::kAccepted;
  }
  const int error = errno;
  if (error == EAGAIN) return Outcome::kNobody;
  if (IsOfOneClient(error)) return Outcome::kPassedOver;
  if ((error == EMFILE || error == ENFILE) && !ShedOne()) return Outcome::kNobody;
  Rest();
  events_->OnAcceptError(error);
  return Outcome::kFailed;
}

// Tells one waiting client that it will not be served. False when nobody waits: the kernel looks
// for a free descriptor before it looks for a client.
bool Acceptor::ShedOne() {
  if (!reserve_.valid()) return true;
  reserve_.Reset();
  SocketAddress peer;
  FileDescriptor refused = AcceptFrom(fd(), &peer);
  const bool nobody = !refused.valid() && errno == EAGAIN;
  refused.Reset();
  reserve_ = TakeReserve();
  return !nobody;
}

void Acceptor::Rest() {
  loop_->timers().Arm(rest_, loop_->now() + kBackoff);
  Watch();
}

void Acceptor::OnRestEnd(TimePoint) {
  // Another thread may have been quicker to take the descriptor that ShedOne had freed.
  if (!reserve_.valid()) reserve_ = TakeReserve();
  const int error = Watch();
  if (error != 0) events_->OnAcceptError(error);
}

int Acceptor::Watch() {
  const bool wanted = !paused_ && !rest_.armed();
  if (wanted == registered_) return 0;
  if (!wanted) {
    loop_->Unregister(fd(), this);
    registered_ = false;
    return 0;
  }
  // Level-triggered: what a batch leaves in the backlog is there for the next turn.
  const int error = loop_->Register(fd(), this, EPOLLIN);
  registered_ = error == 0;
  if (error != 0) loop_->timers().Arm(rest_, loop_->now() + kBackoff);
  return error;
}

}  // namespace holdfast::pool
