#include "gateway/proxy/client_session.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "gateway/proxy/head_scan.h"
#include "pool/net/check.h"
#include "pool/net/plain_transport.h"

namespace holdfast::proxy {

using http::BodyKind;
using http::ClientPersistence;
using metrics::Metric;
using pool::FillStatus;
using pool::FlushStatus;
using pool::TimePoint;

std::string_view SessionEndName(SessionEnd end) {
  switch (end) {
    case SessionEnd::kClientClosed: return "client_closed";
    case SessionEnd::kClientReset: return "client_reset";
    case SessionEnd::kIdleTimeout: return "idle_timeout";
    case SessionEnd::kHeadTimeout: return "head_timeout";
    case SessionEnd::kExchangeCut: return "exchange_cut";
    case SessionEnd::kDrained: return "drained";
    case SessionEnd::kIdleEvicted: return "idle_evicted";
    case SessionEnd::kUpgraded: return "upgraded";
  }
  HOLDFAST_CHECK(false);
}

void ClientSession::Start(WorkerContext* context, Listener* listener, pool::FileDescriptor socket,
                          const pool::SocketAddress& peer) {
  auto session =
      std::unique_ptr<ClientSession>(new ClientSession(context, listener, std::move(socket), peer));
  listener->cells().accepted.Add();
  if (session->connection_.Open() != 0) {
    context->shard
        ->CounterFor(Metric::kClientConnectionsRefusedTotal, {listener->config().name, "epoll"})
        .Add();
    return;
  }
  ClientSession* self = session.release();  // The list below holds it until Close.
  context->sessions.PushBack(*self);
  listener->OnSessionOpened();
  listener->cells().idle.Add(1);
  self->EnterIdle();
}

ClientSession::ClientSession(WorkerContext* context, Listener* listener,
                             pool::FileDescriptor socket, const pool::SocketAddress& peer)
    : listener_(listener),
      connection_(context->loop, context->slabs,
                  std::make_unique<pool::PlainTransport>(std::move(socket)), this,
                  pool::Connection::Stage::kEstablished),
      body_(context->slabs),
      accepted_at_(context->loop->now()) {
  ip_length_ = 0;
  if (peer.is_ip()) {
    const std::string ip = peer.Ip();
    HOLDFAST_CHECK(ip.size() <= ip_.size());
    ip_length_ = static_cast<uint8_t>(std::ranges::copy(ip, ip_.begin()).out - ip_.begin());
  }
  FollowConfig();
}

void ClientSession::FollowConfig() {
  if (config_seen_ == listener_->generation()) return;
  config_seen_ = listener_->generation();
  const config::Listener& config = listener_->config();
  trusted_ = config.trusted_proxies.Contains(
      pool::SocketAddress::FromIp(client_ip(), 0).value_or(pool::SocketAddress()));
  expires_at_ = config.max_connection_age.has_value()
                    ? accepted_at_ + context()->random->JitterTenth(*config.max_connection_age)
                    : TimePoint::max();
  max_requests_ = config.max_requests.has_value()
                      ? context()->random->JitterTenth(*config.max_requests)
                      : std::numeric_limits<uint32_t>::max();
}

ClientSession::~ClientSession() { HOLDFAST_CHECK(exchange_ == nullptr); }

void ClientSession::MoveTo(Phase next) {
  const Phase from = phase_;
  HOLDFAST_CHECK(from != Phase::kClosed);
  HOLDFAST_CHECK(next != Phase::kLinger || from == Phase::kExchange);
  HOLDFAST_CHECK((next == Phase::kExchange) == (exchange_ != nullptr));
  if (IdleSession::linked()) listener_->OnSessionBusy(*this);
  phase_ = next;
  phase_since_ = context()->loop->now();
  if (next == Phase::kIdle) listener_->OnSessionIdle(*this);
  const bool active = next == Phase::kExchange || next == Phase::kHead;
  if (active == counted_active_) return;
  counted_active_ = active;
  listener_->cells().active.Add(active ? 1 : -1);
  listener_->cells().idle.Add(active ? -1 : 1);
}

void ClientSession::OnConnectionReady() {
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kHead: return ReadHeads();
    case Phase::kExchange: return OnReadyInExchange();
    case Phase::kLinger: return Linger();
    case Phase::kClosed: HOLDFAST_CHECK(false);
  }
}

void ClientSession::OnReadyInExchange() {
  if (!TellOfEnd()) exchange_->Progress();
}

// A client that has sent its whole request and then its end: the exchange decides what that means.
bool ClientSession::TellOfEnd() {
  const bool ended =
      connection_.gone() || (connection_.end() != pool::ConnectionEnd::kOpen && body_.finished());
  return ended && exchange_->OnClientEnded(connection_.gone());
}

void ClientSession::ReadHeads() {
  reading_heads_ = true;
  for (int steps = 0; phase_ == Phase::kIdle || phase_ == Phase::kHead; ++steps) {
    if (steps == kMaxReadSteps) {
      ContinueLater();
      break;
    }
    if (!ReadHead()) break;
  }
  reading_heads_ = false;
  // Nobody will ask this connection to go any more: the exchange that kept it has just ended.
  if (phase_ == Phase::kIdle && listener_->leaving()) BeginDrain();
}

bool ClientSession::ReadHead() {
  pool::Buffer& in = connection_.in();
  if (in.empty() && !FillInput()) return false;
  if (phase_ == Phase::kIdle) {
    const http::EmptyLineSkipper::Result skipped = empty_lines_.Skip(in.Front());
    if (skipped.refusal != http::Refusal::kNone) {
      RefuseInput(skipped.refusal);
      return true;
    }
    in.Consume(skipped.bytes);
    if (skipped.bytes > 0) return true;
  }
  const http::HeadScanner::Result scan = ScanHead(&scanner_, in, Limits());
  switch (scan.status) {
    case http::HeadScanner::Status::kComplete: StartExchange(scan.head_bytes); return true;
    case http::HeadScanner::Status::kRefused: RefuseInput(scan.refusal); return true;
    case http::HeadScanner::Status::kIncomplete: break;
  }
  if (phase_ == Phase::kIdle) BeginHead();
  return FillInput();
}

void ClientSession::BeginHead() {
  MoveTo(Phase::kHead);
  WakeBy(Deadline());
}

// What is at hand already brings no readiness of its own.
void ClientSession::ContinueLater() {
  more_at_hand_ = true;
  WakeBy(context()->loop->now());
}

bool ClientSession::FillInput() {
  if (!connection_.readable()) return false;
  // A head beyond its limit is refused by the scanner before the buffer reaches this one.
  const size_t limit = std::max<size_t>(kHighWatermark, listener_->config().max_head_bytes + 1);
  switch (connection_.Fill(limit)) {
    case FillStatus::kRead: return true;
    case FillStatus::kWouldBlock:
    case FillStatus::kFull: return false;
    case FillStatus::kEndOfStream: Close(SessionEndName(SessionEnd::kClientClosed)); return false;
    case FillStatus::kError: Close(SessionEndName(SessionEnd::kClientReset)); return false;
  }
  HOLDFAST_CHECK(false);
}

http::HeadLimits ClientSession::Limits() const {
  const config::Listener& config = listener_->config();
  return {.head_bytes = config.max_head_bytes,
          .fields = config.max_header_fields,
          .uri_bytes = config.max_uri_bytes};
}

Exchange::Client ClientSession::ExchangeClient() {
  const bool head_in_pieces = phase_ == Phase::kHead;
  return {.stream = this,
          .listener = listener_,
          .ip = std::string_view(ip_.data(), ip_length_),
          .trusted = trusted_,
          .head_time = head_in_pieces ? context()->loop->now() - phase_since_ : pool::Duration{0},
          .tie = &tie_};
}

void ClientSession::BeginExchange() {
  FollowConfig();
  const Exchange::Client client = ExchangeClient();
  ++requests_;
  exchange_ = context()->exchanges.Take(context());
  exchange_->Begin(client);
  received_before_ = connection_.bytes_read() - connection_.in().size();
  sent_before_ = connection_.bytes_written();
  scanner_.Reset();
  empty_lines_.Reset();
  persistence_ = ClientPersistence::kKeep;
  body_.Start(BodyKind::kNone, 0);
  MoveTo(Phase::kExchange);
}

void ClientSession::StartExchange(size_t head_bytes) {
  BeginExchange();
  const http::Refusal refusal = exchange_->TakeHead(connection_.in(), head_bytes, Limits());
  if (refusal != http::Refusal::kNone) {
    exchange_->TakeUnread(connection_.in());
    return exchange_->Refuse(refusal);
  }
  body_.Start(exchange_->request().body, exchange_->request().content_length);
  exchange_->Start();
  // Its end may have come with the request.
  if (phase_ == Phase::kExchange) TellOfEnd();
}

void ClientSession::RefuseInput(http::Refusal refusal) {
  BeginExchange();
  exchange_->TakeUnread(connection_.in());
  exchange_->Refuse(refusal);
}

BodyStep ClientSession::NextBody() {
  const BodyStep step = body_.Next(connection_);
  // The client's end may have been seen before the request's; it counts from here on.
  if (step.kind == BodyStep::Kind::kEnd && connection_.end() != pool::ConnectionEnd::kOpen) {
    exchange_->OnClientEnded(/*gone=*/false);
  }
  return step;
}

void ClientSession::SendInformational(const http::ResponseHead& head) {
  const http::RequestHead& request = exchange_->request();
  if (request.version == http::Version::kHttp10) return;  // RFC 9110 section 15.2
  http::SerializeResponseHead(head, http::ResponseFraming{.upgrade = head.status == 101},
                              exchange_->via_name(), &connection_.out());
}

void ClientSession::SendHead(const http::ResponseHead& head, const HeadFacts& facts) {
  const http::RequestHead& request = exchange_->request();
  http::ResponseFraming framing{
      .client_version = request.version, .body = head.body, .content_length = head.content_length};
  if (head.body == BodyKind::kNone) {
    framing.send_length = head.has_content_length;
  } else if (head.body != BodyKind::kLength) {
    framing.body =
        request.version == http::Version::kHttp11 ? BodyKind::kChunked : BodyKind::kUntilClose;
  }
  chunked_response_ = framing.body == BodyKind::kChunked;
  persistence_ = DecidePersistence(framing.body == BodyKind::kUntilClose,
                                   facts.generated && head.status >= 400, facts.unfinished);
  // RFC 9110 section 15.5.22: a 426 says to which protocols the client has to change.
  framing.upgrade = head.status == 426 && head.headers.Find(http::FieldId::kUpgrade) != nullptr;
  framing.close = persistence_ != ClientPersistence::kKeep;
  framing.keep_alive_10 = !framing.close && request.version == http::Version::kHttp10;
  framing.date = context()->date.At(context()->loop->wall_now());
  http::SerializeResponseHead(head, framing, facts.generated ? "" : exchange_->via_name(),
                              &connection_.out());
}

// A client of CONNECT may send its tunnel's bytes at once, and one that offers an upgrade sometimes
// does, too. Read as the next request they would be what somebody else let that client send.
bool ClientSession::MayHaveSwitched() const {
  const http::RequestHead& request = exchange_->request();
  return request.method == http::Method::kConnect || request.offers_upgrade;
}

ClientPersistence ClientSession::DecidePersistence(bool until_close, bool refused,
                                                   bool unfinished) const {
  const http::RequestHead& request = exchange_->request();
  return http::DecideClientPersistence({
      .version = request.version,
      .client_close = request.connection_close,
      .client_keep_alive = request.connection_keep_alive,
      .response_until_close = until_close,
      .request_finished = !unfinished,
      .framing_error = exchange_->refused(),
      .switch_refused = refused && MayHaveSwitched(),
      .draining = context()->draining || listener_->draining(),
      .too_old = context()->loop->now() >= expires_at_,
      .last_request = requests_ >= max_requests_,
  });
}

void ClientSession::SendBody(pool::Buffer& from, size_t bytes) {
  if (chunked_response_) http::AppendChunkHeader(bytes, &connection_.out());
  connection_.out().MoveFrom(from, bytes);
  if (chunked_response_) http::AppendChunkEnd(&connection_.out());
}

void ClientSession::SendBody(std::string_view bytes) { connection_.out().Append(bytes); }

void ClientSession::SendEnd(const http::HeaderList* trailers) {
  if (chunked_response_) http::AppendLastChunk(trailers, &connection_.out());
}

bool ClientSession::Congested() {
  const size_t unsent = connection_.out().size();
  congested_ = congested_ ? unsent > kLowWatermark : unsent >= kHighWatermark;
  return congested_;
}

bool ClientSession::persists() const {
  return persistence_ == ClientPersistence::kKeep && !listener_->leaving();
}

uint64_t ClientSession::bytes_sent() const { return connection_.bytes_written() - sent_before_; }

uint64_t ClientSession::bytes_received() const {
  return connection_.bytes_read() - received_before_ - connection_.in().size();
}

pool::Connection& ClientSession::raw() {
  upgraded_ = true;
  return connection_;
}

void ClientSession::OnExchangeDone(bool complete) {
  listener_->cells().request_bytes.Add(bytes_received());
  listener_->cells().response_bytes.Add(bytes_sent());
  exchange_ = nullptr;
  EndAfterExchange(complete);
  if (phase_ == Phase::kIdle && !reading_heads_) ReadHeads();
}

void ClientSession::EndAfterExchange(bool complete) {
  if (upgraded_) return Close(SessionEndName(SessionEnd::kUpgraded));
  if (!complete) {
    // Without a reset a response that ends with the connection would look whole.
    if (persistence_ == ClientPersistence::kResponseUntilClose) connection_.Abort();
    return Close(SessionEndName(SessionEnd::kExchangeCut));
  }
  if (persistence_ == ClientPersistence::kKeep && !body_.finished()) {
    persistence_ = ClientPersistence::kRequestUnread;
  }
  body_.Release();
  if (persistence_ == ClientPersistence::kKeep) return EnterIdle();
  // Closing a socket that holds unread bytes sends a reset, which can overtake the response
  // (RFC 9112 section 9.6). What follows a head that could not be read, or the refusal of a tunnel,
  // is unknown: it may come yet.
  const bool more_may_come = persistence_ == ClientPersistence::kFramingError ||
                             persistence_ == ClientPersistence::kSwitchRefused || head_timed_out_;
  const bool nothing_unread =
      !more_may_come && body_.finished() && connection_.in().empty() && !connection_.readable();
  if (nothing_unread || connection_.gone()) return Close(EndReason());
  BeginLinger();
}

std::string_view ClientSession::EndReason() const {
  return head_timed_out_ ? SessionEndName(SessionEnd::kHeadTimeout)
                         : http::PersistenceName(persistence_);
}

void ClientSession::EnterIdle() {
  MoveTo(Phase::kIdle);
  WakeBy(Deadline());
}

void ClientSession::BeginLinger() {
  connection_.Shutdown();
  MoveTo(Phase::kLinger);
  linger_progress_ = phase_since_;
  WakeBy(phase_since_ + kLingerStall);
  Linger();
}

void ClientSession::Linger() {
  for (int round = 0; round < kLingerRounds; ++round) {
    connection_.in().Clear();
    if (!connection_.readable()) return;
    switch (connection_.Fill(kHighWatermark)) {
      case FillStatus::kRead: linger_progress_ = context()->loop->now(); break;
      case FillStatus::kWouldBlock:
      case FillStatus::kFull: return;
      case FillStatus::kEndOfStream:
      case FillStatus::kError: return Close(EndReason());
    }
  }
  // It sends faster than a turn may read; the timer looks again. What is left in the socket slows
  // it.
  connection_.in().Clear();
  ContinueLater();
}

void ClientSession::OnTimer(TimePoint now) {
  const TimePoint deadline = Deadline();
  if (now >= deadline) return OnDeadline();
  WakeBy(deadline);
  if (!more_at_hand_) return;
  more_at_hand_ = false;
  if (phase_ == Phase::kLinger) return Linger();
  if (phase_ != Phase::kExchange) ReadHeads();
}

// What ends the present phase if nothing happens any more.
TimePoint ClientSession::Deadline() const {
  const config::Listener& config = listener_->config();
  switch (phase_) {
    case Phase::kIdle:
      return config.idle_timeout.has_value() ? phase_since_ + *config.idle_timeout
                                             : TimePoint::max();
    case Phase::kHead: return HeadDeadline();
    case Phase::kExchange:  // It has a timer of its own.
      return TimePoint::max();
    case Phase::kLinger:
      return std::min(phase_since_ + kLingerTotal, linger_progress_ + kLingerStall);
    case Phase::kClosed: break;
  }
  HOLDFAST_CHECK(false);
}

TimePoint ClientSession::HeadDeadline() const {
  const auto& limit = listener_->config().head_timeout;
  const TimePoint deadline = limit.has_value() ? phase_since_ + *limit : TimePoint::max();
  if (!listener_->leaving()) return deadline;
  const TimePoint since = std::max(phase_since_, listener_->leaving_since());
  return std::min(deadline, since + kLeavingHeadPatience);
}

void ClientSession::OnDeadline() {
  if (phase_ == Phase::kIdle) return Close(SessionEndName(SessionEnd::kIdleTimeout));
  if (phase_ == Phase::kLinger) return Close(EndReason());
  HOLDFAST_CHECK(phase_ == Phase::kHead);
  if (listener_->leaving()) return Close(SessionEndName(SessionEnd::kDrained));
  OnHeadTimeout();
}

// Part of a request came and the rest did not: worth telling (RFC 9110 section 15.5.9).
void ClientSession::OnHeadTimeout() {
  head_timed_out_ = true;
  BeginExchange();
  exchange_->TakeUnread(connection_.in());
  exchange_->Fail(Failure::kHeadTimeout);
}

// An earlier wake-up that is armed already may stay: OnTimer looks at the deadline when it comes,
// which is cheaper than moving the timer for every request.
void ClientSession::WakeBy(TimePoint deadline) {
  if (deadline == TimePoint::max()) return;
  if (!timer_.armed() || timer_.deadline() > deadline) {
    context()->loop->timers().Arm(timer_, deadline);
  }
}

void ClientSession::OnReconfigured() {
  if (phase_ == Phase::kExchange) return exchange_->OnReconfigured();
  if (phase_ != Phase::kClosed) WakeBy(Deadline());
}

void ClientSession::BeginDrain() {
  // A response that is out waits for nothing else any more.
  if (phase_ == Phase::kExchange) return exchange_->Progress();
  if (phase_ == Phase::kHead) return WakeBy(Deadline());
  // A request that is in the socket already is served, with Connection: close.
  if (phase_ == Phase::kIdle && connection_.Inspect() != pool::Quiet::kData) {
    Close(SessionEndName(SessionEnd::kDrained));
  }
}

bool ClientSession::GiveWay() {
  HOLDFAST_CHECK(phase_ == Phase::kIdle);
  const bool at_rest = connection_.Inspect() != pool::Quiet::kData;
  if (at_rest) Close(SessionEndName(SessionEnd::kIdleEvicted));
  return at_rest;
}

bool ClientSession::Cut() {
  if (phase_ == Phase::kExchange) {
    exchange_->Cut();
    return true;
  }
  if (phase_ != Phase::kClosed) Close(SessionEndName(SessionEnd::kDrained));
  return false;
}

void ClientSession::Close(std::string_view reason) {
  HOLDFAST_CHECK(exchange_ == nullptr);
  (counted_active_ ? listener_->cells().active : listener_->cells().idle).Add(-1);
  context()
      ->shard->CounterFor(Metric::kClientConnectionsClosedTotal, {listener_->config().name, reason})
      .Add();
  if (IdleSession::linked()) listener_->OnSessionBusy(*this);
  phase_ = Phase::kClosed;
  tie_.Close();
  connection_.Close();
  context()->sessions.Remove(*this);
  listener_->OnSessionClosed();
  if (context()->sessions.empty() && context()->when_empty != nullptr) {
    context()->loop->Queue(*context()->when_empty);
  }
  context()->loop->timers().Cancel(timer_);
  context()->loop->DestroyLater(std::unique_ptr<ClientSession>(this));
}

}  // namespace holdfast::proxy
