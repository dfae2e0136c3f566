#include "gateway/acme/issuance.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/acme/jws.h"
#include "gateway/fetch/retry_after.h"
#include "pool/net/check.h"
#include "pool/tls/certificate_facts.h"
#include "pool/tls/made_certificate.h"

namespace holdfast::acme {
namespace {

std::string Word(config::AcmeChallenge challenge) {
  return std::string(WordsOf(challenge).WordOf(challenge));
}

// No answer to this is to be waited for longer, whatever it says.
constexpr pool::Duration kLongestLook = std::chrono::seconds(60);

}  // namespace

Issuance::Issuance(pool::EventLoop* loop, Dialogue* dialogue, IssuancePlan plan,
                   Callbacks callbacks)
    : loop_(loop), dialogue_(dialogue), plan_(std::move(plan)), callbacks_(std::move(callbacks)) {}

void Issuance::MoveTo(Stage next) {
  HOLDFAST_CHECK(stage_ != Stage::kOver);
  // Another name of the order, or an account or order once more; else it only goes on.
  const bool again =
      next == Stage::kAuthorization || next == Stage::kAccount || next == Stage::kOrder;
  HOLDFAST_CHECK(again || next > stage_);
  stage_ = next;
  give_up_at_ = loop_->now() + kPatience;
  next_look_ = kFirstLook;
}

void Issuance::Start() { Get(plan_.directory, &Issuance::OnDirectory); }

void Issuance::Get(const std::string& url, Step next) {
  dialogue_->Get(url,
                 [this, alive = std::weak_ptr<const bool>(alive_), next](const Answer& answer) {
                   if (!alive.expired()) OnAnswer(answer, next);
                 });
}

void Issuance::Post(const std::string& url, std::string payload, Step next) {
  dialogue_->Post(url, std::move(payload),
                  [this, alive = std::weak_ptr<const bool>(alive_), next](const Answer& answer) {
                    if (!alive.expired()) OnAnswer(answer, next);
                  });
}

void Issuance::OnAnswer(const Answer& answer, Step next) {
  if (!answer.trouble.has_value()) return (this->*next)(answer.response);
  if (!GoneRound(*answer.trouble)) Finish({.trouble = answer.trouble, .chain = {}, .key = {}});
}

bool Issuance::GoneRound(const Trouble& trouble) {
  // It was removed there, or the storage is another authority's of the same address.
  if (trouble.type == "accountDoesNotExist" && !registered_) {
    dialogue_->account().url.clear();
    Withdraw();
    EnterAccount();
    return true;
  }
  // RFC 9773 section 5: a replica was first, or the authority does not know the certificate.
  if (stage_ == Stage::kOrder && !plan_.replaces.empty() && trouble.result == Result::kRefused) {
    plan_.replaces.clear();
    EnterOrder();
    return true;
  }
  return false;
}

void Issuance::OnDirectory(const fetch::Response& response) {
  absl::StatusOr<Directory> directory = ParseDirectory(response.body);
  if (!directory.ok()) {
    return Fail(Result::kBadAnswer, std::string(directory.status().message()));
  }
  directory_ = *std::move(directory);
  dialogue_->UseNonceUrl(directory_.new_nonce);
  if (!dialogue_->account().url.empty()) return EnterOrder();
  EnterAccount();
}

void Issuance::EnterAccount() {
  if (directory_.external_account) {
    return Fail(Result::kRefused,
                "the authority takes only those who have another account with it "
                "(externalAccountRequired), which is not spoken here");
  }
  MoveTo(Stage::kAccount);
  Post(directory_.new_account, NewAccount(plan_.email), &Issuance::OnAccount);
}

void Issuance::OnAccount(const fetch::Response& response) {
  if (response.location.empty()) {
    return Fail(Result::kBadAnswer, "the authority does not say where the account is");
  }
  dialogue_->account().url = response.location;
  registered_ = true;
  if (absl::Status kept = callbacks_.keep_account(dialogue_->account(), directory_.terms);
      !kept.ok()) {
    return Fail(Result::kStorage, std::string(kept.message()));
  }
  EnterOrder();
}

void Issuance::EnterOrder() {
  MoveTo(Stage::kOrder);
  authorization_ = 0;
  const bool knows = !directory_.renewal_info.empty();
  Post(directory_.new_order, NewOrder({plan_.name}, knows ? plan_.replaces : std::string()),
       &Issuance::OnOrder);
}

void Issuance::OnOrder(const fetch::Response& response) {
  absl::StatusOr<Order> order = ParseOrder(response.body);
  if (!order.ok()) return Fail(Result::kBadAnswer, std::string(order.status().message()));
  if (response.location.empty()) {
    return Fail(Result::kBadAnswer, "the authority does not say where the order is");
  }
  order_ = *std::move(order);
  order_url_ = response.location;
  EnterAuthorization();
}

void Issuance::EnterAuthorization() {
  if (authorization_ == order_.authorizations.size()) return EnterFinalize();
  MoveTo(Stage::kAuthorization);
  Post(order_.authorizations[authorization_], {}, &Issuance::OnAuthorization);
}

void Issuance::OnAuthorization(const fetch::Response& response) {
  const absl::StatusOr<Authorization> authorization = ParseAuthorization(response.body);
  if (!authorization.ok()) {
    return Fail(Result::kBadAnswer, std::string(authorization.status().message()));
  }
  if (authorization->state == State::kValid) {
    ++authorization_;
    return EnterAuthorization();
  }
  if (authorization->state != State::kPending) return FailProof(*authorization);
  std::string offered;
  for (const Challenge& challenge : authorization->challenges) {
    if (challenge.type == Word(plan_.challenge)) return Prove(challenge);
    absl::StrAppend(&offered, offered.empty() ? "" : ", ", OneLine(challenge.type));
  }
  Fail(Result::kRefused, absl::StrCat("the authority does not offer ", Word(plan_.challenge),
                                      "; it offers ", offered.empty() ? "nothing" : offered));
}

void Issuance::Prove(const Challenge& challenge) {
  if (challenge.token.empty()) return Fail(Result::kBadAnswer, "the challenge has no token");
  MoveTo(Stage::kPublishing);
  challenge_url_ = challenge.url;
  const bool by_token = plan_.challenge == config::AcmeChallenge::kHttp01;
  const Proof proof{.challenge = plan_.challenge,
                    .subject = by_token ? challenge.token : plan_.name,
                    .answer = KeyAuthorization(challenge.token, dialogue_->account().key)};
  const absl::Status shown =
      callbacks_.publish(proof, [this, alive = std::weak_ptr<const bool>(alive_)] {
        if (!alive.expired()) OnPublished();
      });
  if (!shown.ok()) return Fail(Result::kStorage, std::string(shown.message()));
  published_ = true;
}

void Issuance::OnPublished() {
  if (stage_ != Stage::kPublishing) return;
  MoveTo(Stage::kChallenge);
  Post(challenge_url_, "{}", &Issuance::OnChallengeTaken);
}

void Issuance::OnChallengeTaken(const fetch::Response& response) {
  MoveTo(Stage::kAwaitingProof);
  LookLater(response);
}

void Issuance::LookLater(const fetch::Response& response) {
  const pool::TimePoint now = loop_->now();
  if (now >= give_up_at_) {
    return Fail(Result::kTimeout, stage_ == Stage::kAwaitingProof
                                      ? "the authority has not looked at the challenge in time"
                                      : "the authority has not made the certificate in time");
  }
  const pool::Duration asked = fetch::ParseRetryAfter(response.retry_after, loop_->wall_now())
                                   .value_or(pool::Duration::zero());
  loop_->timers().Arm(look_timer_, now + std::max(next_look_, std::min(asked, kLongestLook)));
  next_look_ = std::min(next_look_ * 2, kLastLook);
}

void Issuance::OnLook(pool::TimePoint) {
  if (stage_ == Stage::kAwaitingProof) {
    return Post(order_.authorizations[authorization_], {}, &Issuance::OnProof);
  }
  HOLDFAST_CHECK(stage_ == Stage::kAwaitingOrder);
  Post(order_url_, {}, &Issuance::OnFinalized);
}

void Issuance::OnProof(const fetch::Response& response) {
  const absl::StatusOr<Authorization> authorization = ParseAuthorization(response.body);
  if (!authorization.ok()) {
    return Fail(Result::kBadAnswer, std::string(authorization.status().message()));
  }
  switch (authorization->state) {
    case State::kPending:
    case State::kProcessing: return LookLater(response);
    case State::kValid:
      Withdraw();
      ++authorization_;
      return EnterAuthorization();
    default: return FailProof(*authorization);
  }
}

void Issuance::EnterFinalize() {
  MoveTo(Stage::kFinalizing);
  if (!key_.has_value()) key_ = pool::SigningKey::Make();
  Post(order_.finalize, Finalize(pool::MakeCertificateRequest(*key_, {plan_.name})),
       &Issuance::OnFinalized);
}

void Issuance::OnFinalized(const fetch::Response& response) {
  absl::StatusOr<Order> order = ParseOrder(response.body);
  if (!order.ok()) return Fail(Result::kBadAnswer, std::string(order.status().message()));
  if (stage_ == Stage::kFinalizing) MoveTo(Stage::kAwaitingOrder);
  switch (order->state) {
    case State::kPending:
    case State::kReady:
    case State::kProcessing: return LookLater(response);
    case State::kValid: break;
    default:
      return Fail(Result::kRefused,
                  order->error.has_value() ? order->error->Text() : "the order became invalid",
                  order->error.has_value() ? order->error->type : std::string());
  }
  if (order->certificate.empty()) {
    return Fail(Result::kBadAnswer, "the order is valid and has no certificate");
  }
  MoveTo(Stage::kDownload);
  Post(order->certificate, {}, &Issuance::OnChain);
}

void Issuance::OnChain(const fetch::Response& response) {
  const pool::TlsFile chain{.pem = response.body, .name = "the certificate that came"};
  const pool::TlsFile key{.pem = key_->Pem(), .name = "the key that was made for it"};
  const absl::StatusOr<pool::CertificateFacts> facts = pool::ReadCertificate(chain);
  if (!facts.ok()) return Fail(Result::kBadAnswer, std::string(facts.status().message()));
  if (absl::Status fits = pool::CheckKey(chain, key); !fits.ok()) {
    return Fail(Result::kBadAnswer, std::string(fits.message()));
  }
  if (!pool::IsFor(*facts, plan_.name)) {
    return Fail(Result::kBadAnswer, "the certificate that came is for another name");
  }
  Finish({.trouble = std::nullopt, .chain = response.body, .key = key.pem});
}

void Issuance::FailProof(const Authorization& authorization) {
  for (const Challenge& challenge : authorization.challenges) {
    if (!challenge.error.has_value()) continue;
    return Fail(Result::kChallengeFailed,
                absl::StrCat(OneLine(challenge.type), ": ", challenge.error->Text()),
                challenge.error->type);
  }
  Fail(Result::kChallengeFailed,
       absl::StrCat("the authorization is ",
                    std::string(WordsOf(authorization.state).WordOf(authorization.state))));
}

void Issuance::Fail(Result result, std::string text, std::string type) {
  Finish({.trouble = Trouble{.result = result, .type = std::move(type), .text = std::move(text)},
          .chain = {},
          .key = {}});
}

void Issuance::Withdraw() {
  if (std::exchange(published_, false)) callbacks_.publish(std::nullopt, nullptr).IgnoreError();
}

void Issuance::Finish(IssuanceOutcome outcome) {
  HOLDFAST_CHECK(stage_ != Stage::kOver);
  Withdraw();
  loop_->timers().Cancel(look_timer_);
  stage_ = Stage::kOver;
  callbacks_.on_done(std::move(outcome));
}

}  // namespace holdfast::acme
