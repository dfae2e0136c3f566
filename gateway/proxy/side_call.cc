#include "gateway/proxy/side_call.h"

#include <algorithm>

#include "gateway/http/hop_headers.h"
#include "gateway/proxy/context.h"
#include "pool/net/check.h"

namespace holdfast::proxy {

using stream::BodyStep;
using stream::HeadStep;
using stream::UpstreamTrouble;

namespace {

// Before the final one; a sane server sends one or two.
constexpr int kMaxInformational = 16;

// Of a request's body, at a time.
constexpr size_t kPieceBytes = pool::SlabPool::kSlabCapacity;

}  // namespace

SideCall::SideCall(WorkerContext* context, SideCallEvents* events, Answer answer)
    : context_(context), events_(events), call_(context, &account_, this), answer_(answer) {}

bool SideCall::Begin(const UpstreamCall::Request& request, pool::Duration limit,
                     std::string_view body) {
  HOLDFAST_CHECK(state_ == State::kAtRest);
  MoveTo(State::kCalling);
  deadline_ = context_->loop->now() + limit;
  informational_ = 0;
  cluster_ = request.cluster;
  account_.started = context_->loop->now();
  UpstreamCall::Request timed = request;
  timed.ends = deadline_;
  timed.body_kept = true;
  request_body_ = body;
  Follow(call_.Begin(timed));
  if (!over()) ArmTimer();
  return over();
}

void SideCall::Clear() {
  if (state_ == State::kAtRest) return;
  call_.End(Failure::kClientGone, {});
  MoveTo(State::kAtRest);
  failure_ = Failure::kNone;
  refusal_ = http::Refusal::kNone;
  account_ = ExchangeAccount{};
  request_body_ = unsent_ = {};
  received_.Clear();
  head_.Clear();
  text_.clear();
  body_.clear();
  // What few need is not kept for all.
  if (kept_bytes() <= kMaxKeptBytes) return;
  text_.shrink_to_fit();
  body_.shrink_to_fit();
}

bool SideCall::unreached() const {
  switch (failure_) {
    case Failure::kNone:
    case Failure::kUpstreamClosed:
    case Failure::kUpstreamReset:
    case Failure::kUpstreamHeadTruncated:
    case Failure::kUpstreamBadResponse:
    case Failure::kUpstreamTruncated:
    case Failure::kBodyTooLarge:
    case Failure::kTotalTimeout: return false;
    case Failure::kFirstByteTimeout: return informational_ == 0;
    default: return true;
  }
}

// As it is done for the requests of clients.
void SideCall::Count() {
  using metrics::Metric;
  if (BlamesUpstream(failure_)) {
    context_->shard
        ->CounterFor(Metric::kUpstreamRequestFailuresTotal,
                     {cluster_->name(), FailureName(failure_)})
        .Add();
  }
  if (refusal_ != http::Refusal::kNone) {
    context_->shard
        ->CounterFor(Metric::kFramingRefusalsTotal, {"upstream", http::RefusalName(refusal_)})
        .Add();
  }
}

// Only an endpoint that says nothing at all is to blame by itself; not one that has yet to take the
// body, which may be as long as a client likes.
Failure SideCall::LateIn(State state) const {
  switch (state) {
    case State::kCalling: return Failure::kQueueTimeout;
    case State::kHead: return unsent_.empty() ? Failure::kFirstByteTimeout : Failure::kTotalTimeout;
    default: return Failure::kTotalTimeout;
  }
}

void SideCall::MoveTo(State next) {
  switch (next) {
    case State::kAtRest:
    case State::kOver: HOLDFAST_CHECK(call_.stage() == UpstreamCall::Stage::kAtRest); break;
    case State::kCalling: HOLDFAST_CHECK(state_ != State::kOver); break;
    case State::kHead:
    case State::kBody: HOLDFAST_CHECK(call_.stage() == UpstreamCall::Stage::kOpen); break;
  }
  state_ = next;
}

void SideCall::OnCallReady() {
  if (state_ == State::kCalling) {
    Follow(call_.stage());
  } else {
    Advance();
  }
  if (over()) events_->OnSideCallOver();
}

void SideCall::RunTask() {
  if (state_ != State::kBody) return;  // Queued before it was over.
  Advance();
  if (over()) events_->OnSideCallOver();
}

void SideCall::Follow(UpstreamCall::Stage stage) {
  switch (stage) {
    case UpstreamCall::Stage::kWaiting: MoveTo(State::kCalling); return ArmTimer();
    case UpstreamCall::Stage::kFailed: return Conclude(call_.failure());
    case UpstreamCall::Stage::kOpen:
      MoveTo(State::kHead);
      unsent_ = request_body_;
      return Advance();
    case UpstreamCall::Stage::kAtRest: break;
  }
  HOLDFAST_CHECK(false);
}

void SideCall::Advance() {
  if (!call_.request_done()) SendBody();
  if (state_ == State::kHead) ReadHead();
  if (state_ == State::kBody) ReadBody();
}

// An answer that comes before its end is one all the same.
void SideCall::SendBody() {
  while (!unsent_.empty() && !call_.stream().Congested()) {
    pool::Buffer piece(context_->slabs);
    piece.Append(unsent_.substr(0, kPieceBytes));
    const size_t bytes = piece.size();
    call_.SendBody(piece, bytes);
    unsent_.remove_prefix(bytes);
    call_.stream().Flush();
  }
  if (unsent_.empty()) call_.SendEnd(nullptr);
  call_.stream().Flush();
}

void SideCall::ReadHead() {
  while (true) {
    const HeadStep step = call_.stream().NextHead(&received_);
    if (step.kind == HeadStep::Kind::kBlocked) {
      call_.stream().Flush();
      return;
    }
    if (step.kind == HeadStep::Kind::kBroken) return OnBroken(step);
    if (received_.status == 101) return Conclude(Failure::kUpstreamBadResponse);
    if (!received_.informational()) break;
    if (++informational_ > kMaxInformational) return Conclude(Failure::kUpstreamBadResponse);
  }
  account_.NoteUpstreamAnswer(received_.status, context_->loop->now());
  Keep(received_);
  MoveTo(State::kBody);
}

void SideCall::OnBroken(const HeadStep& step) {
  const bool closed =
      step.trouble == UpstreamTrouble::kClosed || step.trouble == UpstreamTrouble::kReset;
  if (!closed) {
    refusal_ = step.refusal;
    return Conclude(Failure::kUpstreamBadResponse);
  }
  Follow(call_.OnTrouble(step.trouble));
}

void SideCall::ReadBody() {
  for (int round = 0; round < kMaxRounds; ++round) {
    const BodyStep step = call_.stream().NextBody();
    switch (step.kind) {
      case BodyStep::Kind::kBlocked: return;
      case BodyStep::Kind::kBroken: return Conclude(Failure::kUpstreamTruncated);
      case BodyStep::Kind::kEnd: return Conclude(Failure::kNone);
      case BodyStep::Kind::kData: break;
    }
    if (!TakeIn(step)) return Conclude(Failure::kBodyTooLarge);
  }
  context_->loop->Queue(progress_task_);
}

bool SideCall::TakeIn(const BodyStep& step) {
  if (answer_ == Answer::kDiscarded) {
    step.buffer->Consume(step.bytes);
    return true;
  }
  if (body_.size() + step.bytes > kMaxBodyBytes) return false;
  for (size_t left = step.bytes; left > 0;) {
    const std::string_view front = step.buffer->Front().substr(0, left);
    body_ += front;
    left -= front.size();
    step.buffer->Consume(front.size());
  }
  return true;
}

void SideCall::Keep(const http::ResponseHead& head) {
  static_cast<http::ResponseFacts&>(head_) = head;
  head_.reason = {};
  if (answer_ == Answer::kDiscarded) return;
  size_t bytes = 0;
  for (const http::HeaderField& field : head.headers.fields()) {
    bytes += field.name.size() + field.value.size();
  }
  text_.reserve(bytes);  // so that it stays where it is
  const auto keep = [this](std::string_view part) {
    const size_t at = text_.size();
    text_ += part;
    return std::string_view(text_).substr(at);
  };
  for (const http::HeaderField& field : head.headers.fields()) {
    http::HeaderField kept = field;
    kept.name = keep(field.name);
    kept.value = keep(field.value);
    head_.headers.Add(kept);
  }
  http::DropHopHeaders(&head_.headers);
}

void SideCall::Conclude(Failure failure) {
  failure_ = failure;
  Count();
  call_.End(failure, {failure == Failure::kNone ? head_.status : 0, std::nullopt});
  MoveTo(State::kOver);
}

void SideCall::ArmTimer() {
  const pool::TimePoint wake = std::min(deadline_, call_.wake_at().value_or(deadline_));
  if (!timer_.armed() || timer_.deadline() > wake) context_->loop->timers().Arm(timer_, wake);
}

void SideCall::OnTimer(pool::TimePoint now) {
  if (state_ == State::kAtRest || state_ == State::kOver) return;
  if (now >= deadline_) {
    Conclude(LateIn(state_));
  } else if (call_.wake_at().has_value() && now >= *call_.wake_at()) {
    Follow(call_.OnWake());
  }
  if (over()) return events_->OnSideCallOver();
  ArmTimer();
}

}  // namespace holdfast::proxy
