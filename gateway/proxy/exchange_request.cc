#include "gateway/proxy/exchange.h"
#include "pool/net/check.h"

// How an exchange moves its request's body, and what it reads of it before anybody is asked for it:
// the upstream for a connection (`buffering` of the route), or the service that says whether the
// request may pass (`body` of its `forward_auth`).

namespace holdfast::proxy {

using http::BodyKind;
using http::Refusal;
using metrics::Metric;
using pool::FlushStatus;
using stream::BodyStep;

// When a write fails the response may still be there to be read, and if not, reading says so.
bool Exchange::PumpRequest() {
  if (call_.request_done()) {
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
  const RequestBody::Filled filled =
      body_.Fill(*client_.stream, run_.route->max_request_body, &call_);
  if (filled.moved) NoteProgress();
  if (filled.kind == BodyStep::Kind::kEnd) {
    EndRequest();
    // The client's end may have been seen before the request's; it counts from here on.
    if (client_.stream->peer_ended()) NoteClientEnded(/*gone=*/false);
  } else if (filled.too_long) {
    Fail(Failure::kBodyTooLarge);
  } else if (filled.kind == BodyStep::Kind::kBroken) {
    OnRequestBroken(filled.refusal);
  }
  return filled.kind;
}

void Exchange::EndRequest() {
  http::HeaderList* const trailers = client_.stream->request_trailers();
  if (trailers->size() > 0) RequestBody::CleanTrailers(subject(), trailers);
  body_.End(trailers, &call_);
  run_.response_due_since = run_.last_progress;
}

void Exchange::OnRequestBroken(Refusal refusal) {
  if (refusal == Refusal::kNone) return BreakOff(Failure::kClientGone);
  CountRefusal("client", refusal);
  Fail(Failure::kClientBodyBroken, RefusalDetail(refusal));
}

// What the client has sent of its request while the answer came: its turn is behind the upstream's,
// and a request that is read to its end spares both connections. Whatever is wrong with it comes
// too late for another answer.
void Exchange::SendRest() {
  client_.stream->LookForMore();
  for (int round = 0; round < kMaxRounds; ++round) {
    const RequestBody::Filled filled =
        body_.Fill(*client_.stream, run_.route->max_request_body, &call_);
    if (filled.kind == BodyStep::Kind::kEnd) EndRequest();
    if (filled.refusal != Refusal::kNone) CountRefusal("client", filled.refusal);
    const FlushStatus flushed = FlushUpstream();
    if (filled.kind != BodyStep::Kind::kData || flushed != FlushStatus::kDone) return;
  }
}

bool Exchange::DiscardRequestBody() {
  bool moved = false;
  const bool more = body_.Discard(*client_.stream, &moved);
  if (moved) NoteProgress();
  return more;
}

// A stream of gRPC may wait for answers before it goes on. There are such over HTTP/2 alone:
// elsewhere a client's word for it would let a slow upload hold a connection of the upstream. What
// becomes a tunnel has all of its body before.
bool Exchange::MayBuffer() {
  const http::RequestHead& head = request();
  if (head.body == BodyKind::kNone || body_.ended()) return false;
  const config::Upstream& upstream = view_->snapshot().config().upstreams[run_.route->upstream];
  const bool may_stream = head.version == http::Version::kHttp2 &&
                          upstream.cluster.protocol != pool::UpstreamProtocol::kH1;
  if (account_.grpc && may_stream) return false;
  if (head.content_length <= run_.route->buffering->request) return true;
  CountBuffering(HoldOutcome::kTooLong);
  return false;
}

void Exchange::BeginBuffering(uint64_t bound) {
  // What says itself that it is too long for the service is not waited for.
  if (run_.body_for_admission && request().content_length > bound) {
    CountBuffering(HoldOutcome::kTooLong);
    return Fail(Failure::kBodyTooLarge);
  }
  LimitTime();
  NoteProgress();
  body_.BeginHold(bound, view_->snapshot().config().max_buffered_bytes);
  MoveTo(State::kBuffering);
  if (request().expect_continue) TellToGoOn();
  ContinueBuffering();
}

// Who gets the body has no say in this any more, and is not told of the expectation (RFC 9110
// section 10.1.1).
void Exchange::TellToGoOn() {
  response_.Clear();
  response_.status = 100;
  response_.reason = "Continue";
  client_.stream->SendInformational(response_, {});
  FlushClient();
  body_.NoteContinue();
  request().expect_continue = false;
}

void Exchange::ContinueBuffering() {
  const RequestBody::Held held = body_.Hold(*client_.stream, run_.route->max_request_body);
  if (held.moved) NoteProgress();
  switch (held.kind) {
    case RequestBody::Held::Kind::kBlocked: return;
    case RequestBody::Held::Kind::kMore: return context_->loop->Queue(progress_task_);
    case RequestBody::Held::Kind::kBroken:
      return held.too_long ? Fail(Failure::kBodyTooLarge) : OnRequestBroken(held.refusal);
    case RequestBody::Held::Kind::kOver: return EndBuffering(held.outcome);
  }
  HOLDFAST_CHECK(false);
}

void Exchange::EndBuffering(HoldOutcome outcome) {
  CountBuffering(outcome);
  http::RequestHead& head = request();
  // Now its length is known. Trailers need chunks.
  if (outcome == HoldOutcome::kWhole && head.body == BodyKind::kChunked &&
      client_.stream->request_trailers()->size() == 0) {
    head.body = BodyKind::kLength;
    head.content_length = body_.held_bytes();
  }
  // The client's end may have been seen before the request's; it counts from here on.
  if (body_.ended() && client_.stream->peer_ended()) NoteClientEnded(/*gone=*/false);
  if (run_.body_for_admission) return AskWithBody(outcome);
  CallUpstream();
}

void Exchange::CountBuffering(HoldOutcome outcome) {
  context_->shard
      ->CounterFor(Metric::kRequestBufferingTotal,
                   {run_.route->name, kHoldOutcomeWords.WordOf(outcome)})
      .Add();
}

// A part of it would be judged in place of the whole.
void Exchange::AskWithBody(HoldOutcome outcome) {
  run_.body_for_admission = false;
  switch (outcome) {
    case HoldOutcome::kTooLong: return Fail(Failure::kBodyTooLarge);
    case HoldOutcome::kNoRoom: return FollowAdmission(admission_.RefuseUnasked());
    case HoldOutcome::kWhole: break;
  }
  FollowAdmission(admission_.AskWithBody(subject(), body_.Whole()));
}

// What the client has sent may not have been told of yet: its turn is behind that of others.
void Exchange::OnBufferingTimeout() {
  client_.stream->LookForMore();
  ContinueBuffering();
  if (state_ != State::kBuffering) return;
  if (context_->loop->now() < Deadline()) return ArmTimer();
  Fail(Failure::kClientBodyTimeout);
}

}  // namespace holdfast::proxy
