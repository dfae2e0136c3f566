#ifndef HOLDFAST_GATEWAY_ACME_ISSUANCE_H_
#define HOLDFAST_GATEWAY_ACME_ISSUANCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/acme/dialogue.h"
#include "gateway/acme/messages.h"
#include "gateway/acme/proof.h"
#include "gateway/config/tls.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"
#include "pool/tls/signing_key.h"

namespace holdfast::acme {

// What to order.
struct IssuancePlan {
  std::string directory;
  std::string email;
  std::string name;
  config::AcmeChallenge challenge = config::AcmeChallenge::kHttp01;
  std::string replaces;  // the certificate that this one is to replace (RFC 9773); may be empty
};

// What came of it.
struct IssuanceOutcome {
  std::optional<Trouble> trouble;  // then there is nothing else
  std::string chain;               // PEM, the certificate first
  std::string key;                 // PEM, made for it
};

// One order, from the directory to the certificate (RFC 8555 section 7): it makes the account known
// where it is not, proves that the name leads here, and asks for a certificate of a new key.
//
// Main thread; what is given to it outlives it. Destruction gives the order up and calls nothing:
// whoever does so withdraws what was published.
class Issuance {
 public:
  // Between two looks at what takes its time: at first, then twice as long each time up to the
  // second; and for how long in all.
  static constexpr pool::Duration kFirstLook = std::chrono::milliseconds(250);
  static constexpr pool::Duration kLastLook = std::chrono::seconds(10);
  static constexpr pool::Duration kPatience = std::chrono::minutes(3);

  struct Callbacks {
    // The authority knows the account now, which agrees to these terms of service (a URL, or
    // empty). An error ends the order.
    std::function<absl::Status(const Account&, const std::string& terms)> keep_account;
    // What the listeners are to show from now on; they do once `known` is called, which comes
    // later, from the loop. nullopt withdraws it, and then nobody asks (null). An error for a proof
    // ends the order: the authority would look in vain, and counts that.
    std::function<absl::Status(std::optional<Proof> proof, std::function<void()> known)> publish;
    // From the loop, once. It may destroy the issuance.
    std::function<void(IssuanceOutcome)> on_done;
  };

  Issuance(pool::EventLoop* loop, Dialogue* dialogue, IssuancePlan plan, Callbacks callbacks);
  Issuance(const Issuance&) = delete;
  Issuance& operator=(const Issuance&) = delete;

  void Start();

 private:
  enum class Stage : uint8_t {
    kDirectory,
    kAccount,
    kOrder,
    kAuthorization,  // what it asks for
    kPublishing,     // until the listeners know the answer
    kChallenge,      // it is told that they do
    kAwaitingProof,
    kFinalizing,
    kAwaitingOrder,
    kDownload,
    kOver,
  };

  using Step = void (Issuance::*)(const fetch::Response&);
  void MoveTo(Stage next);
  void Get(const std::string& url, Step next);
  void Post(const std::string& url, std::string payload, Step next);
  void OnAnswer(const Answer& answer, Step next);

  void OnDirectory(const fetch::Response& response);
  void EnterAccount();
  void OnAccount(const fetch::Response& response);
  void EnterOrder();
  void OnOrder(const fetch::Response& response);
  void EnterAuthorization();
  void OnAuthorization(const fetch::Response& response);
  void Prove(const Challenge& challenge);
  void OnPublished();
  void OnChallengeTaken(const fetch::Response& response);
  void OnProof(const fetch::Response& response);
  void EnterFinalize();
  void OnFinalized(const fetch::Response& response);
  // Looks again at what the stage waits for.
  void LookLater(const fetch::Response& response);
  void OnLook(pool::TimePoint now);
  void OnChain(const fetch::Response& response);

  // Whether the trouble is one that another try without what it complains of may avoid; then that
  // is under way.
  bool GoneRound(const Trouble& trouble);
  void Fail(Result result, std::string text, std::string type = {});
  void FailProof(const Authorization& authorization);
  void Withdraw();
  void Finish(IssuanceOutcome outcome);

  pool::EventLoop* loop_;
  Dialogue* dialogue_;
  IssuancePlan plan_;
  Callbacks callbacks_;

  Stage stage_ = Stage::kDirectory;
  Directory directory_;
  bool registered_ = false;  // the account, in the course of this order
  Order order_;
  std::string order_url_;
  size_t authorization_ = 0;  // of the order's
  std::string challenge_url_;
  bool published_ = false;
  std::optional<pool::SigningKey> key_;
  pool::TimePoint give_up_at_;
  pool::Duration next_look_{0};
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // for late callbacks
  pool::MemberTimer<Issuance, &Issuance::OnLook> look_timer_{this};
};

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_ISSUANCE_H_
