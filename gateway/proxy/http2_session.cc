#include "gateway/proxy/http2_session.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "gateway/config/config.h"
#include "gateway/http/persistence.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using pool::FillStatus;
using pool::TimePoint;
using Step = Exchange::Step;

namespace {

http2::Limits LimitsOf(const config::Listener& listener) {
  http2::Limits limits = listener.http2;
  limits.max_fields = listener.max_header_fields;
  limits.max_uri_bytes = listener.max_uri_bytes;
  return limits;
}

}  // namespace

std::string_view Http2Means::Date() { return context_->date.At(context_->loop->wall_now()); }

void Http2Serving::OnExchangeOver() {
  session->EndExchange(*this);
  session->LookAtEnd();
}

void Http2Session::TakeOver(Session& before, pool::Connection&& connection,
                            const pool::ProxiedEnds& ends) {
  // The worker's list holds it until its end.
  auto* const session = new Http2Session(before.listener(), std::move(connection), ends);
  session->Replace(before);
  session->CountActive(true);
  session->idle_since_ = session->accepted_at_;
  session->UpdateIdle();
  if (before.listener()->leaving()) session->BeginDrain();
  session->OnConnectionReady();
}

Http2Session::Http2Session(Listener* listener, pool::Connection&& connection,
                           const pool::ProxiedEnds& ends)
    : Session(listener),
      ip_(ends.source),
      unnamed_(ends.unnamed),
      announced_(ends.known()),
      ip_text_(ip_.Text(ip_room_)),
      accepted_at_(context()->loop->now()),
      sent_at_(accepted_at_),
      connection_(std::move(connection), this),
      session_(context()->loop, context()->slabs, &connection_, this, LimitsOf(listener->config()),
               context()->http2.get()) {
  if (announced_) context()->announced.emplace(this, ends);
  FollowConfig();
}

Http2Session::~Http2Session() { HOLDFAST_CHECK(servings_.empty()); }

void Http2Session::MoveTo(Phase next) {
  HOLDFAST_CHECK(next > phase_);
  phase_ = next;
  phase_since_ = context()->loop->now();
}

void Http2Session::FollowConfig() {
  if (config_seen_ == listener()->generation()) return;
  config_seen_ = listener()->generation();
  const ConnectionTerms terms = NewTerms(ip_, unnamed_, accepted_at_);
  trusted_ = terms.trusted;
  expires_at_ = terms.expires_at;
  max_requests_ = terms.max_requests;
}

void Http2Session::OnConnectionReady() {
  if (phase_ == Phase::kLinger) return Linger();
  session_.Receive();
  // What waits for room may go on.
  if (!connection_.out().empty()) session_.SendSoon();
  ServeStreams();
}

void Http2Session::OnSessionNews() {
  if (phase_ < Phase::kLinger) ServeStreams();
}

void Http2Session::ServeStreams() {
  if (connection_.bytes_written() != sent_ || !out_waits_) {
    sent_ = connection_.bytes_written();
    sent_at_ = context()->loop->now();
  }
  out_waits_ = !connection_.out().empty();
  while (http2::ServerStream* const stream = session_.NextServerStream()) {
    auto* const serving = static_cast<Http2Serving*>(stream->user());
    if (serving != nullptr) {
      Advance(*serving);
    } else if (stream->lost() || session_.flooded()) {
      // What a flood has asked for is not begun.
      stream->Finish(/*complete=*/false);
    } else if (stream->TakeBegin()) {
      Begin(*stream);
    }
  }
  LookAtEnd();
}

void Http2Session::Begin(http2::ServerStream& stream) {
  FollowConfig();
  ++requests_;
  Http2Means& means = *context()->http2;
  Http2Serving& serving = *means.servings().Take(context());
  serving.session = this;
  serving.stream = &stream;
  stream.set_user(&serving);
  servings_.PushBack(serving);
  listener()->cells().streams.Add(1);
  UpdateIdle();
  Exchange& exchange = serving.exchange;
  exchange.Begin({.stream = &stream,
                  .owner = &serving,
                  .listener = listener(),
                  .ip = ip_text_,
                  .trusted = trusted_,
                  .announced = announced_ ? &context()->announced.at(this) : nullptr,
                  .connection = &connection_,
                  .encrypted = connection_.transport().encrypted(),
                  .transport = &connection_.transport()});
  if (stream.refusal() != http::Refusal::kNone) {
    return Follow(serving, exchange.Refuse(stream.refusal()));
  }
  Follow(serving, connection_.transport().MayAskFor(stream.request().host)
                      ? exchange.Start()
                      : exchange.Reject(Failure::kMisdirected));
}

void Http2Session::Advance(Http2Serving& serving) {
  if (!serving.stream->lost()) return Follow(serving, serving.exchange.Progress());
  Step step = serving.exchange.OnClientEnded(/*gone=*/true);
  // A tunnel passes on what came before, as far as there is room for it.
  if (step == Step::kGoing) step = serving.exchange.Progress();
  if (step == Step::kGoing) step = serving.exchange.Abandon();
  Follow(serving, step);
}

void Http2Session::Follow(Http2Serving& serving, Step step) {
  if (step == Step::kOver) EndExchange(serving);
}

void Http2Session::EndExchange(Http2Serving& serving) {
  http2::ServerStream& stream = *std::exchange(serving.stream, nullptr);
  stream.set_user(nullptr);
  listener()->cells().request_bytes.Add(stream.bytes_received());
  listener()->cells().response_bytes.Add(stream.bytes_sent());
  const bool complete = serving.exchange.Finish();
  servings_.Remove(serving);
  listener()->cells().streams.Add(-1);
  context()->http2->servings().Give(context()->loop, &serving);
  stream.Finish(complete);
  UpdateIdle();
}

// Where the connection stands, after anything has happened on it.
void Http2Session::LookAtEnd() {
  if (phase_ >= Phase::kLinger) return;
  if (session_.guard().has_counts()) CountGlitches();
  if (session_.over()) {
    if (connection_.gone() || connection_.end() != pool::ConnectionEnd::kOpen) {
      return Close(EndOfConnection());
    }
    if (session_.failed()) return BeginLinger(EndOfConnection());
    return BeginLinger(phase_ == Phase::kOpen ? SessionEndName(SessionEnd::kClientClosed)
                                              : end_reason_);
  }
  if (phase_ == Phase::kOpen && session_.end_announced()) {
    end_reason_ = SessionEndName(SessionEnd::kHttp2Flood);
    MoveTo(Phase::kLeaving);
  }
  if (phase_ == Phase::kOpen && requests_ >= max_requests_) {
    SayGoodbye(http::PersistenceName(http::ClientPersistence::kMaxRequests));
  }
  // Whoever comes now may ask once, as over HTTP/1.
  if (requests_ > 0 && context()->draining) BeginDrain();
  if (phase_ == Phase::kLeaving && session_.end_noticed()) {
    MoveTo(Phase::kLeft);
    session_.RefuseNewStreams();
  }
  WakeBy(Deadline());
}

void Http2Session::CountGlitches() {
  const auto counts = session_.guard().TakeCounts();
  for (size_t kind = 0; kind < counts.size(); ++kind) {
    if (counts[kind] == 0) continue;
    context()
        ->shard
        ->CounterFor(metrics::Metric::kClientGlitchesTotal,
                     {listener()->config().name,
                      http2::kGlitchWords.WordOf(static_cast<http2::Glitch>(kind))})
        .Add(counts[kind]);
  }
}

std::string_view Http2Session::EndOfConnection() const {
  if (session_.flooded()) return SessionEndName(SessionEnd::kHttp2Flood);
  if (session_.failed()) return SessionEndName(SessionEnd::kHttp2Broken);
  const bool in_order = connection_.end() == pool::ConnectionEnd::kEndedInOrder;
  return SessionEndName(in_order ? SessionEnd::kClientClosed : SessionEnd::kClientReset);
}

void Http2Session::UpdateIdle() {
  const bool idle = servings_.empty();
  if (idle == IdleSession::linked()) return;
  CountActive(!idle);
  if (!idle) return listener()->OnSessionBusy(*this);
  idle_since_ = context()->loop->now();
  listener()->OnSessionIdle(*this);
}

bool Http2Session::Stalled(TimePoint now) {
  if (LeftUntaken() && now >= LeftSince() + session_.limits().write_timeout) return true;
  return !connection_.out().empty() && now >= sent_at_ + session_.limits().write_timeout;
}

void Http2Session::OnTimer(TimePoint now) {
  if (phase_ == Phase::kLinger) return Close(end_reason_);
  if (Stalled(now)) return Close(SessionEndName(SessionEnd::kWriteStalled));
  const config::Listener& config = listener()->config();
  if (config.head_timeout.has_value()) {
    const auto fields_since = session_.fields_since();
    const bool late = (!session_.greeted() && now >= accepted_at_ + *config.head_timeout) ||
                      (fields_since.has_value() && now >= *fields_since + *config.head_timeout);
    if (late) return Close(SessionEndName(SessionEnd::kHeadTimeout));
  }
  if (phase_ == Phase::kOpen && now >= expires_at_) {
    SayGoodbye(http::PersistenceName(http::ClientPersistence::kConnectionAge));
  } else if (phase_ == Phase::kOpen && servings_.empty() && config.idle_timeout.has_value() &&
             now >= idle_since_ + *config.idle_timeout) {
    SayGoodbye(SessionEndName(SessionEnd::kIdleTimeout));
  } else if (phase_ == Phase::kLeaving && now >= phase_since_ + kGoodbyeStep) {
    MoveTo(Phase::kLeft);
    session_.RefuseNewStreams();
  }
  WakeBy(Deadline());
}

TimePoint Http2Session::Deadline() {
  const config::Listener& config = listener()->config();
  TimePoint deadline = TimePoint::max();
  const auto by = [&](TimePoint since, const std::optional<pool::Duration>& patience) {
    if (patience.has_value()) deadline = std::min(deadline, since + *patience);
  };
  if (!connection_.out().empty()) by(sent_at_, session_.limits().write_timeout);
  if (LeftUntaken()) by(LeftSince(), session_.limits().write_timeout);
  if (!session_.greeted()) by(accepted_at_, config.head_timeout);
  if (session_.fields_since().has_value()) by(*session_.fields_since(), config.head_timeout);
  if (phase_ == Phase::kOpen) {
    deadline = std::min(deadline, expires_at_);
    if (servings_.empty()) by(idle_since_, config.idle_timeout);
  }
  if (phase_ == Phase::kLeaving) by(phase_since_, kGoodbyeStep);
  return deadline;
}

void Http2Session::WakeBy(TimePoint deadline) {
  if (deadline == TimePoint::max()) return;
  if (!timer_.armed() || timer_.deadline() > deadline) {
    context()->loop->timers().Arm(timer_, deadline);
  }
}

void Http2Session::OnReconfigured() {
  if (phase_ == Phase::kClosed) return;
  FollowConfig();
  for (Http2Serving* serving = servings_.front(); serving != nullptr;
       serving = decltype(servings_)::Next(*serving)) {
    serving->exchange.OnReconfigured();
  }
  if (phase_ < Phase::kLinger) WakeBy(Deadline());
}

void Http2Session::SayGoodbye(std::string_view reason) {
  HOLDFAST_CHECK(phase_ == Phase::kOpen);
  end_reason_ = reason;
  MoveTo(Phase::kLeaving);
  session_.AnnounceEnd();
  WakeBy(Deadline());
}

void Http2Session::BeginDrain() {
  if (phase_ == Phase::kOpen) SayGoodbye(SessionEndName(SessionEnd::kDrained));
}

// What was answered last may not have left yet: then it has the time of a write.
bool Http2Session::BeingAnswered() const {
  return (session_.streams() > 0 || !connection_.out().empty()) &&
         context()->loop->now() < idle_since_ + session_.limits().write_timeout;
}

bool Http2Session::GiveWay() {
  if (BeingAnswered()) return false;
  if (connection_.Inspect() == pool::Quiet::kData) {
    connection_.LookForMore();
    session_.ReceiveSoon();
    return false;
  }
  Close(SessionEndName(SessionEnd::kIdleEvicted));
  return true;
}

bool Http2Session::Cut() {
  if (phase_ == Phase::kClosed) return false;
  const bool busy = !servings_.empty();
  while (Http2Serving* const serving = servings_.front()) {
    serving->exchange.Cut();
    EndExchange(*serving);
  }
  Close(SessionEndName(SessionEnd::kDrained));
  return busy;
}

void Http2Session::LoseStreams() {
  session_.Lose();
  while (http2::ServerStream* const stream = session_.NextServerStream()) {
    if (auto* const serving = static_cast<Http2Serving*>(stream->user())) {
      Advance(*serving);
    } else {
      stream->Finish(/*complete=*/false);
    }
  }
}

void Http2Session::BeginLinger(std::string_view reason) {
  end_reason_ = reason;
  LoseStreams();
  connection_.Shutdown();
  MoveTo(Phase::kLinger);
  context()->loop->timers().Arm(timer_, phase_since_ + kLingerTime);
  Linger();
}

void Http2Session::Linger() {
  for (int round = 0; round < http2::Session::kMaxReads; ++round) {
    connection_.in().Clear();
    if (!connection_.readable()) return;
    switch (connection_.Fill(pool::Connection::kMaxReadBytes)) {
      case FillStatus::kRead: break;
      case FillStatus::kWouldBlock:
      case FillStatus::kFull: return;
      case FillStatus::kEndOfStream:
      case FillStatus::kError: return Close(end_reason_);
    }
  }
  // Whoever sends on and on is not waited for.
  connection_.in().Clear();
  if (connection_.readable()) Close(end_reason_);
}

void Http2Session::Close(std::string_view reason) {
  if (phase_ == Phase::kClosed) return;
  LoseStreams();
  MoveTo(Phase::kClosed);
  connection_.Close();
  if (announced_) context()->ForgetAnnounced(this);
  Delist(reason, requests_);
  context()->loop->timers().Cancel(timer_);
  context()->loop->DestroyLater(std::unique_ptr<Http2Session>(this));
}

}  // namespace holdfast::proxy
