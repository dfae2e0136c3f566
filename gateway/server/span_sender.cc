#include "gateway/server/span_sender.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/record/span_json.h"
#include "gateway/server/otlp_answer.h"
#include "pool/net/check.h"

namespace holdfast::server {

using metrics::Metric;

SpanSender::SpanSender(pool::EventLoop* loop, metrics::Shard* shard, pool::Random* random,
                       Callbacks callbacks)
    : loop_(loop),
      random_(random),
      callbacks_(std::move(callbacks)),
      sent_(shard->CounterFor(Metric::kSpansTotal, {"sent"})),
      rejected_(shard->CounterFor(Metric::kSpansTotal, {"dropped_rejected"})),
      failed_(shard->CounterFor(Metric::kSpansTotal, {"failed"})) {}

void SpanSender::MoveTo(State next) {
  switch (next) {
    case State::kGathering: HOLDFAST_CHECK(spans_ == 0 && debts_.empty()); break;
    case State::kPosting: HOLDFAST_CHECK(state_ != State::kPosting && spans_ > 0); break;
    case State::kPausing: HOLDFAST_CHECK(state_ == State::kPosting); break;
  }
  state_ = next;
}

void SpanSender::Configure(const config::Tracing& tracing) {
  tracing_ = tracing;
  Continue();
}

void SpanSender::Add(Batch spans, Done done) {
  HOLDFAST_CHECK(!spans.empty());
  waiting_spans_ += spans.size();
  waiting_.push_back({std::move(spans), std::move(done), loop_->now()});
  Continue();
}

void SpanSender::Hurry(std::function<void()> idle) {
  idle_ = std::move(idle);
  if (state_ != State::kPausing) return Continue();
  loop_->timers().Cancel(timer_);
  Post();
}

void SpanSender::Continue() {
  if (state_ != State::kGathering) return;
  loop_->timers().Cancel(timer_);
  if (waiting_.empty()) {
    if (idle_) loop_->Queue(idle_task_);
    return;
  }
  const pool::TimePoint due = waiting_.front().since + tracing_.interval;
  if (waiting_spans_ < tracing_.max_batch && loop_->now() < due && !idle_) {
    return loop_->timers().Arm(timer_, due);
  }
  Compose();
  Post();
}

// Batches stay whole. The first may be larger than a request, if that has become smaller.
void SpanSender::Compose() {
  record::SpanJson json(tracing_.service_name);
  while (!waiting_.empty()) {
    Waiting& next = waiting_.front();
    if (json.spans() > 0 && json.spans() + next.spans.size() > tracing_.max_batch) break;
    for (const record::Span& span : next.spans) json.Add(span);
    waiting_spans_ -= next.spans.size();
    debts_.push_back({next.spans.size(), std::move(next.done)});
    waiting_.pop_front();
  }
  spans_ = json.spans();
  body_ = json.Finish();
  attempts_ = 0;
}

void SpanSender::Post() {
  MoveTo(State::kPosting);
  ++attempts_;
  callbacks_.post(body_, [this](const fetch::Response& answer) { OnAnswer(answer); });
}

void SpanSender::OnAnswer(const fetch::Response& answer) {
  HOLDFAST_CHECK(state_ == State::kPosting);
  // A status has said what became of the spans, however its body ended. Those that were taken are
  // not sent again.
  if (answer.status == 0) return TryAgain(std::nullopt, answer.trouble);
  const OtlpVerdict verdict =
      JudgeOtlpAnswer(answer.status, answer.retry_after, answer.body, loop_->wall_now());
  const std::string status = absl::StrCat("status ", answer.status);
  switch (verdict.kind) {
    case OtlpVerdict::Kind::kTaken: {
      const size_t rejected = std::min<uint64_t>(verdict.rejected, spans_);
      rejected_.Add(rejected);
      sent_.Add(spans_ - rejected);
      TellTrouble(rejected == 0
                      ? std::string()
                      : absl::StrCat(rejected, " spans were rejected: ", verdict.message));
      return Settle();
    }
    case OtlpVerdict::Kind::kRefused:
      rejected_.Add(spans_);
      TellTrouble(status);
      return Settle();
    case OtlpVerdict::Kind::kAgain: return TryAgain(verdict.wait, status);
  }
}

void SpanSender::TryAgain(std::optional<pool::Duration> wait, const std::string& trouble) {
  TellTrouble(trouble);
  if (attempts_ >= kMaxAttempts || idle_) {
    failed_.Add(spans_);
    return Settle();
  }
  const pool::Duration pause = random_->JitterTenth(kFirstPause * (1 << (attempts_ - 1)));
  MoveTo(State::kPausing);
  loop_->timers().Arm(
      timer_, loop_->now() + std::min(std::max(pause, wait.value_or(pause)), kLongestPause));
}

void SpanSender::TellTrouble(const std::string& trouble) {
  const bool before = std::exchange(in_trouble_, !trouble.empty());
  if (before != in_trouble_) callbacks_.tell(trouble);
}

void SpanSender::Settle() {
  spans_ = 0;
  body_ = std::string();
  for (Debt& debt : std::exchange(debts_, {})) debt.done(debt.spans);
  MoveTo(State::kGathering);
  Continue();
}

void SpanSender::OnTimer(pool::TimePoint) {
  if (state_ == State::kPausing) return Post();
  Continue();
}

void SpanSender::GiveUp() {
  loop_->timers().Cancel(timer_);
  failed_.Add(spans_ + waiting_spans_);
  for (Debt& debt : std::exchange(debts_, {})) debt.done(debt.spans);
  for (Waiting& waiting : std::exchange(waiting_, {})) waiting.done(waiting.spans.size());
  spans_ = waiting_spans_ = 0;
}

}  // namespace holdfast::server
