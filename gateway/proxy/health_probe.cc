#include "gateway/proxy/health_probe.h"

#include <utility>

#include "gateway/http/persistence.h"
#include "gateway/http1/head_scan.h"
#include "pool/connect_result.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using pool::FillStatus;
using pool::FlushStatus;
using stream::BodyStep;

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
      body_(slabs, http::ChunkSender::kUpstream) {}

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
      if (connection_->readable() || connection_->gone()) connection_.reset();
      return;
    case State::kConnecting: HOLDFAST_CHECK(false);
    case State::kAwaitingHead: return ReadHead();
    case State::kReadingBody: return ReadBody();
  }
}

// A server that speaks first is a connection like any other to a check that asks for no more.
void HealthProbe::Connect() {
  connection_.reset();
  reused_ = false;
  state_ = State::kConnecting;
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
  connection_->set_events(this);
  Send();
}

void HealthProbe::Send() {
  state_ = State::kAwaitingHead;
  informational_ = 0;
  scanner_.Reset();
  read_before_ = connection_->bytes_read();
  connection_->out().Append(request_);
  ReadHead();
}

void HealthProbe::ReadHead() {
  // What was sent before the socket failed may still be read.
  if (connection_->Flush() == FlushStatus::kError && !connection_->readable()) return OnBroken();
  while (true) {
    const http::HeadScanner::Result scan =
        http1::ScanHead(&scanner_, connection_->in(), http::HeadLimits{});
    switch (scan.status) {
      case http::HeadScanner::Status::kComplete:
        if (!TakeHead(scan.head_bytes)) return;
        continue;
      case http::HeadScanner::Status::kRefused: return Finish(ProbeResult::kBadResponse);
      case http::HeadScanner::Status::kIncomplete: break;
    }
    switch (connection_->Fill(http::HeadLimits{}.head_bytes + 1)) {
      case FillStatus::kRead: break;
      case FillStatus::kWouldBlock: return;
      case FillStatus::kFull: return Finish(ProbeResult::kBadResponse);
      case FillStatus::kEndOfStream:
      case FillStatus::kError: return OnBroken();
    }
  }
}

bool HealthProbe::TakeHead(size_t head_bytes) {
  head_.Clear();
  const http::Refusal refusal = http::ParseResponseHead(
      connection_->in().Linearize(head_bytes), http::HeadLimits{}, http::Method::kGet, &head_);
  // 101 answers an upgrade that nobody asked for.
  if (refusal != http::Refusal::kNone || head_.status == 101 ||
      (head_.informational() && ++informational_ > kMaxInformational)) {
    Finish(ProbeResult::kBadResponse);
    return false;
  }
  if (!head_.informational()) {
    state_ = State::kReadingBody;
    status_ = head_.status;
    status_good_ = check_.min_status <= head_.status && head_.status <= check_.max_status;
    reusable_ = http::ResponseAllowsReuse(head_) &&
                http::FindStrayContent(head_) == http::StrayContent::kNone;
    body_.Start(head_.body, head_.content_length);
  }
  head_.Clear();  // Its views end here.
  connection_->in().Consume(head_bytes);
  scanner_.Reset();
  if (state_ == State::kAwaitingHead) return true;
  ReadBody();
  return false;
}

void HealthProbe::ReadBody() {
  while (true) {
    const BodyStep step = body_.Next(*connection_);
    switch (step.kind) {
      case BodyStep::Kind::kData:
        if (body_.bytes() > kMaxBodyBytes) return Conclude(/*keep=*/false);
        step.buffer->Consume(step.bytes);
        break;
      case BodyStep::Kind::kBlocked: return;
      case BodyStep::Kind::kEnd: return Conclude(reusable_);
      case BodyStep::Kind::kBroken:
        return Finish(step.refusal == http::Refusal::kNone ? ProbeResult::kClosed
                                                           : ProbeResult::kBadResponse);
    }
  }
}

void HealthProbe::Conclude(bool keep) {
  body_.Release();
  // Bytes beyond the response, or its end, are the connection's end.
  const bool clean = connection_->out().empty() && connection_->in().empty() &&
                     connection_->Fill(1) == FillStatus::kWouldBlock;
  if (!keep || !keep_ || !clean) connection_.reset();
  Finish(status_good_ ? ProbeResult::kOk : ProbeResult::kBadStatus);
}

void HealthProbe::OnBroken() {
  // The endpoint closed a kept connection as we used it, which says nothing about its health.
  const bool stale = reused_ && connection_->bytes_read() == read_before_;
  if (stale) return Connect();
  Finish(ProbeResult::kClosed);
}

void HealthProbe::Finish(ProbeResult result) {
  HOLDFAST_CHECK(state_ != State::kDone);
  if (result != ProbeResult::kOk && result != ProbeResult::kBadStatus) connection_.reset();
  loop_->timers().Cancel(timeout_timer_);
  attempt_.reset();
  result_ = result;
  state_ = State::kDone;
  loop_->Queue(tell_task_);
}

void HealthProbe::Tell() {
  state_ = State::kAtRest;
  on_result_(result_);
}

void HealthProbe::OnTimeout(pool::TimePoint) { Finish(ProbeResult::kTimeout); }

}  // namespace holdfast::proxy
