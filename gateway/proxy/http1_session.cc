#include "gateway/proxy/http1_session.h"

#include <algorithm>
#include <new>
#include <utility>

#include "gateway/http1/head_scan.h"
#include "gateway/proxy/http2_session.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using http::ClientPersistence;
using pool::FillStatus;
using pool::TimePoint;
using Step = Exchange::Step;

http1::ServerTerms::Terms Http1Serving::terms() const { return session->Terms(); }

std::string_view Http1Serving::Date() {
  WorkerContext* const context = session->context();
  return context->date.At(context->loop->wall_now());
}

void Http1Serving::OnExchangeOver() { session->OnExchangeOver(); }

Http1Session* Http1Session::Make(Listener* listener, pool::Connection&& connection,
                                 const pool::SocketAddress& peer) {
  void* const memory = listener->context()->http1_sessions.Take();
  return new (memory) Http1Session(listener, std::move(connection), peer);
}

void Http1Session::Destroy(void* session) {
  auto* const self = static_cast<Http1Session*>(session);
  HOLDFAST_CHECK(self->phase_ == Phase::kClosed);
  pool::BlockList* const memory = self->memory_;
  self->~Http1Session();
  memory->Give(self);
}

void Http1Session::Start(Listener* listener, pool::FileDescriptor socket,
                         const pool::SocketAddress& peer) {
  WorkerContext* const context = listener->context();
  pool::Connection connection(context->loop, context->slabs, std::move(socket), /*events=*/nullptr,
                              pool::Connection::Stage::kEstablished);
  auto* const session = Make(listener, std::move(connection), peer);
  session->Enlist();  // The worker's list holds it until its end.
  session->EnterIdle();
  session->Begin();
}

void Http1Session::TakeOver(Session& before, pool::Connection&& connection,
                            const pool::ProxiedEnds& ends) {
  auto* const session = Make(before.listener(), std::move(connection), ends.source);
  session->Replace(before);
  session->watched_ = true;
  session->unnamed_ = ends.unnamed;
  session->trusted_ = session->trusted_ && !ends.unnamed;
  if (ends.known()) {
    session->context()->announced.emplace(session, ends);
    session->announced_ = true;
  }
  session->EnterIdle();
  // It has just shaken hands, and its request is on its way.
  if (before.listener()->leaving()) {
    session->MoveTo(Phase::kHead);
    session->WakeBy(session->Deadline());
  }
  session->ReadHeads();
}

Http1Session::Http1Session(Listener* listener, pool::Connection&& connection,
                           const pool::SocketAddress& peer)
    : Session(listener),
      ip_(peer),
      accepted_at_(context()->loop->now()),
      connection_(std::move(connection), this) {
  FollowConfig();
}

void Http1Session::Begin() {
  if (listener()->early_reads().Worthwhile()) {
    connection_.LookForMore();
    ReadHeads();
    listener()->early_reads().Note(connection_.bytes_read() > 0);
    if (phase_ == Phase::kClosed) return;
  }
  if (Watch()) return;
  if (phase_ == Phase::kExchange) {
    Cut();
  } else {
    Close(SessionEndName(SessionEnd::kExchangeCut));
  }
}

bool Http1Session::Watch() {
  watched_ = connection_.Open(pool::Precedence::kInTurn) == 0;
  if (!watched_) listener()->CountUnwatched();
  return watched_;
}

void Http1Session::FollowConfig() {
  if (config_seen_ == listener()->generation()) return;
  config_seen_ = listener()->generation();
  const ConnectionTerms terms = NewTerms(ip_, unnamed_, accepted_at_);
  trusted_ = terms.trusted;
  expires_at_ = terms.expires_at;
  max_requests_ = terms.max_requests;
}

Http1Session::~Http1Session() { HOLDFAST_CHECK(serving_ == nullptr); }

void Http1Session::MoveTo(Phase next) {
  const Phase from = phase_;
  HOLDFAST_CHECK(from != Phase::kClosed);
  HOLDFAST_CHECK(next != Phase::kLinger || from == Phase::kExchange);
  HOLDFAST_CHECK((next == Phase::kExchange) == (serving_ != nullptr));
  if (IdleSession::linked()) listener()->OnSessionBusy(*this);
  phase_ = next;
  phase_since_ = context()->loop->now();
  if (next == Phase::kClosed) return;
  if (next == Phase::kIdle) listener()->OnSessionIdle(*this);
  CountActive(next == Phase::kExchange || next == Phase::kHead);
}

void Http1Session::OnConnectionReady() {
  switch (phase_) {
    case Phase::kIdle:
    case Phase::kHead: return ReadHeads();
    case Phase::kExchange: return OnReadyInExchange();
    case Phase::kLinger: return Linger();
    case Phase::kClosed: HOLDFAST_CHECK(false);
  }
}

void Http1Session::OnReadyInExchange() {
  Step step = TellOfEnd();
  if (step == Step::kGoing) step = serving_->exchange.Progress();
  if (step == Step::kOver) OnExchangeOver();
}

// A client that has sent its whole request and then its end: the exchange decides what that means.
Step Http1Session::TellOfEnd() {
  const bool gone = connection_.gone();
  return gone || serving_->stream.peer_ended() ? serving_->exchange.OnClientEnded(gone)
                                               : Step::kGoing;
}

void Http1Session::Follow(Step step) {
  if (step == Step::kOver) EndExchange();
}

void Http1Session::OnExchangeOver() {
  EndExchange();
  ReadHeads();
}

void Http1Session::ReadHeads() {
  TakeHeads();
  // A client in the middle of a head may take its time.
  if (phase_ == Phase::kHead) connection_.in().Shrink();
  // Nobody will ask this connection to go any more: the exchange that kept it has just ended.
  if (phase_ == Phase::kIdle && listener()->leaving()) BeginDrain();
}

void Http1Session::TakeHeads() {
  for (int steps = 0; phase_ == Phase::kIdle || phase_ == Phase::kHead; ++steps) {
    if (steps == kMaxReadSteps) {
      ContinueLater();
      break;
    }
    if (!ReadHead()) break;
  }
}

bool Http1Session::ReadHead() {
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
  const http::HeadScanner::Result scan = http1::ScanHead(&scanner_, in, Limits());
  switch (scan.status) {
    case http::HeadScanner::Status::kComplete: StartExchange(scan.head_bytes); return true;
    case http::HeadScanner::Status::kRefused: RefuseInput(scan.refusal); return true;
    case http::HeadScanner::Status::kIncomplete: break;
  }
  if (phase_ == Phase::kIdle) BeginHead();
  return FillInput();
}

void Http1Session::BeginHead() {
  MoveTo(Phase::kHead);
  WakeBy(Deadline());
}

// What is at hand already brings no readiness of its own.
void Http1Session::ContinueLater() {
  more_at_hand_ = true;
  WakeBy(context()->loop->now());
}

bool Http1Session::FillInput() {
  if (!connection_.readable()) return false;
  // A head beyond its limit is refused by the scanner before the buffer reaches this one.
  const size_t limit =
      std::max<size_t>(stream::kHighWatermark, listener()->config().max_head_bytes + 1);
  switch (connection_.Fill(limit)) {
    case FillStatus::kRead: return true;
    case FillStatus::kWouldBlock:
    case FillStatus::kFull: return false;
    case FillStatus::kEndOfStream: Close(SessionEndName(SessionEnd::kClientClosed)); return false;
    case FillStatus::kError: Close(SessionEndName(SessionEnd::kClientReset)); return false;
  }
  HOLDFAST_CHECK(false);
}

http::HeadLimits Http1Session::Limits() const {
  const config::Listener& config = listener()->config();
  return {.head_bytes = config.max_head_bytes,
          .fields = config.max_header_fields,
          .uri_bytes = config.max_uri_bytes};
}

void Http1Session::BeginExchange() {
  FollowConfig();
  ++requests_;
  Http1Serving* const serving = context()->http1_servings.Take(context());
  serving_ = serving;
  serving->session = this;
  serving->stream.Start(&connection_, serving);
  const bool head_in_pieces = phase_ == Phase::kHead;
  const pool::Duration head_time =
      head_in_pieces ? context()->loop->now() - phase_since_ : pool::Duration{0};
  serving->exchange.Begin({.stream = &serving->stream,
                           .owner = serving,
                           .listener = listener(),
                           .ip = ip_.Text(serving->ip),
                           .trusted = trusted_,
                           .announced = announced_ ? &context()->announced.at(this) : nullptr,
                           .connection = &connection_,
                           .encrypted = connection_.transport().encrypted(),
                           .transport = &connection_.transport(),
                           .head_time = head_time,
                           .tie = &tie_});
  scanner_.Reset();
  empty_lines_.Reset();
  MoveTo(Phase::kExchange);
}

// RFC 9113 section 3.4: the first lines of HTTP/2 look like a head.
bool Http1Session::BeginsHttp2() {
  constexpr std::string_view kBegin = "PRI * HTTP/2.0\r\n\r\n";
  return requests_ == 0 && listener()->config().Speaks(config::ClientProtocol::kHttp2) &&
         connection_.in().size() >= kBegin.size() &&
         connection_.in().Linearize(kBegin.size()) == kBegin;
}

// Its place and its connection are another session's from here on.
void Http1Session::GoOnAsHttp2() {
  if (!watched_ && !Watch()) return Close(SessionEndName(SessionEnd::kExchangeCut));
  pool::ProxiedEnds ends;
  std::array<char, pool::PeerIp::kMaxText> room;
  ends.source = pool::SocketAddress::FromIp(ip_.Text(room), 0).value_or(pool::SocketAddress());
  if (announced_) {
    ends = context()->announced.at(this);
    context()->ForgetAnnounced(this);
  }
  ends.unnamed = unnamed_;
  MoveTo(Phase::kClosed);
  tie_.Close();
  context()->loop->timers().Cancel(*this);
  Http2Session::TakeOver(*this, std::move(connection_), ends);
  memory_ = &context()->http1_sessions;
  context()->loop->DestroyLater(this, &Http1Session::Destroy);
}

void Http1Session::StartExchange(size_t head_bytes) {
  if (BeginsHttp2()) return GoOnAsHttp2();
  if (!listener()->config().Speaks(config::ClientProtocol::kHttp1)) {
    return RefuseInput(http::Refusal::kUnsupportedVersion);
  }
  BeginExchange();
  const http::Refusal refusal = serving_->stream.TakeHead(head_bytes, Limits());
  if (refusal != http::Refusal::kNone) {
    serving_->stream.TakeUnread();
    return Follow(serving_->exchange.Refuse(refusal));
  }
  Step step = connection_.transport().MayAskFor(serving_->stream.request().host)
                  ? serving_->exchange.Start()
                  : serving_->exchange.Reject(Failure::kMisdirected);
  // Its end may have come with the request.
  if (step == Step::kGoing) step = TellOfEnd();
  Follow(step);
}

void Http1Session::RefuseInput(http::Refusal refusal) {
  BeginExchange();
  serving_->stream.TakeUnread();
  Follow(serving_->exchange.Refuse(refusal));
}

http1::ServerTerms::Terms Http1Session::Terms() const {
  return {.draining = context()->draining || listener()->draining(),
          .leaving = listener()->leaving(),
          .too_old = context()->loop->now() >= expires_at_,
          .last_request = requests_ >= max_requests_};
}

void Http1Session::EndExchange() {
  Http1Serving* const serving = std::exchange(serving_, nullptr);
  http1::ServerStream& stream = serving->stream;
  listener()->cells().request_bytes.Add(stream.bytes_received());
  listener()->cells().response_bytes.Add(stream.bytes_sent());
  const bool complete = serving->exchange.Finish();
  const bool switched = stream.switched();
  const bool request_finished = stream.request_finished();
  persistence_ = stream.Finish();
  context()->http1_servings.Give(context()->loop, serving);
  EndAfterExchange(complete, switched, request_finished);
}

void Http1Session::EndAfterExchange(bool complete, bool switched, bool request_finished) {
  if (switched) return Close(SessionEndName(SessionEnd::kUpgraded));
  if (!complete) {
    // Without a reset a response that ends with the connection would look whole.
    if (persistence_ == ClientPersistence::kResponseUntilClose) connection_.Abort();
    return Close(SessionEndName(SessionEnd::kExchangeCut));
  }
  if (persistence_ == ClientPersistence::kKeep) return EnterIdle();
  // Closing a socket that holds unread bytes sends a reset, which can overtake the response
  // (RFC 9112 section 9.6). What follows a head that could not be read, or the refusal of a tunnel,
  // is unknown: it may come yet.
  const bool more_may_come = persistence_ == ClientPersistence::kFramingError ||
                             persistence_ == ClientPersistence::kSwitchRefused || head_timed_out_;
  const bool nothing_unread = !more_may_come && request_finished && connection_.in().empty() &&
                              !connection_.readable() && !connection_.news_waits();
  // Nor does anything come after the client's end.
  const bool ended = connection_.end() != pool::ConnectionEnd::kOpen && !connection_.readable();
  if (nothing_unread || ended || connection_.gone()) {
    connection_.SayEnd();
    return Close(EndReason());
  }
  BeginLinger();
}

std::string_view Http1Session::EndReason() const {
  return head_timed_out_ ? SessionEndName(SessionEnd::kHeadTimeout)
                         : http::PersistenceName(persistence_);
}

void Http1Session::EnterIdle() {
  MoveTo(Phase::kIdle);
  WakeBy(Deadline());
}

void Http1Session::BeginLinger() {
  connection_.Shutdown();
  MoveTo(Phase::kLinger);
  linger_progress_ = phase_since_;
  WakeBy(phase_since_ + kLingerStall);
  Linger();
}

void Http1Session::Linger() {
  for (int round = 0; round < kLingerRounds; ++round) {
    connection_.in().Clear();
    if (!connection_.readable()) return;
    switch (connection_.Fill(stream::kHighWatermark)) {
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

void Http1Session::OnTimer(TimePoint now) {
  const TimePoint deadline = Deadline();
  if (now >= deadline) return OnDeadline();
  WakeBy(deadline);
  if (!more_at_hand_) return;
  more_at_hand_ = false;
  if (phase_ == Phase::kLinger) return Linger();
  if (phase_ != Phase::kExchange) ReadHeads();
}

// What ends the present phase if nothing happens any more.
TimePoint Http1Session::Deadline() const {
  const config::Listener& config = listener()->config();
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

TimePoint Http1Session::HeadDeadline() const {
  const auto& limit = listener()->config().head_timeout;
  const TimePoint deadline = limit.has_value() ? phase_since_ + *limit : TimePoint::max();
  if (!listener()->leaving()) return deadline;
  const TimePoint since = std::max(phase_since_, listener()->leaving_since());
  return std::min(deadline, since + kLeavingHeadPatience);
}

void Http1Session::OnDeadline() {
  if (phase_ == Phase::kLinger) return Close(EndReason());
  HOLDFAST_CHECK(phase_ == Phase::kIdle || phase_ == Phase::kHead);
  if (CameInTime()) return;
  if (phase_ == Phase::kIdle) {
    connection_.SayEnd();
    return Close(SessionEndName(SessionEnd::kIdleTimeout));
  }
  if (listener()->leaving()) {
    connection_.SayEnd();
    return Close(SessionEndName(SessionEnd::kDrained));
  }
  OnHeadTimeout();
}

// What the client has sent may not have been told of yet: its turn is behind that of others.
bool Http1Session::CameInTime() {
  connection_.LookForMore();
  ReadHeads();
  if (phase_ != Phase::kIdle && phase_ != Phase::kHead) return true;
  const TimePoint deadline = Deadline();
  if (context()->loop->now() >= deadline) return false;
  WakeBy(deadline);
  return true;
}

// Part of a request came and the rest did not: worth telling (RFC 9110 section 15.5.9).
void Http1Session::OnHeadTimeout() {
  head_timed_out_ = true;
  BeginExchange();
  serving_->stream.TakeUnread();
  Follow(serving_->exchange.Reject(Failure::kHeadTimeout));
}

// An earlier wake-up that is armed already may stay: OnTimer looks at the deadline when it comes,
// which is cheaper than moving the timer for every request.
void Http1Session::WakeBy(TimePoint deadline) {
  if (deadline == TimePoint::max()) return;
  if (!armed() || Timer::deadline() > deadline) context()->loop->timers().Arm(*this, deadline);
}

void Http1Session::OnReconfigured() {
  if (phase_ == Phase::kExchange) return serving_->exchange.OnReconfigured();
  if (phase_ != Phase::kClosed) WakeBy(Deadline());
}

void Http1Session::BeginDrain() {
  // A response that is out waits for nothing else any more.
  if (phase_ == Phase::kExchange) {
    if (serving_->exchange.Progress() == Step::kOver) OnExchangeOver();
    return;
  }
  if (phase_ == Phase::kHead) return WakeBy(Deadline());
  if (phase_ == Phase::kIdle) CloseIfQuiet(SessionEnd::kDrained);
}

bool Http1Session::GiveWay() {
  HOLDFAST_CHECK(phase_ == Phase::kIdle);
  return CloseIfQuiet(SessionEnd::kIdleEvicted);
}

// A request that is there already is served; in a drain with Connection: close.
bool Http1Session::CloseIfQuiet(SessionEnd reason) {
  if (connection_.Inspect() == pool::Quiet::kData) {
    connection_.LookForMore();
    ContinueLater();
    return false;
  }
  connection_.SayEnd();
  Close(SessionEndName(reason));
  return true;
}

bool Http1Session::Cut() {
  if (phase_ == Phase::kExchange) {
    serving_->exchange.Cut();
    EndExchange();
    return true;
  }
  if (phase_ != Phase::kClosed) Close(SessionEndName(SessionEnd::kDrained));
  return false;
}

void Http1Session::Close(std::string_view reason) {
  HOLDFAST_CHECK(serving_ == nullptr);
  MoveTo(Phase::kClosed);
  tie_.Close();
  connection_.Close();
  if (announced_) context()->ForgetAnnounced(this);
  Delist(reason, requests_);
  context()->loop->timers().Cancel(*this);
  memory_ = &context()->http1_sessions;
  context()->loop->DestroyLater(this, &Http1Session::Destroy);
}

}  // namespace holdfast::proxy
