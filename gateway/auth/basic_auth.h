#ifndef HOLDFAST_GATEWAY_AUTH_BASIC_AUTH_H_
#define HOLDFAST_GATEWAY_AUTH_BASIC_AUTH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <absl/container/flat_hash_map.h>

#include "gateway/auth/password_checker.h"
#include "gateway/auth/password_file.h"
#include "gateway/auth/verified_cache.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"
#include "pool/net/mailbox.h"
#include "pool/net/word_table.h"
#include "pool/tls/keyed_digest.h"

namespace holdfast::auth {

// Whether a client may pass.
enum class Answer : uint8_t {
  kAdmitted,
  kRefused,     // 401: no such user, another password, or nothing that can be read
  kPending,     // the waiter will hear
  kOverloaded,  // 503: too many passwords are to be checked, or there is no memory for it
};
inline constexpr auto kAnswerWords = pool::Words<Answer>({
    {"admitted", Answer::kAdmitted},
    {"refused", Answer::kRefused},
    {"pending", Answer::kPending},
    {"overloaded", Answer::kOverloaded},
});
constexpr const auto& WordsOf(Answer) { return kAnswerWords; }

// One who waits for an answer; embedded in who asks. Destruction ends the wait. The call comes from
// the loop, never from inside Ask, and ends the wait; it may ask again, and end other waits.
class AuthWaiter : public pool::ListNode<AuthWaiter> {
 public:
  bool waiting() const { return linked(); }
  void CancelWait();

 protected:
  AuthWaiter() = default;
  ~AuthWaiter() { CancelWait(); }
  // Any answer but kPending.
  virtual void OnAuthAnswer(Answer answer) = 0;

 private:
  friend class BasicAuth;

  pool::IntrusiveList<AuthWaiter>* waiters_ = nullptr;  // that it is in
};

// Asks who a client is (RFC 7617), for one worker. It knows what has been verified a while ago;
// what it does not know the checker's thread finds out, once for all of the worker's requests that
// bring the same.
//
//   switch (auth->Ask(*route.users, *AuthorizationOf(request.headers), this, &user_)) ...
//
// The loop's thread; `mailbox` is the loop's. Both outlive it and the checker. Destruction forgets
// those that wait. A waiter does not destroy it.
class BasicAuth {
 public:
  BasicAuth(pool::EventLoop* loop, pool::Mailbox* mailbox, PasswordChecker* checker);
  ~BasicAuth();
  BasicAuth(const BasicAuth&) = delete;
  BasicAuth& operator=(const BasicAuth&) = delete;

  // `authorization` is the value of the request's only such field; `waiter` does not wait. Of
  // credentials that can be read `user` is who they say they are of: good for a log, and, if
  // admitted, for others. `file` is not needed any more afterwards.
  Answer Ask(const PasswordFile& file, std::string_view authorization, AuthWaiter* waiter,
             std::string* user);

  // Questions that the checker has of this worker.
  size_t pending() const { return pending_.size(); }

 private:
  using Key = VerifiedCache::Key;
  using Waiters = pool::IntrusiveList<AuthWaiter>;

  void Enqueue(AuthWaiter* waiter, Waiters* waiters);
  void OnVerdict(const Key& key, std::optional<Verdict> verdict);

  pool::EventLoop* loop_;
  pool::Mailbox* mailbox_;
  PasswordChecker* checker_;
  const pool::KeyedDigest digest_;
  VerifiedCache verified_;
  // What the checker has been asked, and who waits for it: nobody, if all have gone.
  absl::flat_hash_map<Key, std::unique_ptr<Waiters>> pending_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // for late letters
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_BASIC_AUTH_H_
