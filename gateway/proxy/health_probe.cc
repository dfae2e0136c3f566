#include "gateway/proxy/health_probe.h"

#include <utility>

#include "pool/connect_result.h"
#include "pool/net/check.h"
#include "pool/reuse.h"

namespace holdfast::proxy {

using pool::FillStatus;
using pool::FlushStatus;
using stream::BodyStep;
using stream::HeadStep;
using stream::UpstreamTrouble;

namespace {

// An endpoint that sends more interim responses than this is broken.
constexpr int kMaxInformational = 16;

// RFC 9112 section 3.2.1: origin-form, Host first.
std::string RequestFor(const config::HealthCheck& check, std::string_view host) {
  std::string request = "GET " + check.path + " HTTP/1.1\r\nHost: ";
  request += check.host.empty() ? host : check.host;
  request += "\r\nUser-Agent: holdfast-health-check\r\nAccept: */*\r\n\r\n";
  return request;
}

}  // namespace

std::string_view ProbeResultName(ProbeResult result) {
  switch (result) {
    case ProbeResult::kOk: return "ok";
    case ProbeResult::kBadStatus: return "bad_status";
    case ProbeResult::kConnectFailed: return "connect_failed";
    case ProbeResult::kTimeout: return "timeout";
    case ProbeResult::kClosed: return "closed";
    case ProbeResult::kBadResponse: return "bad_response";
    case ProbeResult::kNotMade: return "not_made";
  }
  HOLDFAST_CHECK(false);
}

HealthProbe::HealthProbe(pool::EventLoop* loop, pool::SlabPool* slabs, pool::Dialer* dialer,
                         pool::EndpointKey key, bool keep, OnResult on_result)
    : loop_(loop),
      dialer_(dialer),
      key_(std::move(key)),
      keep_(keep),
      on_result_(std::move(on_result)),
      stream_(slabs) {}

void HealthProbe::MoveTo(State next) {
  const auto legal = [this, next] {
    switch (state_) {
      case State::kAtRest: return next == State::kConnecting || next == State::kAwaitingHead;
      case State::kConnecting: return next != State::kAtRest && next != State::kReadingBody;
      // Back to kConnecting when a kept connection turns out to be closed.
      case State::kAwaitingHead: return next != State::kAtRest && next != State::kAwaitingHead;
      case State::kReadingBody: return next == State::kDone;
      case State::kDone: return next == State::kAtRest;
    }
    return false;
  };
  HOLDFAST_CHECK(legal());
  state_ = next;
}

void HealthProbe::Start(const config::HealthCheck& check, std::string_view host) {
  HOLDFAST_CHECK(state_ == State::kAtRest);
  check_ = check;
  loop_->timers().Arm(timeout_timer_, loop_->now() + check.timeout);
  if (check.type == config::HealthCheck::Type::kTcp) return Connect();
  request_ = RequestFor(check, host);
  reused_ = connection_ != nullptr;
  if (reused_) return Send();
  Connect();
}

void HealthProbe::OnConnectionReady() {
  switch (state_) {
    case State::kAtRest:
    case State::kDone:
      // Nobody asked the endpoint: what it sends, its end included, spoils the connection.
      if (connection_->gone() || connection_->Inspect() != pool::Quiet::kQuiet) connection_.reset();
      return;
    case State::kConnecting:
    case State::kAwaitingHead:
    case State::kReadingBody: HOLDFAST_CHECK(false);
  }
}

void HealthProbe::OnStreamReady() {
  if (state_ == State::kAwaitingHead) return ReadHead();
  HOLDFAST_CHECK(state_ == State::kReadingBody);
  ReadBody();
}

// A server that speaks first is a connection like any other to a check that asks for no more.
void HealthProbe::Connect() {
  connection_.reset();
  reused_ = false;
  MoveTo(State::kConnecting);
  const pool::DialTerms terms{.quiet = check_.type == config::HealthCheck::Type::kHttp};
  pool::DialStart start = dialer_->Dial(key_, terms, this);
  if (start.attempt == nullptr) return OnDialFailed(start.refusal);
  attempt_ = std::move(start.attempt);
}

void HealthProbe::OnDialFailed(pool::CheckoutResult result) {
  attempt_.reset();
  const bool speaks = pool::OutcomeOf(result).has_value();
  Finish(speaks ? ProbeResult::kConnectFailed : ProbeResult::kNotMade);
}

void HealthProbe::OnDialed(std::unique_ptr<pool::Connection> connection) {
  attempt_.reset();
  if (check_.type == config::HealthCheck::Type::kTcp) return Finish(ProbeResult::kOk);
  connection_ = std::move(connection);
  Send();
}

void HealthProbe::Send() {
  MoveTo(State::kAwaitingHead);
  informational_ = 0;
  stream_.Start(connection_.get(), http::Method::kGet, this);
  stream_.SendRequest(request_);
  ReadHead();
}

void HealthProbe::ReadHead() {
  const bool failed = stream_.Flush() == FlushStatus::kError;
  while (true) {
    const HeadStep step = stream_.NextHead(&head_);
    switch (step.kind) {
      case HeadStep::Kind::kBlocked:
        // What was sent before the socket failed was read.
        if (failed) OnBroken();
        return;
      case HeadStep::Kind::kBroken:
        if (step.trouble != UpstreamTrouble::kBadResponse) return OnBroken();
        return Finish(ProbeResult::kBadResponse);
      case HeadStep::Kind::kHead: break;
    }
    // 101 answers an upgrade that nobody asked for.
    if (head_.status == 101 || (head_.informational() && ++informational_ > kMaxInformational)) {
      return Finish(ProbeResult::kBadResponse);
    }
    if (head_.informational()) continue;
    MoveTo(State::kReadingBody);
    status_ = head_.status;
    status_good_ = check_.min_status <= head_.status && head_.status <= check_.max_status;
    body_bytes_ = 0;
    return ReadBody();
  }
}

void HealthProbe::ReadBody() {
  while (true) {
    const BodyStep step = stream_.NextBody();
    switch (step.kind) {
      case BodyStep::Kind::kData:
        body_bytes_ += step.bytes;
        if (body_bytes_ > kMaxBodyBytes) return Conclude(/*whole=*/false);
        step.buffer->Consume(step.bytes);
        break;
      case BodyStep::Kind::kBlocked: return;
      case BodyStep::Kind::kEnd: return Conclude(/*whole=*/true);
      case BodyStep::Kind::kBroken:
        return Finish(step.refusal == http::Refusal::kNone ? ProbeResult::kClosed
                                                           : ProbeResult::kBadResponse);
    }
  }
}

void HealthProbe::Conclude(bool whole) {
  const pool::ReuseFacts facts = stream_.Finish();
  connection_->set_events(this);
  // Bytes beyond the response, or its end, are the connection's end.
  const bool clean = connection_->out().empty() && connection_->in().empty() &&
                     connection_->Fill(1) == FillStatus::kWouldBlock;
  const bool allowed = pool::DecideReuse(facts) == pool::CloseReason::kNone && !facts.rest &&
                       facts.keep_alive_max != 0u;
  if (!whole || !keep_ || !clean || !allowed) connection_.reset();
  Finish(status_good_ ? ProbeResult::kOk : ProbeResult::kBadStatus);
}

void HealthProbe::OnBroken() {
  // The endpoint closed a kept connection as we used it, which says nothing about its health.
  const bool stale = reused_ && !stream_.response_begun();
  stream_.Finish();
  if (stale) return Connect();
  Finish(ProbeResult::kClosed);
}

void HealthProbe::Finish(ProbeResult result) {
  HOLDFAST_CHECK(state_ != State::kDone);
  if (stream_.active()) stream_.Finish();
  if (result != ProbeResult::kOk && result != ProbeResult::kBadStatus) connection_.reset();
  loop_->timers().Cancel(timeout_timer_);
  attempt_.reset();
  result_ = result;
  MoveTo(State::kDone);
  loop_->Queue(tell_task_);
}

void HealthProbe::Tell() {
  MoveTo(State::kAtRest);
  on_result_(result_);
}

void HealthProbe::OnTimeout(pool::TimePoint) { Finish(ProbeResult::kTimeout); }

}  // namespace holdfast::proxy
