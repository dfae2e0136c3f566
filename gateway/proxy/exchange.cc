#include "gateway/proxy/exchange.h"

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/http/hop_headers.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using http::BodyKind;
using http::Refusal;
using metrics::Metric;
using pool::Checkout;
using pool::FlushStatus;
using pool::TimePoint;

namespace {

// Of one step of a body that is kept for replay.
constexpr int kMaxReplayPieces = 16;

// "malformed_chunk_size: A chunk size is not made of hexadecimal digits alone."
std::string RefusalDetail(Refusal refusal) {
  return std::string(http::RefusalName(refusal)) + ": " + std::string(http::RefusalText(refusal));
}

}  // namespace

Exchange::Exchange(WorkerContext* context)
    : context_(context),
      upstream_(context->slabs),
      head_bytes_(context->slabs),
      replay_(context->slabs) {}

void Exchange::MoveTo(State next) {
  switch (next) {
    case State::kRouting: HOLDFAST_CHECK(state_ == State::kIdle); break;
    case State::kCheckout:
      HOLDFAST_CHECK(state_ == State::kRouting || state_ == State::kAwaitResponse ||
                     state_ == State::kCheckout);
      break;
    case State::kAwaitResponse:
      HOLDFAST_CHECK(state_ == State::kRouting || state_ == State::kCheckout ||
                     state_ == State::kAwaitResponse);
      HOLDFAST_CHECK(upstream_.active());
      break;
    case State::kRelay:
    case State::kTunnel:
      HOLDFAST_CHECK(state_ == State::kAwaitResponse && upstream_.active());
      break;
    case State::kFinishing:
      HOLDFAST_CHECK(state_ != State::kIdle && state_ != State::kTunnel);
      HOLDFAST_CHECK(!upstream_.active() && !waiting());
      break;
    case State::kIdle:
      HOLDFAST_CHECK(state_ != State::kIdle && !upstream_.active() && !waiting());
      break;
  }
  state_ = next;
  if (next != State::kIdle) ArmTimer();
}

void Exchange::Begin(const Client& client) {
  client_ = client;
  view_ = client.listener->view();
  listener_index_ = client.listener->index();
  started_ = last_progress_ = context_->loop->now();
  MoveTo(State::kRouting);
}

Refusal Exchange::TakeHead(pool::Buffer& in, size_t bytes, const http::HeadLimits& limits) {
  head_bytes_.MoveFrom(in, bytes);
  return http::ParseRequestHead(head_bytes_.Linearize(bytes), limits, &request_);
}

void Exchange::Start() {
  HOLDFAST_CHECK(state_ == State::kRouting);
  // A tunnel to anywhere is not a reverse proxy's to give, and TRACE would echo what fields the
  // client's own network put in (RFC 9110 sections 9.3.6 and 9.3.8).
  if (request_.method == http::Method::kConnect || request_.method == http::Method::kTrace) {
    return Fail(Failure::kUnsupportedMethod);
  }
  if (request_.expect_unknown) return Fail(Failure::kUnknownExpectation);
  // `OPTIONS *` asks about the server as a whole (RFC 9110 section 9.3.7): whoever serves its root.
  const std::string_view path = request_.path == "*" ? std::string_view("/") : request_.path;
  route::Miss miss;
  route_ = view_->snapshot().routes().Match(listener_index_, request_.host, path, request_.method,
                                            &miss);
  if (route_ == nullptr) {
    if (miss.reason == route::Miss::Reason::kMethodNotAllowed) {
      failure_ = Failure::kMethodNotAllowed;
      FillMethodNotAllowedReply(miss.allowed, &reply_);
    } else {
      failure_ = Failure::kNoRoute;
      FillNoRouteReply(request_, &reply_);
    }
    return SendLocal(reply_.head, reply_.body);
  }
  if (request_.body == BodyKind::kLength && route_->max_request_body.has_value() &&
      request_.content_length > *route_->max_request_body) {
    return Fail(Failure::kBodyTooLarge);
  }
  switch (route_->action) {
    case config::Action::kRespond:
      return SendLocal(view_->respond_head(*route_), route_->respond.body);
    case config::Action::kRedirect:
      FillRedirectReply(*route_, request_, &reply_);
      return SendLocal(reply_.head, reply_.body);
    case config::Action::kUpstream: return StartUpstream();
  }
}

void Exchange::Refuse(Refusal refusal) {
  failure_ = Failure::kRefusedFraming;
  context_->shard->CounterFor(Metric::kFramingRefusalsTotal, {"client", http::RefusalName(refusal)})
      .Add();
  request_.Clear();
  FillRefusalReply(refusal, &reply_);
  SendLocal(reply_.head, reply_.body);
}

void Exchange::StartUpstream() {
  te_trailers_ = http::DropHopHeaders(&request_.headers).te_trailers;
  attempts_left_ = route_->retry_attempts;
  Acquire(/*fresh=*/false, nullptr);
}

void Exchange::Acquire(bool fresh, const pool::SocketAddress* avoid) {
  Checkout checkout = cluster().Acquire(this, fresh, avoid, &endpoint_);
  switch (checkout.status) {
    case Checkout::Status::kLeased: return SendRequest(std::move(checkout.lease));
    case Checkout::Status::kWaiting: return MoveTo(State::kCheckout);
    case Checkout::Status::kRefused: return OnCheckoutFailed(checkout.refusal);
  }
}

void Exchange::OnLease(pool::Lease lease) {
  HOLDFAST_CHECK(state_ == State::kCheckout);
  SendRequest(std::move(lease));
}

// Nothing of the request has left, so another endpoint may have it whatever its method is.
void Exchange::OnCheckoutFailed(pool::CheckoutResult result) {
  const bool connect_failed = result == pool::CheckoutResult::kConnectRefused ||
                              result == pool::CheckoutResult::kConnectTimeout ||
                              result == pool::CheckoutResult::kConnectFailed;
  if (connect_failed && attempts_left_ > 0 && cluster().endpoints() > 1) {
    --attempts_left_;
    ++retries_;
    context_->shard->CounterFor(Metric::kUpstreamRetriesTotal, {upstream_name(), "other_endpoint"})
        .Add();
    const pool::SocketAddress failed = endpoint_;
    return Acquire(/*fresh=*/false, &failed);
  }
  const Failure failure = FailureOf(result);
  Fail(failure, failure == Failure::kNoEndpoint ? cluster().note() : std::string_view());
}

void Exchange::SendRequest(pool::Lease lease) {
  reused_ = lease.reused();
  upstream_.Start(std::move(lease), request_.method, this);
  if (!connected_at_.has_value()) connected_at_ = context_->loop->now();
  // Only a kept connection can turn out dead after the request was sent and be worth a second try.
  keep_for_replay_ = reused_ && attempts_left_ > 0;
  upstream_.SendHead(request_, http::ForwardedFacts{.client_ip = client_.ip,
                                                    .trust_client = client_.trusted,
                                                    .te_trailers = te_trailers_,
                                                    .default_host = DefaultHost()});
  if (!replay_.empty()) upstream_.SendBody(replay_, replay_.size());
  replayable_ = body_received_ == 0;
  if (request_done_) upstream_.SendEnd(client_.stream->request_trailers());
  NoteProgress();
  MoveTo(State::kAwaitResponse);
  Progress();
}

// What an HTTP/1.0 request without Host is told to be for: the upstream as the configuration names
// it.
std::string_view Exchange::DefaultHost() const {
  const config::Endpoint& endpoint =
      view_->snapshot().config().upstreams[route_->upstream].endpoints.front();
  return endpoint.host.empty() ? std::string_view("localhost") : std::string_view(endpoint.text);
}

void Exchange::Progress() {
  switch (state_) {
    case State::kAwaitResponse:
      if (PumpRequest()) AwaitHead();
      return;
    case State::kRelay:
      if (PumpRequest()) PumpResponse();
      return;
    case State::kTunnel: return PumpTunnel();
    case State::kFinishing: return ContinueFinish();
    case State::kCheckout:
    case State::kRouting:
    case State::kIdle:  // The task was queued before the exchange ended.
      return;
  }
}

// When a write fails the response may still be there to be read, and if not, reading says so.
bool Exchange::PumpRequest() {
  if (request_done_) {
    FlushUpstream();
    return true;
  }
  for (int round = 0; round < kMaxRounds; ++round) {
    const BodyStep::Kind filled = FillUpstream();
    if (filled == BodyStep::Kind::kBroken) return false;
    const FlushStatus flushed = FlushUpstream();
    if (filled != BodyStep::Kind::kData || flushed != FlushStatus::kDone) {
      ArmTimer();  // It may be another party's turn now.
      return true;
    }
  }
  context_->loop->Queue(progress_task_);
  return true;
}

BodyStep::Kind Exchange::FillUpstream() {
  while (!upstream_.Congested()) {
    const BodyStep step = client_.stream->NextBody();
    if (step.kind == BodyStep::Kind::kBlocked) return step.kind;
    if (step.kind == BodyStep::Kind::kBroken) {
      OnRequestBroken(step.refusal);
      return step.kind;
    }
    NoteProgress();
    if (step.kind == BodyStep::Kind::kEnd) {
      http::DropHopHeaders(client_.stream->request_trailers());
      upstream_.SendEnd(client_.stream->request_trailers());
      request_done_ = true;
      return step.kind;
    }
    body_received_ += step.bytes;
    if (route_->max_request_body.has_value() && body_received_ > *route_->max_request_body) {
      Fail(Failure::kBodyTooLarge);
      return BodyStep::Kind::kBroken;
    }
    KeepForReplay(step);
    upstream_.SendBody(*step.buffer, step.bytes);
  }
  return BodyStep::Kind::kData;
}

void Exchange::OnRequestBroken(Refusal refusal) {
  if (refusal == Refusal::kNone) return BreakOff(Failure::kClientGone);
  context_->shard->CounterFor(Metric::kFramingRefusalsTotal, {"client", http::RefusalName(refusal)})
      .Add();
  Fail(Failure::kClientBodyBroken, RefusalDetail(refusal));
}

FlushStatus Exchange::FlushUpstream() {
  const uint64_t before = upstream_.bytes_sent();
  const FlushStatus status = upstream_.Flush();
  if (upstream_.bytes_sent() != before) NoteProgress();
  return status;
}

FlushStatus Exchange::FlushClient() {
  const uint64_t before = client_.stream->bytes_sent();
  const FlushStatus status = client_.stream->Flush();
  if (client_.stream->bytes_sent() != before) NoteProgress();
  return status;
}

void Exchange::KeepForReplay(const BodyStep& step) {
  if (!replayable_) return;
  if (!keep_for_replay_ || replay_.size() + step.bytes > kMaxReplayBytes) {
    replayable_ = false;
    replay_.Clear();
    return;
  }
  iovec pieces[kMaxReplayPieces];
  const int count = step.buffer->FillIovec(pieces, kMaxReplayPieces);
  size_t left = step.bytes;
  for (int i = 0; i < count && left > 0; ++i) {
    const size_t bytes = std::min(left, pieces[i].iov_len);
    replay_.Append({static_cast<const char*>(pieces[i].iov_base), bytes});
    left -= bytes;
  }
  replayable_ = left == 0;
}

void Exchange::AwaitHead() {
  while (true) {
    const HeadStep step = upstream_.NextHead(&response_);
    switch (step.kind) {
      case HeadStep::Kind::kBlocked: return;
      case HeadStep::Kind::kBroken: return OnUpstreamBroken(step.trouble, step.refusal);
      case HeadStep::Kind::kHead: break;
    }
    NoteProgress();
    if (response_.status == 101) return BeginTunnel();
    http::DropHopHeaders(&response_.headers);
    if (!response_.informational()) return BeginRelay();
    client_.stream->SendInformational(response_);
    client_.stream->Flush();
    continued_ |= response_.status == 100;
    ArmTimer();
  }
}

void Exchange::OnUpstreamBroken(UpstreamTrouble trouble, Refusal refusal) {
  if (trouble == UpstreamTrouble::kBadResponse) {
    context_->shard
        ->CounterFor(Metric::kFramingRefusalsTotal, {"upstream", http::RefusalName(refusal)})
        .Add();
    return Fail(Failure::kUpstreamBadResponse, RefusalDetail(refusal));
  }
  if (MayRetry()) {
    upstream_.End();
    const pool::SocketAddress dead = endpoint_;
    return Acquire(/*fresh=*/true, &dead);
  }
  Fail(trouble == UpstreamTrouble::kReset ? Failure::kUpstreamReset : Failure::kUpstreamClosed);
}

bool Exchange::MayRetry() {
  const RetryDecision decision = DecideRetry({
      .attempts_left = attempts_left_,
      .response_begun = upstream_.response_begun(),
      .reused_connection = reused_,
      .nothing_written = upstream_.bytes_sent() == 0,
      .idempotent = http::IsIdempotent(request_.method),
      .replayable = replayable_,
  });
  context_->shard
      ->CounterFor(Metric::kUpstreamRetriesTotal, {upstream_name(), RetryDecisionName(decision)})
      .Add();
  if (decision != RetryDecision::kRetry) return false;
  --attempts_left_;
  ++retries_;
  return true;
}

void Exchange::BeginRelay() {
  first_byte_at_ = context_->loop->now();
  status_ = response_.status;
  client_.stream->SendHead(response_, HeadFacts{.unfinished = BodyHeldBack()});
  MoveTo(State::kRelay);
  PumpResponse();
}

void Exchange::PumpResponse() {
  for (int round = 0; round < kMaxRounds; ++round) {
    const BodyStep::Kind filled = FillClient();
    if (filled == BodyStep::Kind::kEnd) return BeginFinish();
    const FlushStatus flushed = FlushClient();
    if (filled == BodyStep::Kind::kBroken) return BreakOff(Failure::kUpstreamTruncated);
    if (flushed == FlushStatus::kError) return BreakOff(Failure::kClientGone);
    if (filled == BodyStep::Kind::kBlocked || flushed == FlushStatus::kBlocked) return;
  }
  context_->loop->Queue(progress_task_);
}

BodyStep::Kind Exchange::FillClient() {
  while (!client_.stream->Congested()) {
    const BodyStep step = upstream_.NextBody();
    if (step.kind == BodyStep::Kind::kData) {
      NoteProgress();
      client_.stream->SendBody(*step.buffer, step.bytes);
      continue;
    }
    if (step.kind == BodyStep::Kind::kEnd) {
      http::DropHopHeaders(upstream_.response_trailers());
      client_.stream->SendEnd(upstream_.response_trailers());
      upstream_.End();
      // The upstream did not wait for the body; the client's connection need not suffer for it.
      discarding_ = !request_done_ && !BodyHeldBack() && BodyIsShort();
    } else if (step.kind == BodyStep::Kind::kBroken && step.refusal != Refusal::kNone) {
      context_->shard
          ->CounterFor(Metric::kFramingRefusalsTotal, {"upstream", http::RefusalName(step.refusal)})
          .Add();
    }
    return step.kind;
  }
  return BodyStep::Kind::kData;
}

void Exchange::BeginTunnel() {
  if (!request_.connection_upgrade || !response_.connection_upgrade || !request_done_) {
    return Fail(Failure::kUpstreamBadResponse, "it switched protocols without being asked");
  }
  first_byte_at_ = context_->loop->now();
  status_ = response_.status;
  http::DropHopHeaders(&response_.headers);
  client_.stream->SendInformational(response_);
  tunnel_.Start();
  const std::string& upstream = upstream_name();
  context_->shard->CounterFor(Metric::kTunnelsTotal, {upstream}).Add();
  context_->shard->GaugeFor(Metric::kTunnels, {upstream}).Add(1);
  MoveTo(State::kTunnel);
  PumpTunnel();
}

void Exchange::PumpTunnel() {
  bool moved = false;
  const Tunnel::State state = tunnel_.Pump(client_.stream->raw(), upstream_.raw(), &moved);
  if (moved) NoteProgress();
  if (state == Tunnel::State::kMore) {
    context_->loop->Queue(progress_task_);
  } else if (state == Tunnel::State::kClosed) {
    Done(/*complete=*/true);
  }
}

void Exchange::SendLocal(const http::ResponseHead& head, std::string_view body) {
  // A short body is read and dropped so that the connection can be kept; one that the client holds
  // back until it is told to go on, or one without a near end, is not.
  const bool unreadable =
      failure_ == Failure::kRefusedFraming || failure_ == Failure::kHeadTimeout ||
      failure_ == Failure::kClientBodyBroken || failure_ == Failure::kClientBodyTimeout;
  discarding_ = BodyIsShort() && !request_.expect_continue && !unreadable && !request_done_;
  status_ = head.status;
  if (!first_byte_at_.has_value()) first_byte_at_ = context_->loop->now();
  const bool unread = (request_.body != BodyKind::kNone && !request_done_ && !discarding_) ||
                      failure_ == Failure::kHeadTimeout;
  client_.stream->SendHead(head, HeadFacts{.generated = true, .unfinished = unread});
  if (request_.method != http::Method::kHead && head.body == BodyKind::kLength) {
    client_.stream->SendBody(body);
  }
  client_.stream->SendEnd(nullptr);
  BeginFinish();
}

void Exchange::BeginFinish() {
  MoveTo(State::kFinishing);
  ContinueFinish();
}

void Exchange::ContinueFinish() {
  const FlushStatus flushed = FlushClient();
  if (flushed == FlushStatus::kError) return BreakOff(Failure::kClientGone);
  if (discarding_) discarding_ = DiscardRequestBody();
  if (flushed == FlushStatus::kDone && !discarding_) Done(/*complete=*/true);
}

// True while there is more to come.
bool Exchange::DiscardRequestBody() {
  while (discarded_ <= kMaxDiscardBytes) {
    const BodyStep step = client_.stream->NextBody();
    if (step.kind == BodyStep::Kind::kBlocked) return true;
    if (step.kind != BodyStep::Kind::kData) return false;
    NoteProgress();
    discarded_ += step.bytes;
    step.buffer->Consume(step.bytes);
  }
  return false;
}

void Exchange::Fail(Failure failure, std::string_view detail) {
  HOLDFAST_CHECK(state_ != State::kIdle);
  if (status_ != 0 || FailureStatus(failure) == 0) return BreakOff(failure);
  failure_ = failure;
  FillErrorReply(failure, detail, &reply_);
  CancelWait();
  upstream_.End();
  SendLocal(reply_.head, reply_.body);
}

void Exchange::BreakOff(Failure failure) {
  failure_ = failure;
  CancelWait();
  upstream_.End();
  Done(/*complete=*/false);
}

bool Exchange::OnClientEnded(bool gone) {
  switch (state_) {
    case State::kCheckout:
    case State::kAwaitResponse:
      if (gone) {
        BreakOff(Failure::kClientGone);
      } else if (!client_ended_at_.has_value()) {
        client_ended_at_ = context_->loop->now();
        ArmTimer();
      }
      return gone;
    case State::kRelay:
    case State::kFinishing:
      // One that only ended its side may still read what is on its way.
      if (gone) BreakOff(Failure::kClientGone);
      return gone;
    case State::kTunnel: return false;  // The tunnel passes ends and failures on by itself.
    case State::kRouting:
    case State::kIdle: HOLDFAST_CHECK(false);
  }
  return false;
}

void Exchange::Cut() { BreakOff(Failure::kShutdown); }

void Exchange::Done(bool complete) {
  if (state_ == State::kTunnel) {
    context_->shard->GaugeFor(Metric::kTunnels, {upstream_name()}).Add(-1);
    upstream_.End();
  }
  Account();
  MoveTo(State::kIdle);
  ClientStream* stream = client_.stream;
  Reset();
  context_->exchanges.Give(context_, this);
  stream->OnExchangeDone(complete);
}

void Exchange::Reset() {
  client_ = Client{};
  view_ = ViewPin();
  route_ = nullptr;
  failure_ = Failure::kNone;
  request_.Clear();
  response_.Clear();
  head_bytes_.Clear();
  replay_.Clear();
  status_ = 0;
  attempts_left_ = retries_ = 0;
  body_received_ = discarded_ = 0;
  request_done_ = continued_ = discarding_ = reused_ = keep_for_replay_ = te_trailers_ = false;
  replayable_ = true;
  client_ended_at_.reset();
  connected_at_.reset();
  first_byte_at_.reset();
}

void Exchange::Account() {
  const TimePoint now = context_->loop->now();
  RouteCells& cells = view_->cells(listener_index_, route_);
  // As nginx counts requests whose client did not wait for an answer.
  constexpr int kClientClosedRequest = 499;
  const bool unanswered = status_ == 0 && failure_ == Failure::kClientGone;
  // Of what could not be read nobody knows the method.
  const http::Method method = request_.method_text.empty() ? http::Method::kOther : request_.method;
  cells.CountRequest(method, unanswered ? kClientClosedRequest : status_);
  if (first_byte_at_.has_value()) cells.first_byte.Observe(*first_byte_at_ - started_);
  cells.duration.Observe(now - started_);
  if (BlamesUpstream(failure_) && route_ != nullptr) {
    context_->shard
        ->CounterFor(Metric::kUpstreamRequestFailuresTotal,
                     {upstream_name(), FailureName(failure_)})
        .Add();
  }
  if (context_->access_log != nullptr) LogExchange();
}

void Exchange::LogExchange() {
  const bool proxied = route_ != nullptr && route_->action == config::Action::kUpstream;
  const http::HeaderField* agent = request_.headers.Find(http::FieldId::kUserAgent);
  const std::string endpoint = connected_at_.has_value() ? endpoint_.ToString() : std::string();
  const auto since_start = [&](const std::optional<TimePoint>& point) {
    return point.has_value() ? *point - started_ : pool::Duration{-1};
  };
  context_->access_log->Record({
      .time = context_->loop->wall_now(),
      .listener = client_.listener->config().name,
      .client = client_.ip,
      .method = request_.method_text,
      .host = request_.authority,
      .target = request_.target,
      .protocol = request_.method_text.empty()                 ? std::string_view()
                  : request_.version == http::Version::kHttp11 ? "HTTP/1.1"
                                                               : "HTTP/1.0",
      .user_agent = agent != nullptr ? agent->value : std::string_view(),
      .status = status_,
      .route = route_ != nullptr ? std::string_view(route_->name) : std::string_view(),
      .upstream = proxied ? std::string_view(upstream_name()) : std::string_view(),
      .endpoint = endpoint,
      .reused = reused_,
      .retries = retries_,
      .bytes_in = client_.stream->bytes_received(),
      .bytes_out = client_.stream->bytes_sent(),
      .head = client_.head_time,
      .connection = since_start(connected_at_),
      .first_byte = since_start(first_byte_at_),
      .duration = context_->loop->now() - started_,
      .reason = FailureName(failure_),
  });
}

// Who is to do the next thing before there is a response.
Exchange::Party Exchange::AwaitedParty() {
  if (request_done_ || BodyHeldBack()) return Party::kResponder;
  return upstream_.Congested() ? Party::kReader : Party::kRequester;
}

// A client that was not told to go on keeps its body back (RFC 9110 section 10.1.1).
bool Exchange::BodyHeldBack() const {
  return request_.expect_continue && !continued_ && !request_done_ && body_received_ == 0;
}

// What ends the present state if nothing happens any more.
TimePoint Exchange::Deadline() {
  const auto after = [](TimePoint since, std::optional<pool::Duration> limit) {
    return limit.has_value() ? since + *limit : TimePoint::max();
  };
  const config::Listener& listener = client_.listener->config();
  TimePoint deadline = TimePoint::max();
  switch (state_) {
    case State::kAwaitResponse:
      switch (AwaitedParty()) {
        case Party::kResponder:
          deadline = after(last_progress_, route_->timeouts.first_byte);
          break;
        case Party::kRequester: deadline = after(last_progress_, listener.body_timeout); break;
        case Party::kReader: deadline = after(last_progress_, route_->timeouts.stall); break;
      }
      break;
    case State::kRelay: deadline = after(last_progress_, route_->timeouts.stall); break;
    case State::kTunnel: return after(last_progress_, route_->tunnel_idle_timeout);
    case State::kFinishing: return after(last_progress_, listener.body_timeout);
    case State::kRouting:
    case State::kIdle: return TimePoint::max();
    case State::kCheckout: break;  // The pool limits the wait.
  }
  if (client_ended_at_.has_value() && state_ != State::kRelay) {
    deadline = std::min(deadline, *client_ended_at_ + kHalfClosedPatience);
  }
  return std::min(deadline, after(started_, route_->timeouts.total));
}

// The deadline only moves away while a state lasts, but for the end of a request's body; the timer
// that is armed may come too early and looks again.
void Exchange::ArmTimer() {
  const TimePoint deadline = Deadline();
  if (deadline == TimePoint::max()) return;
  if (!timer_.armed() || timer_.deadline() > deadline) {
    context_->loop->timers().Arm(timer_, deadline);
  }
}

void Exchange::OnTimer(TimePoint now) {
  if (state_ == State::kIdle) return;
  if (now >= Deadline()) return OnTimeout();
  ArmTimer();
}

void Exchange::OnTimeout() {
  const auto& total = route_ != nullptr ? route_->timeouts.total : std::nullopt;
  if (state_ != State::kTunnel && state_ != State::kFinishing && total.has_value() &&
      context_->loop->now() >= started_ + *total) {
    return Fail(Failure::kTotalTimeout);
  }
  const bool awaited = state_ == State::kCheckout || state_ == State::kAwaitResponse;
  if (awaited && client_ended_at_.has_value() &&
      context_->loop->now() >= *client_ended_at_ + kHalfClosedPatience) {
    return BreakOff(Failure::kClientGone);
  }
  switch (state_) {
    case State::kAwaitResponse:
      switch (AwaitedParty()) {
        case Party::kResponder: return Fail(Failure::kFirstByteTimeout);
        case Party::kRequester: return Fail(Failure::kClientBodyTimeout);
        case Party::kReader: return Fail(Failure::kStallTimeout);
      }
      return;
    case State::kRelay:
      return BreakOff(client_.stream->Congested() ? Failure::kClientGone : Failure::kStallTimeout);
    case State::kTunnel: failure_ = Failure::kNone; return Done(/*complete=*/true);
    case State::kFinishing:
      if (!discarding_) return BreakOff(Failure::kClientGone);
      // The request is not worth more time; the response may still be on its way.
      discarding_ = false;
      NoteProgress();
      ArmTimer();
      return ContinueFinish();
    case State::kCheckout:
    case State::kRouting:
    case State::kIdle: HOLDFAST_CHECK(false);
  }
}

}  // namespace holdfast::proxy
