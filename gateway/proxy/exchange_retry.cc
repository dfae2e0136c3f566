#include <string>
#include <utility>

#include "gateway/proxy/exchange.h"
#include "pool/connect_result.h"
#include "pool/net/check.h"

// The exchange's attempts: how one ends, and whether another follows.

namespace holdfast::proxy {

using http::Refusal;
using metrics::Metric;
using pool::Outcome;

// Nothing of the request has left, so it may be sent elsewhere whatever its method is. The pool has
// reported what speaks against the endpoint.
void Exchange::OnCheckoutFailed(pool::CheckoutResult result, const pool::SocketAddress& endpoint) {
  account_.endpoint = endpoint;
  const bool failed = pool::OutcomeOf(result).has_value();
  // That one has too much to do is no reason to ask one that is not up.
  const bool spills = pool::IsOfOneEndpoint(result) && MayAskNext() &&
                      cluster().HasOther(endpoint, attempts_.tried());
  if (failed || spills) {
    if (Repeat(DecideRetry(FactsAt(AttemptEnd::kNoConnection)), std::nullopt)) return;
  }
  const Failure failure = FailureOf(result);
  // What resolvers say is the operator's business, not the client's.
  if (failure == Failure::kNoEndpoint) account_.detail = cluster().note();
  Fail(failure);
}

bool Exchange::MayAskNext() {
  return attempts_.MaySearchOn(context_->loop->now(), cluster().connect_timeout()) &&
         cluster().HasUntried(account_.endpoint, attempts_.tried());
}

void Exchange::OnUpstreamBroken(UpstreamTrouble trouble, Refusal refusal) {
  switch (trouble) {
    case UpstreamTrouble::kBadResponse:
      CountRefusal("upstream", refusal);
      return Fail(Failure::kUpstreamBadResponse, RefusalDetail(refusal));
    case UpstreamTrouble::kClosed:
      return ConsiderBroken(AttemptEnd::kClosed, /*patience_over=*/false);
    case UpstreamTrouble::kReset:
      return ConsiderBroken(AttemptEnd::kReset, /*patience_over=*/false);
    case UpstreamTrouble::kNone: break;
  }
  HOLDFAST_CHECK(false);
}

void Exchange::ConsiderBroken(AttemptEnd end, bool patience_over) {
  RetryFacts facts = FactsAt(end);
  facts.patience_over = patience_over;
  const RetryDecision decision = DecideRetry(facts);
  if (decision == RetryDecision::kAwaitProof) {
    if (state_ != State::kProving) BeginProving();
    return;
  }
  Failure failure = end == AttemptEnd::kReset ? Failure::kUpstreamReset : Failure::kUpstreamClosed;
  if (upstream_.response_begun()) failure = Failure::kUpstreamHeadTruncated;
  if (Repeat(decision, OutcomeAfter(failure))) return;
  Fail(failure, "not sent again: " + std::string(RetryDecisionName(*account_.retry)));
}

// Nothing is written to the connection any more: what it has not taken yet, the peer shall not
// come to read.
void Exchange::BeginProving() {
  proving_since_ = context_->loop->now();
  wake_at_ = proving_since_ + kProofStep;
  MoveTo(State::kProving);
}

void Exchange::LookForProof() {
  const pool::TimePoint now = context_->loop->now();
  wake_at_ = now + kProofStep;
  ArmTimer();
  ConsiderBroken(AttemptEnd::kClosed, now >= proving_since_ + kProofPatience);
}

bool Exchange::RepeatInsteadOfRelay() {
  if (!PolicyCoversStatus(route_->retry, response_.status)) return false;
  return Repeat(DecideRetry(FactsAt(AttemptEnd::kStatus)), OutcomeOfStatus(response_.status));
}

void Exchange::OnFirstByteTimeout() {
  if (Repeat(DecideRetry(FactsAt(AttemptEnd::kFirstByteTimeout)), Outcome::kFirstByteTimeout))
    return;
  Fail(Failure::kFirstByteTimeout);
}

RetryFacts Exchange::FactsAt(AttemptEnd end) {
  RetryFacts facts{.end = end,
                   .policy = &route_->retry,
                   .attempts_made = attempts_.made(),
                   .stale_retry_made = attempts_.stale_retry_made(),
                   .idempotent = http::IsIdempotent(request_.method),
                   .replayable = replay_.complete()};
  if (end == AttemptEnd::kStatus) facts.status = response_.status;
  facts.untried = end != AttemptEnd::kStatus && MayAskNext();
  if (!upstream_.active()) return facts;
  facts.reused_connection = MetKeptConnection();
  facts.response_begun = upstream_.response_begun();
  facts.nothing_written = upstream_.bytes_sent() == 0;
  // A reset is no proof, whatever was acknowledged, and asking is a system call.
  facts.nothing_acknowledged =
      end == AttemptEnd::kClosed && upstream_.lease().NothingAcknowledged();
  facts.elsewhere = cluster().HasOther(account_.endpoint, attempts_.tried());
  facts.peer_gone = upstream_.lease().connection().gone();
  return facts;
}

bool Exchange::MetKeptConnection() const { return upstream_.lease().was_kept(); }

bool Exchange::Repeat(RetryDecision decision, std::optional<Outcome> outcome) {
  pool::Duration pause{0};
  if (IsRetry(decision)) {
    attempts_.NoteFailed(account_.endpoint);
    pause = attempts_.NextPause(decision, cluster().endpoints(), context_->random);
    if (EndsTotalTime(pause)) {
      decision = RetryDecision::kNoTimeLeft;
    } else if (!attempts_.Permit(decision, cluster())) {
      decision = RetryDecision::kBudgetExhausted;
    }
  }
  account_.retry = decision;
  context_->shard
      ->CounterFor(Metric::kUpstreamRetriesTotal, {upstream_name(), RetryDecisionName(decision)})
      .Add();
  if (!IsRetry(decision)) return false;
  ++account_.retries;
  EndAttempt(outcome);
  account_.BeginAttempt();
  wake_at_.reset();
  if (pause > pool::Duration::zero()) wake_at_ = context_->loop->now() + pause;
  MoveTo(State::kCheckout);
  if (!wake_at_.has_value()) Acquire();
  return true;
}

// With the pause no time would be left for another attempt: what is at hand is the better answer.
bool Exchange::EndsTotalTime(pool::Duration pause) const {
  const std::optional<pool::Duration>& total = route_->timeouts.total;
  return total.has_value() && context_->loop->now() + pause >= begun_ + *total;
}

// A kept connection that was dead speaks of its age, not of the endpoint's health.
std::optional<Outcome> Exchange::OutcomeAfter(Failure failure) const {
  if (!upstream_.active()) return std::nullopt;
  const bool died = failure == Failure::kUpstreamClosed || failure == Failure::kUpstreamReset;
  if (died && MetKeptConnection() && !upstream_.response_begun()) return std::nullopt;
  if (const std::optional<Outcome> outcome = OutcomeOf(failure)) return outcome;
  if (account_.status == 0) return std::nullopt;
  return OutcomeOfStatus(account_.status);
}

void Exchange::EndAttempt(std::optional<Outcome> outcome) {
  if (!upstream_.active()) return;
  if (outcome.has_value()) cluster().Report(account_.endpoint, *outcome);
  account_.close = upstream_.End(client_.tie);
}

void Exchange::EndLastAttempt(std::optional<Outcome> outcome) {
  EndAttempt(outcome);
  attempts_.End();
}

}  // namespace holdfast::proxy
