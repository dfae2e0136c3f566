#include "gateway/proxy/exchange.h"

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/http/hop_headers.h"
#include "gateway/http/hops.h"
#include "gateway/proxy/hash_key.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using http::BodyKind;
using http::Refusal;
using metrics::Metric;
using pool::Checkout;
using pool::FlushStatus;
using pool::TimePoint;

Exchange::Exchange(WorkerContext* context)
    : context_(context),
      upstream_(context->slabs),
      head_bytes_(context->slabs),
      replay_(context->slabs) {}

void Exchange::MoveTo(State next) {
  switch (next) {
    case State::kRouting: HOLDFAST_CHECK(state_ == State::kIdle); break;
    case State::kCheckout:
      HOLDFAST_CHECK(state_ == State::kRouting || state_ == State::kCheckout ||
                     state_ == State::kAwaitResponse || state_ == State::kProving);
      HOLDFAST_CHECK(!upstream_.active());
      break;
    case State::kAwaitResponse:
      HOLDFAST_CHECK(state_ == State::kRouting || state_ == State::kCheckout);
      HOLDFAST_CHECK(upstream_.active());
      break;
    case State::kProving:
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
  client_.origin = client.ip;
  view_ = client.listener->view();
  listener_index_ = client.listener->index();
  begun_ = last_progress_ = context_->loop->now();
  account_.started = begun_ - client.head_time;
  MoveTo(State::kRouting);
}

Refusal Exchange::TakeHead(pool::Buffer& in, size_t bytes, const http::HeadLimits& limits) {
  head_bytes_.MoveFrom(in, bytes);
  const Refusal refusal = http::ParseRequestHead(head_bytes_.Linearize(bytes), limits, &request_);
  if (refusal == Refusal::kNone && client_.trusted) {
    client_.origin =
        true_client_.Find(request_.headers, client_.listener->config().trusted_proxies, client_.ip);
  }
  return refusal;
}

// RFC 9110 section 9.3.2: no answer to HEAD has content, not even one that says that the rest of
// the request could not be read.
void Exchange::TakeUnread(pool::Buffer& in) {
  constexpr std::string_view kHead = "HEAD ";
  head_bytes_.MoveFrom(in, in.size());
  const bool asks_for_head =
      head_bytes_.Linearize(std::min(head_bytes_.size(), kHead.size())) == kHead;
  head_bytes_.Clear();
  request_.Clear();
  if (asks_for_head) request_.method = http::Method::kHead;
}

void Exchange::Start() {
  HOLDFAST_CHECK(state_ == State::kRouting);
  // A tunnel to anywhere is not a reverse proxy's to give, and TRACE would echo what fields the
  // client's own network put in (RFC 9110 sections 9.3.6 and 9.3.8).
  if (request_.method == http::Method::kConnect || request_.method == http::Method::kTrace) {
    return Fail(Failure::kUnsupportedMethod);
  }
  if (request_.expect_unknown) return Fail(Failure::kUnknownExpectation);
  route::Miss miss;
  const route::Choice choice =
      route::ChooseRoute(view_->snapshot().routes(), listener_index_, request_, &path_form_, &miss);
  if (choice.doubt != http::PathDoubt::kNone) {
    return Fail(Failure::kAmbiguousPath, http::PathDoubtText(choice.doubt));
  }
  request_.path = choice.path;
  route_ = choice.route;
  if (route_ == nullptr) {
    if (miss.reason == route::Miss::Reason::kMethodNotAllowed) {
      account_.failure = Failure::kMethodNotAllowed;
      FillMethodNotAllowedReply(miss.allowed, &reply_);
    } else {
      account_.failure = Failure::kNoRoute;
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
  account_.failure = Failure::kRefusedFraming;
  CountRefusal("client", refusal);
  FillRefusalReply(refusal, &reply_);
  SendLocal(reply_.head, reply_.body);
}

void Exchange::CountRefusal(std::string_view sender, Refusal refusal) {
  account_.refusal = refusal;
  context_->shard->CounterFor(Metric::kFramingRefusalsTotal, {sender, http::RefusalName(refusal)})
      .Add();
}

void Exchange::StartUpstream() {
  if (http::RoundsThrough(request_.headers, via_name()) >= http::kMaxRoundsThroughUs) {
    return Fail(Failure::kLoopDetected);
  }
  if (http::MaxForwards(request_) == 0u) {
    FillOptionsReply(route_->match.methods, &reply_);
    return SendLocal(reply_.head, reply_.body);
  }
  te_trailers_ = http::DropHopHeaders(&request_.headers).te_trailers;
  const config::Upstream& upstream = view_->snapshot().config().upstreams[route_->upstream];
  const bool by_hash = upstream.balance == config::Balance::kRingHash ||
                       upstream.balance == config::Balance::kMaglev;
  if (by_hash) hash_ = HashOf(upstream.hash, request_, client_.origin);
  attempts_.Begin(route_->retry);
  Acquire();
}

void Exchange::Acquire() {
  attempts_.BeginSearch(context_->loop->now());
  Checkout checkout = cluster().Acquire(this,
                                        {.hash = hash_,
                                         .tried = attempts_.tried(),
                                         .last_resort = attempts_.searching(),
                                         .fresh = attempts_.stale_retry_made(),
                                         .tie = client_.tie},
                                        &account_.endpoint);
  switch (checkout.status) {
    case Checkout::Status::kLeased: return SendRequest(std::move(checkout.lease));
    case Checkout::Status::kWaiting: return MoveTo(State::kCheckout);
    case Checkout::Status::kRefused: return OnCheckoutFailed(checkout.refusal, account_.endpoint);
  }
}

void Exchange::OnLease(pool::Lease lease) {
  HOLDFAST_CHECK(state_ == State::kCheckout);
  SendRequest(std::move(lease));
}

void Exchange::SendRequest(pool::Lease lease) {
  account_.NoteLease(lease, context_->loop->now());
  interim_ = InterimBudget();
  upstream_.Start(std::move(lease), request_.method, this);
  upstream_.SendHead(request_, http::ForwardedFacts{.client_ip = client_.ip,
                                                    .trust_client = client_.trusted,
                                                    .te_trailers = te_trailers_,
                                                    .via_name = via_name(),
                                                    .default_host = DefaultHost()});
  pool::Buffer body(context_->slabs);
  replay_.BeginAttempt(
      attempts_.MaySendAgain(MetKeptConnection(), http::IsIdempotent(request_.method)), &body);
  if (!body.empty()) upstream_.SendBody(body, body.size());
  if (request_done_) upstream_.SendEnd(client_.stream->request_trailers());
  NoteProgress();
  response_due_since_ = last_progress_;
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
    case State::kProving: return ConsiderBroken(AttemptEnd::kClosed, /*patience_over=*/false);
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
      NoteRequestDone();
      return step.kind;
    }
    body_received_ += step.bytes;
    if (route_->max_request_body.has_value() && body_received_ > *route_->max_request_body) {
      Fail(Failure::kBodyTooLarge);
      return BodyStep::Kind::kBroken;
    }
    replay_.Note(*step.buffer, step.bytes);
    upstream_.SendBody(*step.buffer, step.bytes);
  }
  return BodyStep::Kind::kData;
}

void Exchange::OnRequestBroken(Refusal refusal) {
  if (refusal == Refusal::kNone) return BreakOff(Failure::kClientGone);
  CountRefusal("client", refusal);
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
    if (!interim_.Spend(step.bytes, context_->loop->now())) {
      return OnUpstreamBroken(UpstreamTrouble::kBadResponse, Refusal::kTooManyInterimResponses);
    }
    // For a client that reads none of them they are not kept without end.
    if (!client_.stream->Congested()) client_.stream->SendInformational(response_);
    client_.stream->Flush();
    continued_ |= response_.status == 100;
    ArmTimer();
  }
}

void Exchange::BeginRelay() {
  if (RepeatInsteadOfRelay()) return;
  account_.first_byte_at = context_->loop->now();
  account_.status = response_.status;
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
      EndLastAttempt(OutcomeOfStatus(account_.status));
      // The upstream did not wait for the body; the client's connection need not suffer for it.
      discarding_ = !request_done_ && !BodyHeldBack() && BodyIsShort();
    } else if (step.kind == BodyStep::Kind::kBroken && step.refusal != Refusal::kNone) {
      CountRefusal("upstream", step.refusal);
    }
    return step.kind;
  }
  return BodyStep::Kind::kData;
}

void Exchange::BeginTunnel() {
  if (!request_.connection_upgrade) {
    return Fail(Failure::kUpstreamBadResponse, "it switched protocols without being asked");
  }
  if (!request_done_) {
    return Fail(Failure::kUpstreamBadResponse, "it switched protocols within the request");
  }
  if (!response_.connection_upgrade) {
    return Fail(Failure::kUpstreamBadResponse, "it did not say to which protocol it switched");
  }
  account_.first_byte_at = context_->loop->now();
  account_.status = response_.status;
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
  const bool unreadable = account_.failure == Failure::kRefusedFraming ||
                          account_.failure == Failure::kHeadTimeout ||
                          account_.failure == Failure::kClientBodyBroken ||
                          account_.failure == Failure::kClientBodyTimeout;
  discarding_ = BodyIsShort() && !request_.expect_continue && !unreadable && !request_done_;
  account_.status = head.status;
  if (!account_.first_byte_at.has_value()) account_.first_byte_at = context_->loop->now();
  const bool unread = (request_.body != BodyKind::kNone && !request_done_ && !discarding_) ||
                      account_.failure == Failure::kHeadTimeout;
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
  // What is there already spares the client a reset; the rest is waited for only for the sake of
  // the next request.
  if (discarding_) discarding_ = DiscardRequestBody() && client_.stream->persists();
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
  if (account_.status != 0 || FailureStatus(failure) == 0) return BreakOff(failure);
  account_.failure = failure;
  FillErrorReply(failure, detail, &reply_);
  CancelWait();
  EndLastAttempt(OutcomeAfter(failure));
  SendLocal(reply_.head, reply_.body);
}

void Exchange::BreakOff(Failure failure) {
  account_.failure = failure;
  CancelWait();
  EndLastAttempt(OutcomeAfter(failure));
  Done(/*complete=*/false);
}

bool Exchange::OnClientEnded(bool gone) {
  switch (state_) {
    case State::kCheckout:
    case State::kAwaitResponse:
    case State::kProving:
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
    EndLastAttempt(pool::Outcome::kAnswered);
  }
  account_.Write({client_, *view_.get(), listener_index_, route_, request_}, context_);
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
  account_ = ExchangeAccount{};
  request_.Clear();
  path_form_.Clear();
  response_.Clear();
  head_bytes_.Clear();
  replay_.Clear();
  body_received_ = discarded_ = 0;
  request_done_ = continued_ = discarding_ = te_trailers_ = false;
  hash_.reset();
  wake_at_.reset();
  client_ended_at_.reset();
}

}  // namespace holdfast::proxy
