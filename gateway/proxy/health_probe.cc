#include "gateway/proxy/health_probe.h"

#include <utility>

#include "gateway/grpc/fields.h"
#include "gateway/grpc/health.h"
#include "gateway/proxy/upstream_streams.h"
#include "pool/connect_result.h"
#include "pool/net/check.h"
#include "pool/reuse.h"
#include "pool/tls/tls_failure.h"

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
  const bool calls = check.type == config::HealthCheck::Type::kGrpc;
  std::string request = calls ? "POST " : "GET ";
  request += calls ? grpc::kHealthPath : check.path;
  request += " HTTP/1.1\r\nHost: ";
  request += check.host.empty() ? host : check.host;
  request += "\r\nUser-Agent: holdfast-health-check\r\n";
  request += calls ? "Content-Type: application/grpc\r\nTE: trailers\r\n" : "Accept: */*\r\n";
  request += "\r\n";
  return request;
}

}  // namespace

std::string_view ProbeResultName(ProbeResult result) {
  switch (result) {
    case ProbeResult::kOk: return "ok";
    case ProbeResult::kBadStatus: return "bad_status";
    case ProbeResult::kNotServing: return "not_serving";
    case ProbeResult::kConnectFailed: return "connect_failed";
    case ProbeResult::kTlsFailed: return "tls_failed";
    case ProbeResult::kTimeout: return "timeout";
    case ProbeResult::kClosed: return "closed";
    case ProbeResult::kBadResponse: return "bad_response";
    case ProbeResult::kNotMade: return "not_made";
  }
  HOLDFAST_CHECK(false);
}

HealthProbe::HealthProbe(pool::EventLoop* loop, pool::SlabPool* slabs, pool::Dialer* dialer,
                         pool::EndpointKey key, bool keep, const Limits& limits, OnResult on_result)
    : loop_(loop),
      dialer_(dialer),
      slabs_(slabs),
      key_(std::move(key)),
      keep_(keep),
      limits_(limits),
      on_result_(std::move(on_result)),
      http1_(slabs) {}

HealthProbe::~HealthProbe() {
  if (stream_ != nullptr) EndStream();
}

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
  body_ = check.type == config::HealthCheck::Type::kGrpc ? grpc::HealthRequest(check.service) : "";
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
  DropConnection();
  reused_ = false;
  MoveTo(State::kConnecting);
  const pool::DialTerms terms{.quiet = check_.type != config::HealthCheck::Type::kTcp};
  pool::DialStart start = dialer_->Dial(key_, terms, this);
  if (start.attempt == nullptr) return OnDialFailed(start.refusal);
  attempt_ = std::move(start.attempt);
}

void HealthProbe::OnDialFailed(pool::CheckoutFailure failure) {
  attempt_.reset();
  if (failure.result == pool::CheckoutResult::kTlsFailed) {
    return FailHandshake(failure.word != nullptr ? std::string_view(failure.word)
                                                 : pool::CheckoutResultName(failure.result));
  }
  const bool speaks = pool::OutcomeOf(failure.result).has_value();
  Finish(speaks ? ProbeResult::kConnectFailed : ProbeResult::kNotMade);
}

void HealthProbe::OnDialed(std::unique_ptr<pool::Connection> connection) {
  attempt_.reset();
  if (check_.type == config::HealthCheck::Type::kTcp) return Finish(ProbeResult::kOk);
  connection_ = std::move(connection);
  Send();
}

void HealthProbe::DropConnection() {
  connection_.reset();
  if (http2_ == nullptr) return;
  http2_->connection->Close();
  loop_->DestroyLater(std::move(http2_));
}

void HealthProbe::Send() {
  MoveTo(State::kAwaitingHead);
  informational_ = 0;
  const bool h2 = key_.protocol == pool::UpstreamProtocol::kH2 ||
                  connection_->transport().protocol() == pool::kHttp2Protocol;
  if (h2) {
    SendOverHttp2();
  } else if (check_.type == config::HealthCheck::Type::kGrpc) {
    return Finish(ProbeResult::kBadResponse);  // It has chosen a protocol that has no gRPC.
  } else {
    http1_.Start(connection_.get(), http::Method::kGet, this,
                 {.head_bytes = limits_.head_bytes, .fields = limits_.fields});
    http1_.SendRequest(request_);
    stream_ = &http1_;
  }
  ReadHead();
}

void HealthProbe::SendOverHttp2() {
  HOLDFAST_CHECK(http2_ == nullptr);
  http2_ = std::make_unique<Http2>();
  http2_->connection = std::move(connection_);
  http2_->session = std::make_unique<http2::ClientSession>(
      loop_, slabs_, http2_->connection.get(), Http2LimitsFor(limits_.head_bytes, limits_.fields),
      &http2_->resting);
  http2_->connection->set_events(http2_->session->listener());
  const http::Method method = body_.empty() ? http::Method::kGet : http::Method::kPost;
  http2::ClientStream* const stream = http2_->session->Open(method, this);
  stream->SendRequest(request_, std::exchange(body_, {}));
  stream_ = stream;
}

void HealthProbe::ReadHead() {
  const bool failed = stream_->Flush() == FlushStatus::kError;
  while (true) {
    const HeadStep step = stream_->NextHead(&head_);
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
    grpc_status_.reset();
    if (check_.type == config::HealthCheck::Type::kGrpc) {
      grpc_status_ = grpc::StatusOf(head_.headers);
    }
    return ReadBody();
  }
}

void HealthProbe::ReadBody() {
  const bool calls = check_.type == config::HealthCheck::Type::kGrpc;
  while (true) {
    const BodyStep step = stream_->NextBody();
    switch (step.kind) {
      case BodyStep::Kind::kData:
        body_bytes_ += step.bytes;
        if (body_bytes_ > (calls ? grpc::kMaxHealthBytes : kMaxBodyBytes)) {
          return Conclude(/*whole=*/false);
        }
        if (calls) body_ += step.buffer->Linearize(step.bytes);
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

ProbeResult HealthProbe::GrpcVerdict(bool whole) {
  if (status_ != 200) return ProbeResult::kBadStatus;
  if (!grpc_status_) grpc_status_ = grpc::StatusOf(*stream_->response_trailers());
  if (!whole || !grpc_status_) return ProbeResult::kBadResponse;
  if (*grpc_status_ != grpc::Status::kOk) return ProbeResult::kBadStatus;
  const std::optional<bool> serving = grpc::IsServing(body_);
  if (!serving.has_value()) return ProbeResult::kBadResponse;
  return *serving ? ProbeResult::kOk : ProbeResult::kNotServing;
}

ProbeResult HealthProbe::Verdict(bool whole) {
  if (check_.type == config::HealthCheck::Type::kGrpc) return GrpcVerdict(whole);
  return status_good_ ? ProbeResult::kOk : ProbeResult::kBadStatus;
}

void HealthProbe::Conclude(bool whole) {
  const ProbeResult verdict = Verdict(whole);
  const pool::ReuseFacts facts = EndStream();
  if (http2_ != nullptr) {
    DropConnection();
    return Finish(verdict);
  }
  connection_->set_events(this);
  // Bytes beyond the response, or its end, are the connection's end.
  const bool clean = connection_->out().empty() && connection_->in().empty() &&
                     connection_->Fill(1) == FillStatus::kWouldBlock;
  const bool allowed = pool::DecideReuse(facts) == pool::CloseReason::kNone && !facts.rest &&
                       facts.keep_alive_max != 0u;
  if (!whole || !keep_ || !clean || !allowed) connection_.reset();
  Finish(verdict);
}

void HealthProbe::FailHandshake(std::string_view word) {
  failure_ = word;
  Finish(ProbeResult::kTlsFailed);
}

void HealthProbe::OnBroken() {
  // The endpoint closed a kept connection as we used it, which says nothing about its health.
  const bool stale = reused_ && !stream_->response_begun();
  EndStream();
  if (stale) return Connect();
  // An endpoint whose clients show certificates may say only now that ours is none for it.
  const char* const word = connection().error_word();
  if (word != nullptr && pool::RefusesUs(word)) return FailHandshake(word);
  Finish(ProbeResult::kClosed);
}

void HealthProbe::Finish(ProbeResult result) {
  HOLDFAST_CHECK(state_ != State::kDone);
  if (stream_ != nullptr) EndStream();
  const bool answered = result == ProbeResult::kOk || result == ProbeResult::kBadStatus ||
                        result == ProbeResult::kNotServing;
  if (!answered) DropConnection();
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

void HealthProbe::OnTimeout(pool::TimePoint) {
  if (state_ == State::kConnecting && attempt_ != nullptr && attempt_->reached()) {
    return FailHandshake(pool::CheckoutResultName(pool::CheckoutResult::kTlsTimeout));
  }
  Finish(ProbeResult::kTimeout);
}

}  // namespace holdfast::proxy
