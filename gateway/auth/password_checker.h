#ifndef HOLDFAST_GATEWAY_AUTH_PASSWORD_CHECKER_H_
#define HOLDFAST_GATEWAY_AUTH_PASSWORD_CHECKER_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <thread>

#include <absl/functional/any_invocable.h>

#include "gateway/auth/password_hash.h"
#include "gateway/auth/secret.h"
#include "gateway/auth/verified_cache.h"
#include "pool/bounded_count.h"
#include "pool/net/event_loop.h"
#include "pool/net/mailbox.h"
#include "pool/tls/keyed_digest.h"

namespace holdfast::auth {

// What is to be checked.
struct PasswordQuestion {
  VerifiedCache::Key key;  // the same for the same question, whoever asks
  PasswordHash hash;
  bool known = false;  // false: there is no such user, and the verdict is bad whatever comes of it
  Secret password;
};

// The thread that checks passwords, one after the other, since that takes from milliseconds to a
// second. It remembers its verdicts, so that all workers together pay once for a password. Their
// questions come through its mailbox, and the thread shares nothing else with them but the number
// of places.
//
// One for the process: made and destroyed by the main thread; any thread may ask. Destruction waits
// for the check under way, and lets go of those that have not begun; it wipes their passwords and
// calls nothing. Whatever `done` needs outlives this.
class PasswordChecker {
 public:
  // Of the process. At bcrypt's usual cost the last of them waits for a few seconds.
  static constexpr size_t kMaxPending = 64;

  // nullopt: there is no memory to check it.
  using Done = absl::AnyInvocable<void(std::optional<Verdict>)>;

  explicit PasswordChecker(const pool::Clock* clock);
  ~PasswordChecker();
  PasswordChecker(const PasswordChecker&) = delete;
  PasswordChecker& operator=(const PasswordChecker&) = delete;

  // `done` hears the verdict, on this one's thread. False: as many questions as may wait do; then
  // nothing will come.
  [[nodiscard]] bool Ask(PasswordQuestion question, Done done);

  // What keys of questions are made with.
  const pool::KeyedDigest::Key& digest_key() const { return digest_key_; }

 private:
  struct Pending {
    PasswordQuestion question;
    Done done;
  };

  void CheckNext();
  std::optional<Verdict> VerdictOn(const PasswordQuestion& question);

  const pool::Clock* clock_;
  const pool::KeyedDigest::Key digest_key_ = pool::KeyedDigest::FreshKey();
  pool::BoundedCount places_;
  pool::EventLoop loop_;
  // Only its thread uses these. One check each turn, so that the letter that ends it is heard
  // between two.
  std::deque<Pending> waiting_;
  VerifiedCache verified_;
  pool::MemberTask<PasswordChecker, &PasswordChecker::CheckNext> next_{this};
  pool::Mailbox mailbox_;
  std::thread thread_;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_PASSWORD_CHECKER_H_
