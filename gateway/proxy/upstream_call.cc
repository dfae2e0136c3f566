#include "gateway/proxy/upstream_call.h"

#include <utility>

#include "gateway/proxy/context.h"
#include "gateway/route/plan.h"
#include "pool/connect_result.h"
#include "pool/net/check.h"
#include "pool/tls/tls_failure.h"

namespace holdfast::proxy {

using metrics::Metric;
using pool::Checkout;
using pool::Outcome;
using stream::UpstreamTrouble;
using Stage = UpstreamCall::Stage;

namespace {

constexpr std::string_view kClosedInHandshake =
    pool::kTlsFailureWords.WordOf(pool::TlsFailure::kClosedInHandshake);

constexpr http::HeadLimits kDefaultLimits;

// What an endpoint does not like about us, or we about it, will be the same a moment later. One
// that is just being started or stopped may have closed.
AttemptEnd EndOf(pool::CheckoutFailure failure) {
  const bool refused =
      failure.result == pool::CheckoutResult::kTlsFailed && failure.word != kClosedInHandshake;
  return refused ? AttemptEnd::kRefused : AttemptEnd::kNoConnection;
}

}  // namespace

UpstreamCall::UpstreamCall(WorkerContext* context, ExchangeAccount* account, CallEvents* events)
    : context_(context),
      account_(account),
      events_(events),
      replay_(context->slabs),
      http1_(context->slabs) {}

Stage UpstreamCall::MoveTo(Stage next) {
  switch (next) {
    case Stage::kAtRest: HOLDFAST_CHECK(stream_ == nullptr && !waiting()); break;
    case Stage::kWaiting: HOLDFAST_CHECK(waiting() || wake_at_.has_value()); break;
    case Stage::kOpen: HOLDFAST_CHECK(stream_ != nullptr && !waiting()); break;
    case Stage::kFailed: HOLDFAST_CHECK(stage_ != Stage::kAtRest && !waiting()); break;
  }
  stage_ = next;
  return next;
}

Stage UpstreamCall::Begin(const Request& request) {
  HOLDFAST_CHECK(stage_ == Stage::kAtRest);
  request_ = request;
  request_done_ = proving_ = false;
  trailers_ = nullptr;
  wake_at_.reset();
  attempts_.Begin(*request.policy);
  stage_ = Stage::kWaiting;
  return Acquire();
}

Stage UpstreamCall::Acquire() {
  account_->not_reached = false;
  attempts_.BeginSearch(context_->loop->now());
  Checkout checkout = request_.cluster->Acquire(this,
                                                {.hash = request_.hash,
                                                 .tried = attempts_.tried(),
                                                 .last_resort = attempts_.searching(),
                                                 .fresh = attempts_.stale_retry_made(),
                                                 .tie = request_.tie,
                                                 .ends = request_.client_ends,
                                                 .preferred = request_.preferred},
                                                &account_->endpoint);
  if (checkout.status == Checkout::Status::kLeased) return Open(checkout.lease);
  if (checkout.status == Checkout::Status::kWaiting) return MoveTo(Stage::kWaiting);
  return OnRefused(checkout.refusal, account_->endpoint);
}

void UpstreamCall::OnLease(pool::Lease lease) {
  HOLDFAST_CHECK(stage_ == Stage::kWaiting);
  Open(lease);
  events_->OnCallReady();
}

Stage UpstreamCall::Open(pool::Lease& lease) {
  HOLDFAST_CHECK(stream_ == nullptr && lease.held());
  leased_at_ = context_->loop->now();
  account_->NoteLease(lease, leased_at_);
  lease_ = std::move(lease);
  read_before_ = lease_.connection().bytes_read();
  if (context_->upstream_streams != nullptr) {
    stream_ = context_->upstream_streams->Open(lease_, request_.head->method, this);
  }
  if (stream_ == nullptr) {
    http1_.Start(&lease_.connection(), request_.head->method, this,
                 request_.response_limits != nullptr ? *request_.response_limits : kDefaultLimits);
    stream_ = &http1_;
  }
  if (request_.endpoint_host) NameEndpoint();
  stream_->SendHead(*request_.head, request_.facts);
  replay_.BeginAttempt(
      attempts_.MaySendAgain(MetKeptConnection(), http::IsIdempotent(request_.head->method)) ||
      (request_.grpc && attempts_.MayByGrpcStatus()) || MayBeRefusedLate() || MayBeReturned());
  if (!replay_.empty()) SendAgain();
  if (request_done_) stream_->SendEnd(trailers_);
  return MoveTo(Stage::kOpen);
}

void UpstreamCall::NameEndpoint() {
  const pool::EndpointSpec* endpoint = request_.cluster->EndpointAt(account_->endpoint);
  if (endpoint == nullptr) return;  // It has left meanwhile.
  host_ = route::HostOf(*endpoint, lease_.connection().transport().encrypted() ? 443 : 80);
  request_.facts.host = host_;
}

bool UpstreamCall::MayBeRefusedLate() const {
  const pool::Connection& connection = lease_.connection();
  return !MetKeptConnection() && connection.bytes_read() == 0 && connection.transport().encrypted();
}

void UpstreamCall::SendAgain() {
  pool::Buffer body(context_->slabs);
  replay_.Give(&body);
  stream_->SendBody(body, body.size());
}

void UpstreamCall::SendBody(pool::Buffer& from, size_t bytes) {
  HOLDFAST_CHECK(stage_ == Stage::kOpen && !request_done_);
  if (!request_.body_kept) replay_.Note(from, bytes);
  stream_->SendBody(from, bytes);
}

void UpstreamCall::SendEnd(const http::HeaderList* trailers) {
  HOLDFAST_CHECK(stage_ == Stage::kOpen && !request_done_);
  trailers_ = trailers;
  request_done_ = true;
  stream_->SendEnd(trailers);
}

void UpstreamCall::OnCheckoutFailed(pool::CheckoutFailure failure,
                                    const pool::SocketAddress& endpoint) {
  OnRefused(failure, endpoint);
  events_->OnCallReady();
}

// Nothing of the request has left, so it may be sent elsewhere whatever its method is. The pool has
// reported what speaks against the endpoint.
Stage UpstreamCall::OnRefused(pool::CheckoutFailure why, const pool::SocketAddress& endpoint) {
  const pool::CheckoutResult result = why.result;
  account_->endpoint = endpoint;
  const bool failed = pool::OutcomeOf(result).has_value();
  account_->not_reached = failed;
  // That one has too much to do is no reason to ask one that is not up.
  const bool spills = pool::IsOfOneEndpoint(result) && MayAskNext() &&
                      request_.cluster->HasOther(endpoint, attempts_.tried());
  if ((failed || spills) && MayRepeat(DecideRetry(FactsAt(EndOf(why))), std::nullopt)) {
    return Repeat();
  }
  const Failure failure = FailureOf(result);
  // What resolvers say is the operator's business, not the client's.
  if (failure == Failure::kNoEndpoint) account_->detail = request_.cluster->note();
  return why.word != nullptr ? FailOver(why.word, failure) : Fail(failure);
}

// An endpoint whose clients show certificates may say only now that ours is none for it.
Stage UpstreamCall::OnRefusedLate(const char* word) {
  if (MayRepeat(DecideRetry(FactsAt(AttemptEnd::kRefused)), Outcome::kTlsFailed)) return Repeat();
  return FailOver(word, Failure::kTlsFailed);
}

Stage UpstreamCall::FailOver(const char* word, Failure failure) {
  account_->detail = word;
  return Fail(failure, std::string(word) + ": The TLS handshake with the upstream failed.");
}

bool UpstreamCall::MayAskNext() {
  return attempts_.MaySearchOn(context_->loop->now(), request_.cluster->connect_timeout()) &&
         request_.cluster->HasUntried(account_->endpoint, attempts_.tried());
}

void UpstreamCall::OnStreamReady() {
  if (proving_) ConsiderBroken(AttemptEnd::kClosed);
  events_->OnCallReady();
}

Stage UpstreamCall::OnTrouble(UpstreamTrouble trouble) {
  HOLDFAST_CHECK(stage_ == Stage::kOpen);
  HOLDFAST_CHECK(trouble == UpstreamTrouble::kClosed || trouble == UpstreamTrouble::kReset);
  if (const char* const word = lease_.connection().error_word(); word != nullptr) {
    // Whoever has sent anything has let us in.
    if (MayBeRefusedLate() && pool::RefusesUs(word)) return OnRefusedLate(word);
    account_->detail = word;
  }
  return ConsiderBroken(trouble == UpstreamTrouble::kReset ? AttemptEnd::kReset
                                                           : AttemptEnd::kClosed);
}

// While proof is awaited nothing is written to the connection: what it has not taken yet, the peer
// shall not come to read.
Stage UpstreamCall::ConsiderBroken(AttemptEnd end) {
  const pool::TimePoint now = context_->loop->now();
  RetryFacts facts = FactsAt(end);
  facts.patience_over = proving_ && now >= proving_since_ + kProofPatience;
  const RetryDecision decision = DecideRetry(facts);
  if (decision == RetryDecision::kAwaitProof) {
    if (!proving_) proving_since_ = now;
    if (!proving_ || now >= *wake_at_) wake_at_ = now + kProofStep;
    proving_ = true;
    return MoveTo(Stage::kWaiting);
  }
  proving_ = false;
  Failure failure = end == AttemptEnd::kReset ? Failure::kUpstreamReset : Failure::kUpstreamClosed;
  if (stream_->response_begun()) failure = Failure::kUpstreamHeadTruncated;
  if (MayRepeat(decision, OutcomeAfter(failure, {}))) return Repeat();
  return Fail(failure, "The request was not sent again: " +
                           std::string(RetryDecisionName(*account_->retry)));
}

Stage UpstreamCall::OnWake() {
  HOLDFAST_CHECK(stage_ == Stage::kWaiting && wake_at_.has_value());
  if (proving_) return ConsiderBroken(AttemptEnd::kClosed);
  wake_at_.reset();
  return Acquire();
}

bool UpstreamCall::MayReplace(AnswerStatus status) {
  RetryFacts facts = FactsAt(AttemptEnd::kStatus);
  facts.status = status;
  replaced_ = status.http;
  const bool repeats = MayRepeat(DecideRetry(facts), OutcomeOfAnswer(status));
  replaced_ = 0;
  return repeats;
}

Stage UpstreamCall::OnFirstByteTimeout() {
  HOLDFAST_CHECK(stage_ == Stage::kOpen);
  if (MayRepeat(DecideRetry(FactsAt(AttemptEnd::kFirstByteTimeout)), Outcome::kFirstByteTimeout)) {
    return Repeat();
  }
  return Fail(Failure::kFirstByteTimeout);
}

RetryFacts UpstreamCall::FactsAt(AttemptEnd end) {
  RetryFacts facts{.end = end,
                   .policy = request_.policy,
                   .attempts_made = attempts_.made(),
                   .stale_retry_made = attempts_.stale_retry_made(),
                   .returns_made = attempts_.returns_made(),
                   .idempotent = http::IsIdempotent(request_.head->method),
                   .replayable = replay_.complete()};
  facts.untried = end != AttemptEnd::kStatus && MayAskNext();
  if (stream_ == nullptr) return facts;
  facts.reused_connection = MetKeptConnection();
  facts.nothing_written = stream_->bytes_sent() == 0;
  facts.evidence = stream_->evidence();
  facts.returned = !lease_.exclusive() && facts.evidence == stream::Evidence::kUnprocessed;
  facts.elsewhere = request_.cluster->HasOther(account_->endpoint, attempts_.tried());
  return facts;
}

bool UpstreamCall::MayRepeat(RetryDecision decision, std::optional<Outcome> outcome) {
  pool::Duration pause{0};
  if (IsRetry(decision)) {
    attempts_.NoteFailed(account_->endpoint);
    pause = attempts_.NextPause(decision, request_.cluster->endpoints(), context_->random);
    if (EndsWholeTime(pause)) {
      decision = RetryDecision::kNoTimeLeft;
    } else if (!attempts_.Permit(decision, *request_.cluster)) {
      decision = RetryDecision::kBudgetExhausted;
    }
  }
  account_->retry = decision;
  context_->shard
      ->CounterFor(Metric::kUpstreamRetriesTotal,
                   {request_.cluster->name(), RetryDecisionName(decision)})
      .Add();
  if (!IsRetry(decision)) return false;
  ++account_->retries;
  EndAttempt(outcome);
  if (request_.body_kept) request_done_ = false;
  account_->BeginAttempt();
  account_->detail.clear();
  wake_at_.reset();
  if (pause > pool::Duration::zero()) wake_at_ = context_->loop->now() + pause;
  return true;
}

Stage UpstreamCall::Repeat() {
  if (wake_at_.has_value()) return MoveTo(Stage::kWaiting);
  stage_ = Stage::kWaiting;
  return Acquire();
}

// With the pause no time would be left for another attempt: what is at hand is the better answer.
bool UpstreamCall::EndsWholeTime(pool::Duration pause) const {
  return request_.ends.has_value() && context_->loop->now() + pause >= *request_.ends;
}

Stage UpstreamCall::Fail(Failure failure, std::string detail) {
  failure_ = failure;
  failure_detail_ = std::move(detail);
  wake_at_.reset();
  return MoveTo(Stage::kFailed);
}

// A kept connection that was dead speaks of its age, not of the endpoint's health.
std::optional<Outcome> UpstreamCall::OutcomeAfter(Failure failure, AnswerStatus status) const {
  if (stream_ == nullptr) return std::nullopt;
  const bool died = failure == Failure::kUpstreamClosed || failure == Failure::kUpstreamReset;
  if (died && MetKeptConnection() && !stream_->response_begun()) return std::nullopt;
  // Nor does a request that was given back: the endpoint may be on its way out, or full.
  const bool returned =
      !lease_.exclusive() && stream_->evidence() == stream::Evidence::kUnprocessed;
  if (died && returned) return std::nullopt;
  if (const std::optional<Outcome> outcome = OutcomeOf(failure)) return outcome;
  // With a stream it was refused late; else the pool has reported it by itself.
  if (failure == Failure::kTlsFailed) return Outcome::kTlsFailed;
  if (status.http == 0) return std::nullopt;
  return OutcomeOfAnswer(status);
}

bool UpstreamCall::IsToldAlready(Outcome outcome) const {
  if (lease_.exclusive()) return false;
  switch (outcome) {
    case Outcome::kClosed:
    case Outcome::kReset:
    case Outcome::kHeadTruncated:
    case Outcome::kTruncated:
    case Outcome::kBadResponse: break;
    default: return false;
  }
  return ConnectionEnded() && !lease_.TakeBlame();
}

bool UpstreamCall::ConnectionEnded() const {
  const pool::Connection& connection = lease_.connection();
  return !connection.open() || connection.gone() ||
         connection.end() != pool::ConnectionEnd::kOpen ||
         (!lease_.exclusive() && lease_.protocol().end() == pool::CloseReason::kBroken);
}

bool UpstreamCall::MetKeptConnection() const {
  if (!lease_.was_kept() || lease_.exclusive()) return lease_.was_kept();
  return ConnectionEnded() && lease_.connection().bytes_read() == read_before_;
}

// One that is relayed has its time noted; one that is replaced has come just now.
inline void UpstreamCall::NoteAnswer(pool::ReuseFacts* facts) const {
  if (account_->source == AnswerSource::kUpstream) {
    facts->answer = pool::AnswerClassOf(account_->status);
    facts->first_byte = *account_->first_byte_at - leased_at_;
  } else if (replaced_ != 0) {
    facts->answer = pool::AnswerClassOf(replaced_);
    facts->first_byte = context_->loop->now() - leased_at_;
  }
}

void UpstreamCall::EndAttempt(std::optional<Outcome> outcome) {
  if (stream_ == nullptr) return;
  if (outcome.has_value() && !IsToldAlready(*outcome)) {
    request_.cluster->Report(account_->endpoint, *outcome);
  }
  pool::ReuseFacts facts = std::exchange(stream_, nullptr)->Finish();
  facts.tie = request_.tie;
  NoteAnswer(&facts);
  account_->close = lease_.End(facts);
}

void UpstreamCall::Finish(Failure failure, AnswerStatus status) {
  if (waiting()) CancelWait();
  const bool answered = stream_ != nullptr && failure == Failure::kNone && status.http != 0;
  EndAttempt(answered ? OutcomeOfAnswer(status) : OutcomeAfter(failure, status));
  attempts_.End();
  replay_.Clear();
  request_.cluster = nullptr;  // Without these two the rest means nothing.
  request_.head = nullptr;
  wake_at_.reset();
  request_done_ = proving_ = false;
  failure_detail_.clear();
  MoveTo(Stage::kAtRest);
}

}  // namespace holdfast::proxy
