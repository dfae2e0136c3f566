#include "pool/dialer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pool/connect_result.h"
#include "pool/net/check.h"
#include "pool/net/plain_transport.h"
#include "pool/net/socket.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {
namespace {

// One attempt over one socket.
class SocketAttempt final : public DialAttempt, private ConnectionEvents {
 public:
  SocketAttempt(EventLoop* loop, SlabPool* slabs, std::unique_ptr<Transport> transport,
                UpstreamTransports* transports, const EndpointKey& key, const DialTerms& terms,
                DialEvents* events)
      : loop_(loop), transports_(transports), key_(key), terms_(terms), events_(events) {
    ConnectionEvents* const listener = this;  // a private base to everybody else
    connection_ = std::make_unique<Connection>(loop, slabs, std::move(transport), listener,
                                               Connection::Stage::kEstablishing);
    HOLDFAST_CHECK(events_ != nullptr);
  }
  ~SocketAttempt() override = default;

  // 0 or errno. With a full backlog the loop watches the socket later: an unconnected one would
  // only report that it hangs up.
  int Begin(bool backlog_full) {
    const int error = backlog_full ? 0 : connection_->Open();
    if (error != 0) return error;
    if (backlog_full) again_at_ = loop_->now() + again_after_;
    ArmTimer();
    return 0;
  }

 private:
  void OnConnectionReady() override {
    HOLDFAST_CHECK(connection_ != nullptr);
    const bool spoiled =
        connection_->gone() || (connection_->readable() && connection_->Inspect() != Quiet::kQuiet);
    if (connection_->error_word() != nullptr) {
      Tell(connection_->error_word());
      return Fail(CheckoutResult::kTlsFailed);
    }
    if (!connection_->established() || (terms_.quiet && spoiled)) {
      return Fail(ConnectResult(connection_->error(), /*routed=*/true));
    }
    loop_->timers().Cancel(timer_);
    Tell(nullptr);
    events_->OnDialed(std::move(connection_));
  }

  void Tell(const char* failure) {
    if (!key_.tls.plain() && transports_ != nullptr) transports_->OnEstablished(key_, failure);
  }

  void OnTimer(TimePoint now) {
    HOLDFAST_CHECK(connection_ != nullptr);
    if (terms_.deadline.has_value() && now >= *terms_.deadline) {
      return Fail(CheckoutResult::kConnectTimeout);
    }
    if (terms_.slow_at.has_value() && now >= *terms_.slow_at) {
      terms_.slow_at.reset();
      events_->OnDialSlow();
    }
    if (again_at_.has_value() && now >= *again_at_ && !ConnectOnceMore(now)) return;
    ArmTimer();
  }

  // False: it has failed.
  bool ConnectOnceMore(TimePoint now) {
    int error = ConnectAgain(connection_->fd(), key_.address);
    if (error == EAGAIN) {
      again_after_ = std::min(again_after_ * 2, SocketDialer::kLastAgain);
      again_at_ = now + again_after_;
      return true;
    }
    again_at_.reset();
    if (error == 0) error = connection_->Open();
    if (error == 0) return true;
    Fail(ConnectResult(error, /*routed=*/true));
    return false;
  }

  void ArmTimer() {
    const TimePoint never = TimePoint::max();
    const TimePoint next = std::min({terms_.deadline.value_or(never),
                                     terms_.slow_at.value_or(never), again_at_.value_or(never)});
    if (next != never) loop_->timers().Arm(timer_, next);
  }

  // Nothing of it may be touched on the way out: its owner may have destroyed it.
  void Fail(CheckoutResult result) {
    loop_->timers().Cancel(timer_);
    connection_->Close();
    events_->OnDialFailed(result);
  }

  EventLoop* loop_;
  UpstreamTransports* transports_;
  const EndpointKey key_;
  DialTerms terms_;
  DialEvents* events_;
  std::unique_ptr<Connection> connection_;  // until it is given away
  std::optional<TimePoint> again_at_;       // while the backlog is full
  Duration again_after_ = SocketDialer::kFirstAgain;
  MemberTimer<SocketAttempt, &SocketAttempt::OnTimer> timer_{this};
};

}  // namespace

std::unique_ptr<Transport> SocketDialer::MakeTransport(FileDescriptor socket,
                                                       const EndpointKey& key) {
  if (key.tls.plain()) return std::make_unique<PlainTransport>(std::move(socket));
  return transports_ != nullptr ? transports_->MakeFor(std::move(socket), key) : nullptr;
}

// A connect that succeeded inside the call (UNIX sockets) is waited for as well: the socket reports
// writable in the next turn, and there is one way to become connected.
DialStart SocketDialer::Dial(const EndpointKey& key, const DialTerms& terms, DialEvents* events) {
  bool in_progress = false;
  int error = 0;
  FileDescriptor socket = StartConnect(key.address, &in_progress, &error);
  if (!socket.valid()) return {.refusal = ConnectResultAt(key.address, error)};
  std::unique_ptr<Transport> transport = MakeTransport(std::move(socket), key);
  if (transport == nullptr) return {.refusal = CheckoutResult::kTlsFailed};
  auto attempt = std::make_unique<SocketAttempt>(loop_, slabs_, std::move(transport), transports_,
                                                 key, terms, events);
  error = attempt->Begin(/*backlog_full=*/error == EAGAIN);
  if (error != 0) return {.refusal = ConnectResult(error, /*routed=*/true)};
  return {.attempt = std::move(attempt)};
}

}  // namespace holdfast::pool
