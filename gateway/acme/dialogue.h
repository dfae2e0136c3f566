#ifndef HOLDFAST_GATEWAY_ACME_DIALOGUE_H_
#define HOLDFAST_GATEWAY_ACME_DIALOGUE_H_

#include <optional>
#include <string>

#include <absl/functional/any_invocable.h>

#include "gateway/acme/storage.h"
#include "gateway/acme/trouble.h"
#include "gateway/fetch/exchanges.h"
#include "pool/net/event_loop.h"

namespace holdfast::acme {

// What an authority has answered.
struct Answer {
  fetch::Response response;        // with a status below 400, unless there is trouble
  std::optional<Trouble> trouble;  // why there is none of use
};

// Signed requests of one account, one at a time (RFC 8555 section 6): it has a nonce ready, takes
// the next one from every answer, and repeats what was refused for its nonce alone.
//
// Main thread; `loop` and `exchanges` outlive it, and it outlives the exchange under way.
class Dialogue {
 public:
  using Callback = absl::AnyInvocable<void(Answer)>;
  // A nonce may be refused for no fault of ours (section 6.5).
  static constexpr int kMaxNonces = 20;

  Dialogue(pool::EventLoop* loop, fetch::Exchanges* exchanges, Account account);
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;

  // Where nonces come from; before the first Post.
  void UseNonceUrl(std::string url) { nonce_url_ = std::move(url); }
  Account& account() { return account_; }
  const Account& account() const { return account_; }

  // The callback comes as fetch::Exchanges has it. An empty payload reads (POST-as-GET).
  void Get(std::string url, Callback callback);
  void Post(std::string url, std::string payload, Callback callback);

 private:
  void Fetch();
  void Send();
  void OnNonce(const fetch::Response& response);
  void OnAnswer(fetch::Response response);
  void Tell(Answer answer);
  std::optional<Trouble> TroubleOf(const fetch::Response& response) const;

  pool::EventLoop* loop_;
  fetch::Exchanges* exchanges_;
  Account account_;
  std::string nonce_url_;
  std::string nonce_;  // the next; empty: none
  // The request under way.
  std::string url_;
  std::string payload_;
  int nonces_used_ = 0;
  Callback callback_;
};

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_DIALOGUE_H_
