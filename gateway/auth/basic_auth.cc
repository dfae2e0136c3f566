#include "gateway/auth/basic_auth.h"

#include <utility>

#include "gateway/auth/basic_credentials.h"
#include "gateway/auth/secret.h"
#include "pool/net/check.h"

namespace holdfast::auth {

void AuthWaiter::CancelWait() {
  if (waiters_ == nullptr) return;
  std::exchange(waiters_, nullptr)->Remove(*this);
}

BasicAuth::BasicAuth(pool::EventLoop* loop, pool::Mailbox* mailbox, PasswordChecker* checker)
    : loop_(loop), mailbox_(mailbox), checker_(checker), digest_(checker->digest_key()) {}

BasicAuth::~BasicAuth() {
  for (const auto& [key, waiters] : pending_) {
    while (!waiters->empty()) waiters->front()->CancelWait();
  }
}

Answer BasicAuth::Ask(const PasswordFile& file, std::string_view authorization, AuthWaiter* waiter,
                      std::string* user) {
  loop_->AssertInLoop();
  HOLDFAST_CHECK(!waiter->waiting());
  BasicCredentials credentials;
  if (!credentials.Read(authorization)) return Answer::kRefused;
  *user = credentials.user();
  const PasswordFile::Entry entry = file.Find(credentials.user());
  // Of somebody who is not in the file there is no text: the day that he is, it is another key.
  const Key key = digest_.Of({credentials.user(), credentials.password(), entry.hash.text});
  if (const auto verdict = verified_.Find(key, loop_->now())) {
    return verdict->good && entry.known ? Answer::kAdmitted : Answer::kRefused;
  }
  if (const auto found = pending_.find(key); found != pending_.end()) {
    Enqueue(waiter, found->second.get());
    return Answer::kPending;
  }
  const bool asked = checker_->Ask({.key = key,
                                    .hash = entry.hash,
                                    .known = entry.known,
                                    .password = Secret(credentials.password())},
                                   [this, key, mailbox = mailbox_,
                                    alive = std::weak_ptr(alive_)](std::optional<Verdict> verdict) {
                                     mailbox->Post([this, key, alive, verdict] {
                                       if (!alive.expired()) OnVerdict(key, verdict);
                                     });
                                   });
  if (!asked) return Answer::kOverloaded;
  const auto place = pending_.emplace(key, std::make_unique<Waiters>()).first;
  Enqueue(waiter, place->second.get());
  return Answer::kPending;
}

void BasicAuth::Enqueue(AuthWaiter* waiter, Waiters* waiters) {
  waiters->PushBack(*waiter);
  waiter->waiters_ = waiters;
}

void BasicAuth::OnVerdict(const Key& key, std::optional<Verdict> verdict) {
  loop_->AssertInLoop();
  const auto found = pending_.find(key);
  HOLDFAST_CHECK(found != pending_.end());
  const std::unique_ptr<Waiters> waiters = std::move(found->second);
  pending_.erase(found);
  Answer answer = Answer::kOverloaded;
  if (verdict.has_value()) {
    verified_.Put(key, *verdict);
    answer = verdict->good ? Answer::kAdmitted : Answer::kRefused;
  }
  while (!waiters->empty()) {
    AuthWaiter* const waiter = waiters->front();
    waiter->CancelWait();
    waiter->OnAuthAnswer(answer);
  }
}

}  // namespace holdfast::auth
