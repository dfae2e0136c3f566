#include "gateway/auth/password_checker.h"

#include <utility>

#include "gateway/auth/password_check.h"
#include "pool/net/check.h"

namespace holdfast::auth {

PasswordChecker::PasswordChecker(const pool::Clock* clock)
    : clock_(clock), loop_(clock), mailbox_(&loop_) {
  places_.SetLimit(kMaxPending);
  thread_ = std::thread([this] { loop_.Run(); });
}

PasswordChecker::~PasswordChecker() {
  mailbox_.Post([this] { loop_.Stop(); });
  thread_.join();
}

bool PasswordChecker::Ask(PasswordQuestion question, Done done) {
  if (!places_.Take()) return false;
  Pending pending{.question = std::move(question), .done = std::move(done)};
  mailbox_.Post([this, pending = std::move(pending)]() mutable {
    waiting_.push_back(std::move(pending));
    loop_.Queue(next_);
  });
  return true;
}

void PasswordChecker::CheckNext() {
  HOLDFAST_CHECK(!waiting_.empty());
  Pending pending = std::move(waiting_.front());
  waiting_.pop_front();
  if (!waiting_.empty()) loop_.Queue(next_);
  const std::optional<Verdict> verdict = VerdictOn(pending.question);
  // Whoever hears of it finds the password gone and the place free.
  pending.question.password = Secret();
  places_.Return();
  pending.done(verdict);
}

std::optional<Verdict> PasswordChecker::VerdictOn(const PasswordQuestion& question) {
  if (const auto verdict = verified_.Find(question.key, clock_->Now())) return verdict;
  const Match match = Verify(question.hash, question.password.view());
  if (match == Match::kUnknown) return std::nullopt;
  // The time is read behind the check: that may have taken a good part of a second.
  const Verdict verdict = Verdict::Of(match == Match::kGood && question.known, clock_->Now());
  verified_.Put(question.key, verdict);
  return verdict;
}

}  // namespace holdfast::auth
