#include "gateway/proxy/exchange.h"

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "gateway/acme/challenges.h"
#include "gateway/grpc/fields.h"
#include "gateway/http/hop_headers.h"
#include "gateway/proxy/dispatch.h"
#include "gateway/proxy/error_style.h"
#include "gateway/proxy/hash_key.h"
#include "gateway/proxy/mirror.h"
#include "gateway/proxy/split_choice.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using http::BodyKind;
using http::Refusal;
using metrics::Metric;
using pool::FlushStatus;
using stream::BodyStep;
using stream::HeadFacts;
using stream::HeadStep;
using stream::UpstreamTrouble;
using Step = Exchange::Step;

Exchange::Exchange(WorkerContext* context) : context_(context), call_(context, &account_, this) {}

void Exchange::MoveTo(State next) {
  const bool calls = call_.stage() != UpstreamCall::Stage::kAtRest;
  switch (next) {
    case State::kRouting: HOLDFAST_CHECK(state_ == State::kIdle && !calls); break;
    case State::kChecking:
      HOLDFAST_CHECK(state_ >= State::kRouting && state_ <= State::kBuffering && !calls);
      break;
    case State::kBuffering:
      HOLDFAST_CHECK((state_ == State::kRouting || state_ == State::kChecking) && !calls);
      break;
    case State::kCheckout:
      HOLDFAST_CHECK(state_ >= State::kRouting && state_ <= State::kAwait);
      HOLDFAST_CHECK(call_.stage() == UpstreamCall::Stage::kWaiting);
      break;
    case State::kAwait:
      HOLDFAST_CHECK(state_ >= State::kRouting && state_ <= State::kAwait);
      HOLDFAST_CHECK(call_.stage() == UpstreamCall::Stage::kOpen);
      break;
    case State::kRelay:
    case State::kTunnel: HOLDFAST_CHECK(state_ == State::kAwait && call_.has_stream()); break;
    case State::kFinishing:
      HOLDFAST_CHECK(state_ != State::kIdle && state_ != State::kTunnel && !calls);
      break;
    case State::kOver:
      HOLDFAST_CHECK(state_ != State::kIdle && state_ != State::kOver && !calls);
      break;
    case State::kIdle: HOLDFAST_CHECK(state_ == State::kOver); break;
  }
  state_ = next;
  if (next < State::kOver && next != State::kIdle) ArmTimer();
}

void Exchange::Begin(const Client& client) {
  client_ = client;
  client_.origin = client.ip;
  view_ = client.listener->view();
  const pool::TimePoint now = context_->loop->now();
  run_ = Run{.listener = client.listener->index(), .begun = now, .last_progress = now};
  body_.Begin();
  account_.started = now - client.head_time;
  client.listener->cells().in_flight.Add(1);
  edits_.Begin(view_->snapshot().config().listeners[run_.listener]);
  MoveTo(State::kRouting);
}

Step Exchange::Start() {
  HOLDFAST_CHECK(state_ == State::kRouting);
  edits_.Read(&request());
  if (context_->challenges != nullptr && AnswerChallenge()) return step();
  http::RequestHead& head = request();
  account_.grpc = head.method == http::Method::kPost && grpc::IsCall(head);
  if (client_.trusted) {
    client_.origin = true_client_.Find(head.headers, client_.listener->config(), client_.ip);
  }
  const route::Asking asking{.method = head.method,
                             .method_text = head.method_text,
                             .head = &head,
                             .client = client_.origin,
                             .encrypted = client_.encrypted};
  route::Miss miss;
  const Dispatch dispatch =
      DispatchRequest(view_->snapshot(), run_.listener, asking, &path_form_, &miss);
  run_.route = ChooseBranch(dispatch.route, head, client_.origin, context_->random);
  if (!dispatch.path.empty()) head.path = dispatch.path;
  switch (dispatch.kind) {
    case Dispatch::Kind::kRefuse: Fail(dispatch.failure, dispatch.detail); break;
    case Dispatch::Kind::kNoRoute:
      account_.failure = dispatch.failure;
      FillNoRouteReply(request(), &reply_);
      SendError();
      break;
    case Dispatch::Kind::kMethodNotAllowed:
      account_.failure = dispatch.failure;
      FillMethodNotAllowedReply(*dispatch.allowed, &reply_);
      SendError();
      break;
    case Dispatch::Kind::kPreflight:
      FillPreflightReply(*run_.route, request(), &reply_);
      SendLocal(reply_.head, reply_.body);
      break;
    case Dispatch::Kind::kAnswerOptions:
      FillOptionsReply(*dispatch.allowed, &reply_);
      SendLocal(reply_.head, reply_.body);
      break;
    case Dispatch::Kind::kRespond:
    case Dispatch::Kind::kRedirect:
    case Dispatch::Kind::kProxy:
      if (!run_.route->guarded) {
        Serve();
        break;
      }
      FollowAdmission(admission_.Ask(subject()));
      break;
  }
  return step();
}

void Exchange::Serve() {
  if (run_.route->action == config::Action::kUpstream) return StartUpstream();
  if (run_.route->action == config::Action::kRedirect) {
    FillRedirectReply(*run_.route, request(), &reply_);
    return SendLocal(reply_.head, reply_.body);
  }
  if (AsksForTunnel(request()) && run_.route->respond.status < 300) {
    return Fail(Failure::kUpgradeUnsupported,
                "The gateway answers here by itself: it has no other protocol.");
  }
  SendLocal(view_->respond_head(*run_.route), run_.route->respond.body);
}

// RFC 8555 section 8.3: what is asked for begins in clear at port 80, but authorities follow
// redirects, to https as well.
bool Exchange::AnswerChallenge() {
  const http::Method method = request().method;
  if (method != http::Method::kGet && method != http::Method::kHead) return false;
  if (AsksForTunnel(request())) return false;
  const std::string* answer = context_->challenges->AnswerFor(request().path);
  if (answer == nullptr) return false;
  FillChallengeReply(*answer, &reply_);
  SendLocal(reply_.head, reply_.body);
  return true;
}

Step Exchange::Refuse(Refusal refusal) {
  account_.failure = Failure::kRefusedFraming;
  CountRefusal("client", refusal);
  FillRefusalReply(refusal, &reply_);
  SendError();
  return step();
}

Step Exchange::Reject(Failure failure) {
  Fail(failure);
  return step();
}

void Exchange::CountRefusal(std::string_view sender, Refusal refusal) {
  account_.refusal = refusal;
  context_->shard->CounterFor(Metric::kFramingRefusalsTotal, {sender, http::RefusalName(refusal)})
      .Add();
}

void Exchange::StartUpstream() {
  if (run_.route->buffering.has_value() && MayBuffer()) {
    return BeginBuffering(run_.route->buffering->request);
  }
  CallUpstream();
}

void Exchange::CallUpstream() {
  http::RequestHead& head = request();
  UpstreamCall::Request call;
  std::string_view detail;
  const Failure failure = outgoing_.Prepare(subject(), &call, &detail);
  if (failure != Failure::kNone) return Fail(failure, detail);
  if (run_.route->compression.has_value()) encoding_.Begin(*run_.route, head);
  if (run_.route->guarded) admission_.Mark(&head);
  if (const auto& key = run_.route->cluster.hash; key.has_value()) {
    call.hash = HashOf(*key, head, client_.origin);
  }
  if (AsksForTunnel(head)) websocket_.Offer(context_->random, &head);
  if (edits_.EditsRequest(*run_.route)) edits_.EditRequest(*run_.route, client_, &head);
  if (run_.route->mirror.has_value()) body_.Copy(BeginMirror(subject(), call.facts, context_));
  LimitTime();
  call.ends = run_.ends;
  call.grpc = account_.grpc;
  call.body_kept = body_.kept();
  account_.upstream_asked = true;
  FollowCall(call_.Begin(call));
}

void Exchange::FollowAdmission(Admission::Verdict verdict) {
  switch (verdict) {
    case Admission::Verdict::kAdmitted:
      account_.identified = run_.route->basic_auth.has_value();
      account_.detail = admission_.detail();
      return Serve();
    case Admission::Verdict::kPending: LimitTime(); return MoveTo(State::kChecking);
    case Admission::Verdict::kAwaitsBody:
      run_.body_for_admission = true;
      return BeginBuffering(*run_.route->forward_auth->body);
    case Admission::Verdict::kRefused: break;
  }
  account_.failure = admission_.failure();
  account_.detail = admission_.detail();
  admission_.FillReply(&reply_);
  const bool relayed = account_.failure == Failure::kForwardAuthRefused && !account_.grpc;
  return relayed ? SendLocal(reply_.head, reply_.body) : SendError();
}

void Exchange::OnAdmissionKnown() {
  HOLDFAST_CHECK(state_ == State::kChecking);
  FollowAdmission(admission_.verdict());
  TellIfOver();
}

void Exchange::LimitTime() {
  std::optional<pool::Duration> limit = run_.route->timeouts.total;
  if (account_.grpc) {
    if (const auto told = grpc::TimeoutOf(request().headers); told.has_value()) {
      limit = std::min(limit.value_or(*told), *told);
    }
  }
  if (limit.has_value()) run_.ends = run_.begun + *limit;
}

void Exchange::FollowCall(UpstreamCall::Stage stage) {
  switch (stage) {
    case UpstreamCall::Stage::kWaiting: return MoveTo(State::kCheckout);
    case UpstreamCall::Stage::kFailed: return Fail(call_.failure(), call_.failure_detail());
    case UpstreamCall::Stage::kOpen:
      body_.Rewind();
      run_.interim = InterimBudget();
      run_.upstream_sent = 0;
      NoteProgress();
      run_.response_due_since = run_.last_progress;
      MoveTo(State::kAwait);
      return Advance();
    case UpstreamCall::Stage::kAtRest: break;
  }
  HOLDFAST_CHECK(false);
}

void Exchange::OnCallReady() {
  if (state_ == State::kCheckout) {
    FollowCall(call_.stage());
  } else {
    Advance();
  }
  TellIfOver();
}

void Exchange::RunTask() {
  if (state_ == State::kIdle || state_ == State::kOver) return;  // Queued before it ended.
  Advance();
  TellIfOver();
}

void Exchange::TellIfOver() {
  if (state_ == State::kOver) client_.owner->OnExchangeOver();
}

Step Exchange::Progress() {
  Advance();
  return step();
}

void Exchange::Advance() {
  switch (state_) {
    case State::kAwait:
      if (PumpRequest()) AwaitHead();
      return;
    case State::kRelay:
      if (PumpRequest()) PumpResponse();
      return;
    case State::kTunnel: return PumpTunnel();
    case State::kFinishing: return ContinueFinish();
    case State::kBuffering: return ContinueBuffering();
    case State::kCheckout:
    case State::kChecking: return;
    case State::kRouting:
    case State::kOver:
    case State::kIdle: HOLDFAST_CHECK(false);
  }
}

// A stream may send what it was given at the end of the turn: what has left since it was last
// looked at counts, whenever it left.
void Exchange::NoteBytesSent() {
  const uint64_t client = client_.stream->bytes_sent();
  const uint64_t upstream = call_.has_stream() ? call_.stream().bytes_sent() : run_.upstream_sent;
  if (client == run_.client_sent && upstream == run_.upstream_sent) return;
  run_.client_sent = client;
  run_.upstream_sent = upstream;
  NoteProgress();
}

FlushStatus Exchange::FlushUpstream() {
  const FlushStatus status = call_.stream().Flush();
  NoteBytesSent();
  return status;
}

FlushStatus Exchange::FlushClient() {
  const FlushStatus status = client_.stream->Flush();
  NoteBytesSent();
  return status;
}

void Exchange::AwaitHead() {
  while (true) {
    const HeadStep step = call_.stream().NextHead(&response_);
    switch (step.kind) {
      case HeadStep::Kind::kBlocked: return;
      case HeadStep::Kind::kBroken: return OnUpstreamBroken(step.trouble, step.refusal);
      case HeadStep::Kind::kHead: break;
    }
    NoteProgress();
    if (response_.status == 101) return BeginTunnel();
    http::DropHopHeaders(&response_.headers);
    if (!response_.informational()) return BeginRelay();
    if (!run_.interim.Spend(step.bytes, context_->loop->now())) {
      return OnUpstreamBroken(UpstreamTrouble::kBadResponse, Refusal::kTooManyInterimResponses);
    }
    edits_.Clean(&response_.headers);
    // For a client that reads none of them they are not kept without end.
    if (!client_.stream->Congested()) client_.stream->SendInformational(response_, via_name());
    FlushClient();
    if (response_.status == 100) body_.NoteContinue();
    ArmTimer();
  }
}

void Exchange::OnUpstreamBroken(UpstreamTrouble trouble, Refusal refusal) {
  if (trouble == UpstreamTrouble::kNoSwitch) {
    return Fail(Failure::kUpgradeUnsupported,
                "The upstream speaks HTTP/2 without extended CONNECT: it changes no protocol.");
  }
  if (trouble != UpstreamTrouble::kBadResponse) return FollowCall(call_.OnTrouble(trouble));
  CountRefusal("upstream", refusal);
  Fail(Failure::kUpstreamBadResponse, RefusalDetail(refusal));
}

void Exchange::BeginRelay() {
  bool replaced = false;
  // A call of gRPC that is over with its head has its status there.
  if (account_.grpc) account_.grpc_status = grpc::StatusOf(response_.headers);
  const UpstreamCall::Stage stage =
      call_.OnStatus({response_.status, account_.grpc_status}, &replaced);
  if (replaced) return FollowCall(stage);
  if (AsksForTunnel(request()) && response_.status < 300) {
    return Fail(Failure::kUpstreamBadResponse,
                "The upstream answered instead of switching protocols.");
  }
  account_.NoteUpstreamAnswer(response_.status, context_->loop->now());
  body_.ForgetSent();
  // Nobody is kept at an endpoint that has just failed it.
  if (response_.status < 500) {
    outgoing_.TellEndpoint(account_.endpoint, client_.encrypted, &response_);
  }
  if (Edits()) edits_.EditResponse(run_.route, client_, request(), &response_);
  if (encoding_.begun()) encoding_.Decide(request(), &response_);
  client_.stream->SendHead(response_,
                           HeadFacts{.unfinished = BodyHeldBack(), .via_name = via_name()});
  MoveTo(State::kRelay);
  PumpResponse();
}

void Exchange::PumpResponse() {
  for (int round = 0; round < kMaxRounds; ++round) {
    const BodyStep::Kind filled = FillClient();
    if (filled == BodyStep::Kind::kEnd) return BeginFinish();
    if (filled == BodyStep::Kind::kBlocked && encoding_.unflushed()) {
      // One turn of the loop shows whether it is a pause; what is there goes out with the rest.
      if (!std::exchange(run_.flush_due, true)) break;
      if (!encoding_.Flush(client_.stream)) return BreakOff(Failure::kNoMemory);
    }
    const FlushStatus flushed = FlushClient();
    if (filled == BodyStep::Kind::kBroken) {
      return BreakOff(run_.encoder_failed ? Failure::kNoMemory : Failure::kUpstreamTruncated);
    }
    if (flushed == FlushStatus::kError) return BreakOff(Failure::kClientGone);
    if (filled == BodyStep::Kind::kBlocked || flushed == FlushStatus::kBlocked) return;
  }
  context_->loop->Queue(progress_task_);
}

BodyStep::Kind Exchange::FillClient() {
  // What is made smaller may never congest the client: it is bounded by what comes in.
  size_t encoded = 0;
  while (!client_.stream->Congested() && encoded < stream::kHighWatermark) {
    const BodyStep step = call_.stream().NextBody();
    if (step.kind == BodyStep::Kind::kData) {
      NoteProgress();
      run_.flush_due = false;
      if (!encoding_.active()) {
        client_.stream->SendBody(*step.buffer, step.bytes);
        continue;
      }
      encoded += step.bytes;
      if (!encoding_.Send(*step.buffer, step.bytes, client_.stream)) {
        run_.encoder_failed = true;
        return BodyStep::Kind::kBroken;
      }
      continue;
    }
    if (step.kind == BodyStep::Kind::kEnd) {
      http::HeaderList* const trailers = call_.stream().response_trailers();
      http::DropHopHeaders(trailers);
      edits_.Clean(trailers);
      if (account_.grpc && !account_.grpc_status) account_.grpc_status = grpc::StatusOf(*trailers);
      if (encoding_.active() && !encoding_.Finish(trailers, client_.stream)) {
        run_.encoder_failed = true;
        return BodyStep::Kind::kBroken;
      }
      client_.stream->SendEnd(trailers);
      if (!call_.request_done() && !BodyHeldBack()) SendRest();
      // The upstream did not wait for the body; the client's connection need not suffer for it.
      body_.set_discarding(!call_.request_done() && !BodyHeldBack() && BodyIsShort());
      call_.End(Failure::kNone, account_.answer());
    } else if (step.kind == BodyStep::Kind::kBroken && step.refusal != Refusal::kNone) {
      CountRefusal("upstream", step.refusal);
    }
    return step.kind;
  }
  return BodyStep::Kind::kData;
}

void Exchange::BeginTunnel() {
  if (!request().connection_upgrade) {
    return Fail(Failure::kUpstreamBadResponse, "The upstream switched protocols unasked.");
  }
  if (!call_.request_done()) {
    return Fail(Failure::kUpstreamBadResponse,
                "The upstream switched protocols within the request.");
  }
  if (!response_.connection_upgrade) {
    return Fail(Failure::kUpstreamBadResponse,
                "The upstream did not say to which protocol it switched.");
  }
  if (!websocket_.Complete(request(), &response_)) {
    return Fail(Failure::kUpstreamBadResponse,
                "The upstream did not prove that it knows WebSocket.");
  }
  account_.NoteUpstreamAnswer(response_.status, context_->loop->now());
  body_.ForgetSent();
  http::DropHopHeaders(&response_.headers);
  if (Edits()) edits_.EditResponse(run_.route, client_, request(), &response_);
  client_.stream->Switch(response_, via_name());
  call_.stream().Switch();
  const std::string& upstream = upstream_name();
  context_->shard->CounterFor(Metric::kTunnelsTotal, {upstream}).Add();
  context_->shard->GaugeFor(Metric::kTunnels, {upstream}).Add(1);
  MoveTo(State::kTunnel);
  PumpTunnel();
}

void Exchange::PumpTunnel() {
  bool moved = false;
  const Tunnel::State state = run_.tunnel.Pump(*client_.stream, call_.stream(), &moved);
  if (moved) NoteProgress();
  NoteBytesSent();
  if (state == Tunnel::State::kMore) {
    context_->loop->Queue(progress_task_);
  } else if (state == Tunnel::State::kClosed) {
    Done(/*complete=*/true);
  }
}

void Exchange::SendError() {
  StyleError(view_->snapshot().config().listeners[run_.listener], &reply_);
  if (account_.grpc) {
    account_.grpc_status = GrpcStatusOf(account_.failure, reply_.head.status);
    TurnIntoGrpc(*account_.grpc_status, &reply_);
  }
  SendLocal(reply_.head, reply_.content());
}

void Exchange::SendLocal(const http::ResponseHead& head, std::string_view body) {
  // A short body is read and dropped so that the connection can be kept; one that the client holds
  // back until it is told to go on, or one without a near end, is not.
  const Failure failure = account_.failure;
  const bool unreadable = failure == Failure::kRefusedFraming || failure == Failure::kHeadTimeout ||
                          failure == Failure::kClientBodyBroken ||
                          failure == Failure::kClientBodyTimeout;
  const bool read = body_.ended();
  body_.set_discarding(BodyIsShort() && !request().expect_continue && !unreadable && !read);
  call_.End(failure, account_.answer());
  body_.LetGo();
  account_.status = head.status;
  if (!account_.first_byte_at.has_value()) account_.first_byte_at = context_->loop->now();
  const bool unread = (request().body != BodyKind::kNone && !read && !body_.discarding()) ||
                      failure == Failure::kHeadTimeout;
  const HeadFacts facts{
      .generated = true, .unfinished = unread, .refused = failure == Failure::kRefusedFraming};
  if (Edits()) {
    response_ = head;
    edits_.EditResponse(run_.route, client_, request(), &response_);
  }
  client_.stream->SendHead(Edits() ? response_ : head, facts);
  if (request().method != http::Method::kHead && head.body == BodyKind::kLength) {
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
  if (body_.discarding()) {
    body_.set_discarding(DiscardRequestBody() && client_.stream->persists());
  }
  if (flushed == FlushStatus::kDone && !body_.discarding()) Done(/*complete=*/true);
}

void Exchange::Fail(Failure failure, std::string_view detail) {
  HOLDFAST_CHECK(state_ != State::kIdle && state_ != State::kOver);
  if (account_.status != 0 || FailureStatus(failure) == 0) return BreakOff(failure);
  account_.failure = failure;
  FillErrorReply(failure, detail, &reply_);
  SendError();
}

void Exchange::BreakOff(Failure failure) {
  account_.failure = failure;
  Done(/*complete=*/false);
}

Step Exchange::OnClientEnded(bool gone) {
  NoteClientEnded(gone);
  return step();
}

void Exchange::NoteClientEnded(bool gone) {
  switch (state_) {
    case State::kChecking:
    case State::kBuffering:
    case State::kCheckout:
    case State::kAwait:
      if (gone) return BreakOff(Failure::kClientGone);
      if (run_.client_ended_at.has_value()) return;
      run_.client_ended_at = context_->loop->now();
      return ArmTimer();
    case State::kRelay:
    case State::kFinishing:
      // One that only ended its side may still read what is on its way.
      if (gone) BreakOff(Failure::kClientGone);
      return;
    case State::kTunnel: return;  // The tunnel passes ends and failures on by itself.
    case State::kRouting:
    case State::kOver:
    case State::kIdle: HOLDFAST_CHECK(false);
  }
}

Step Exchange::Abandon() {
  BreakOff(Failure::kClientGone);
  return step();
}

void Exchange::Cut() { BreakOff(Failure::kShutdown); }

void Exchange::Done(bool complete) {
  if (state_ == State::kTunnel) {
    context_->shard->GaugeFor(Metric::kTunnels, {upstream_name()}).Add(-1);
  }
  if (state_ == State::kChecking) admission_.Clear();
  call_.End(account_.failure, account_.answer());
  body_.LetGo();
  account_.Write(subject(), context_);
  run_.complete = complete;
  MoveTo(State::kOver);
}

bool Exchange::Finish() {
  MoveTo(State::kIdle);
  const bool complete = run_.complete;
  if (run_.route != nullptr && run_.route->guarded) admission_.Clear();
  run_.route = nullptr;  // the rest is made anew when the next one begins
  client_ = Client{};
  // In its place: to make another one and move it would cost twice as much.
  std::destroy_at(&account_);
  new (&account_) ExchangeAccount;
  view_ = ViewPin();
  path_form_.Clear();
  response_.Clear();
  outgoing_.Clear();
  edits_.Clear();
  if (encoding_.begun()) encoding_.Clear();
  websocket_.Clear();
  return complete;
}

}  // namespace holdfast::proxy
