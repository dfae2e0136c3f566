#include "pool/dialer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pool/connect_result.h"
#include "pool/net/check.h"
#include "pool/net/introducing_transport.h"
#include "pool/net/plain_transport.h"
#include "pool/net/socket.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {
namespace {

// As the library of TLS says it (tls/tls_failure.h).
constexpr const char* kNoSharedProtocol = "tls_no_shared_protocol";

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

  bool reached() const override { return connection_ != nullptr && connection_->reached(); }

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
    const bool spoiled = connection_->gone() || (!MaySpeakFirst() && connection_->readable() &&
                                                 connection_->Inspect() != Quiet::kQuiet);
    const bool useless = !connection_->established() || (terms_.quiet && spoiled);
    // A peer may refuse us after the handshake (RFC 8446 section 4.4.2.4): reading says so.
    if (useless && connection_->established()) connection_->Fill(/*limit=*/1);
    if (const char* const word = connection_->error_word(); word != nullptr && useless) {
      Tell({.failure = word});
      return Fail({CheckoutResult::kTlsFailed, word});
    }
    if (useless) return Fail(ConnectResult(connection_->error(), /*routed=*/true));
    if (IsOtherProtocol()) {
      Tell({.failure = kNoSharedProtocol});
      return Fail({CheckoutResult::kTlsFailed, kNoSharedProtocol});
    }
    loop_->timers().Cancel(timer_);
    Tell({.transport = &connection_->transport(), .took = loop_->now() - begun_});
    events_->OnDialed(std::move(connection_));
  }

  // RFC 9113 section 3.4: an HTTP/2 server's preface waits for nobody.
  bool MaySpeakFirst() const {
    return key_.protocol == UpstreamProtocol::kH2 ||
           (connection_->established() && connection_->transport().protocol() == kHttp2Protocol);
  }
  // The peer has passed over what was offered.
  bool IsOtherProtocol() const {
    return key_.protocol == UpstreamProtocol::kH2 && !key_.tls.plain() &&
           connection_->transport().protocol() != kHttp2Protocol;
  }

  void Tell(const Handshake& handshake) {
    if (!key_.tls.plain() && transports_ != nullptr) transports_->OnEstablished(key_, handshake);
  }

  void OnTimer(TimePoint now) {
    HOLDFAST_CHECK(connection_ != nullptr);
    if (terms_.deadline.has_value() && now >= *terms_.deadline) {
      if (!reached()) return Fail(CheckoutResult::kConnectTimeout);
      Tell({.failure = CheckoutResultName(CheckoutResult::kTlsTimeout).data()});  // a literal
      return Fail(CheckoutResult::kTlsTimeout);
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
  void Fail(CheckoutFailure failure) {
    loop_->timers().Cancel(timer_);
    connection_->Close();
    events_->OnDialFailed(failure);
  }

  EventLoop* loop_;
  UpstreamTransports* transports_;
  const EndpointKey key_;
  DialTerms terms_;
  const TimePoint begun_ = loop_->now();
  DialEvents* events_;
  std::unique_ptr<Connection> connection_;  // until it is given away
  std::optional<TimePoint> again_at_;       // while the backlog is full
  Duration again_after_ = SocketDialer::kFirstAgain;
  MemberTimer<SocketAttempt, &SocketAttempt::OnTimer> timer_{this};
};

std::string IntroductionOf(const EndpointKey& key, const DialTerms& terms) {
  if (terms.ends != nullptr) return ProxyHeaderFor(key.proxy, *terms.ends);
  return terms.for_client ? ProxyHeaderFor(key.proxy, {}) : LocalProxyHeader(key.proxy);
}

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
  FileDescriptor socket = StartConnect(key.address, &in_progress, &error, terms.tcp);
  if (!socket.valid()) return {.refusal = ConnectResultAt(key.address, error)};
  std::unique_ptr<Transport> transport = MakeTransport(std::move(socket), key);
  if (transport == nullptr) return {.refusal = CheckoutResult::kTlsFailed};
  if (key.of_one_client()) {
    transport =
        std::make_unique<IntroducingTransport>(std::move(transport), IntroductionOf(key, terms));
  }
  auto attempt = std::make_unique<SocketAttempt>(loop_, slabs_, std::move(transport), transports_,
                                                 key, terms, events);
  error = attempt->Begin(/*backlog_full=*/error == EAGAIN);
  if (error != 0) return {.refusal = ConnectResult(error, /*routed=*/true)};
  return {.attempt = std::move(attempt)};
}

}  // namespace holdfast::pool
