#include "gateway/acme/issuance.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/acme/jws.h"
#include "pool/tls/certificate_facts.h"
#include "tests/gateway/acme/fake_authority.h"
#include "tests/support/manual_clock.h"

namespace holdfast::acme {
namespace {

using Strings = std::vector<std::string>;

class IssuanceTest : public testing::Test {
 protected:
  ~IssuanceTest() override {
    issuance_.reset();
    loop_.DestroyAside();
  }

  // Orders, and turns until that is over; time goes by as the order waits.
  IssuanceOutcome Order() {
    Begin();
    for (int turn = 0; turn < 2000 && !outcome_.has_value(); ++turn) {
      loop_.RunOnce(pool::Duration::zero());
      clock_.Advance(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(outcome_.has_value()) << authority_.asked.back();
    EXPECT_FALSE(proof_.has_value()) << "it is withdrawn";
    return outcome_.value_or(IssuanceOutcome());
  }
  void Begin() {
    issuance_ = std::make_unique<Issuance>(
        &loop_, &dialogue_, plan_,
        Issuance::Callbacks{.keep_account =
                                [this](const Account& account, const std::string& terms) {
                                  terms_ = terms;
                                  kept_.push_back(account.url);
                                  return keeps_;
                                },
                            .publish =
                                [this](std::optional<Proof> proof, std::function<void()> known) {
                                  proof_ = std::move(proof);
                                  known_ = std::move(known);
                                  if (known_ && tells_ && shows_.ok()) loop_.Queue(known_task_);
                                  return proof_.has_value() ? shows_ : absl::OkStatus();
                                },
                            .on_done =
                                [this](IssuanceOutcome outcome) {
                                  EXPECT_FALSE(outcome_.has_value()) << "once";
                                  outcome_ = std::move(outcome);
                                }});
    issuance_->Start();
  }
  void Turns(int turns = 30) {
    for (int i = 0; i < turns; ++i) loop_.RunOnce(pool::Duration::zero());
  }
  void TellKnown() { known_(); }
  std::string TextOf(const IssuanceOutcome& outcome) const {
    return outcome.trouble.has_value() ? outcome.trouble->text : "none";
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  FakeAuthority authority_;
  FakeExchanges exchanges_{&loop_, &authority_};
  Dialogue dialogue_{&loop_, &exchanges_, Account{.key = pool::SigningKey::Make(), .url = {}}};
  IssuancePlan plan_{.directory = kDirectory, .email = "ops@a.test", .name = "a.test"};
  Strings kept_;
  std::string terms_;
  absl::Status keeps_;
  absl::Status shows_;  // a proof
  bool tells_ = true;
  std::optional<Proof> proof_;
  std::function<void()> known_;
  std::optional<IssuanceOutcome> outcome_;
  std::unique_ptr<Issuance> issuance_;
  pool::MemberTask<IssuanceTest, &IssuanceTest::TellKnown> known_task_{this};
};

TEST_F(IssuanceTest, FromNothingToACertificate) {
  std::optional<Proof> shown;
  authority_.on_challenge = [&] { shown = proof_; };
  const IssuanceOutcome outcome = Order();
  ASSERT_FALSE(outcome.trouble.has_value()) << TextOf(outcome);
  const pool::TlsFile chain{.pem = outcome.chain, .name = "chain"};
  EXPECT_TRUE(pool::CheckKey(chain, {.pem = outcome.key, .name = "key"}).ok());
  EXPECT_EQ(pool::ReadCertificate(chain)->names, Strings{"a.test"});
  EXPECT_EQ(pool::ReadCertificate(chain)->key_type, pool::KeyType::kEcdsa);
  ASSERT_TRUE(shown.has_value()) << "when it is looked at";
  EXPECT_EQ(shown->subject, "token-1");
  EXPECT_EQ(shown->answer, KeyAuthorization("token-1", dialogue_.account().key));
  EXPECT_EQ(kept_, Strings{"https://ca.test/account/1"});
  EXPECT_EQ(authority_.payloads["/account"],
            R"({"contact":["mailto:ops@a.test"],"termsOfServiceAgreed":true})");
  EXPECT_EQ(authority_.payloads["/authorization/1"], "") << "a read";
  EXPECT_EQ(authority_.payloads["/challenge/1"], "{}");
}

TEST_F(IssuanceTest, AnAccountAgreesToTermsThatAreTold) {
  authority_.directory_more = R"(, "meta": {"termsOfService": "https://ca.test/terms"})";
  EXPECT_EQ(TextOf(Order()), "none");
  EXPECT_EQ(terms_, "https://ca.test/terms");
}

TEST_F(IssuanceTest, AnAccountThatIsKnownIsNotMadeAgain) {
  dialogue_.account().url = "https://ca.test/account/1";
  EXPECT_EQ(TextOf(Order()), "none");
  EXPECT_EQ(authority_.Count("POST /account"), 0);
  EXPECT_TRUE(kept_.empty());
}

TEST_F(IssuanceTest, OneThatTheAuthorityHasForgottenIsMadeOnceMore) {
  dialogue_.account().url = "https://ca.test/account/9";
  authority_.Say("/order", FakeAuthority::Problem(400, "accountDoesNotExist", "who?"));
  EXPECT_EQ(TextOf(Order()), "none");
  EXPECT_EQ(kept_, Strings{"https://ca.test/account/1"});
}

TEST_F(IssuanceTest, OneThatItForgetsAgainAndAgainIsNotMadeForEver) {
  authority_.Say("/order", FakeAuthority::Problem(400, "accountDoesNotExist", "who?"), 100);
  EXPECT_EQ(TextOf(Order()), "accountDoesNotExist: who?");
  EXPECT_EQ(authority_.Count("POST /account"), 1);
}

TEST_F(IssuanceTest, NamesThatAreKnownToBeOursNeedNoProof) {
  authority_.authorized = true;
  EXPECT_EQ(TextOf(Order()), "none");
  EXPECT_EQ(authority_.Count("POST /challenge/1"), 0);
}

// It would look in vain.
TEST_F(IssuanceTest, TheAuthorityIsCalledOnceTheListenersKnowTheAnswer) {
  tells_ = false;
  Begin();
  Turns();
  EXPECT_TRUE(proof_.has_value());
  EXPECT_EQ(authority_.Count("POST /challenge/1"), 0);
  known_();
  Turns();
  EXPECT_EQ(authority_.Count("POST /challenge/1"), 1);
}

TEST_F(IssuanceTest, TlsAlpn01ShowsACertificate) {
  plan_.challenge = config::AcmeChallenge::kTlsAlpn01;
  authority_.challenge_type = "tls-alpn-01";
  std::optional<Proof> shown;
  authority_.on_challenge = [&] { shown = proof_; };
  EXPECT_EQ(TextOf(Order()), "none");
  ASSERT_TRUE(shown.has_value());
  EXPECT_EQ(shown->challenge, config::AcmeChallenge::kTlsAlpn01);
  EXPECT_EQ(shown->subject, "a.test");
}

TEST_F(IssuanceTest, AChallengeThatIsNotOfferedIsTold) {
  authority_.challenge_type = "dns-01";
  const IssuanceOutcome outcome = Order();
  EXPECT_EQ(TextOf(outcome), "the authority does not offer http-01; it offers dns-01");
  EXPECT_EQ(outcome.trouble->result, Result::kRefused);
}

TEST_F(IssuanceTest, AFailedProofIsToldInTheAuthoritysWords) {
  authority_.proof_error = R"({"type": "urn:ietf:params:acme:error:connection", "detail": "none"})";
  const IssuanceOutcome outcome = Order();
  EXPECT_EQ(TextOf(outcome), "http-01: connection: none");
  EXPECT_EQ(outcome.trouble->result, Result::kChallengeFailed);
  EXPECT_EQ(outcome.trouble->type, "connection");
}

TEST_F(IssuanceTest, WhatTakesItsTimeIsLookedAtAgainAndAgainButNotForEver) {
  authority_.looks_until_proof = 5;
  authority_.looks_until_certificate = 5;
  EXPECT_EQ(TextOf(Order()), "none");
  outcome_.reset();
  authority_.looks_until_proof = 1'000'000;
  const IssuanceOutcome outcome = Order();
  ASSERT_TRUE(outcome.trouble.has_value());
  EXPECT_EQ(outcome.trouble->result, Result::kTimeout);
  EXPECT_LT(authority_.Count("POST /authorization/1"), 60);
}

TEST_F(IssuanceTest, ACertificateThatNeverComesIsGivenUp) {
  authority_.looks_until_certificate = 1'000'000;
  EXPECT_EQ(TextOf(Order()), "the authority has not made the certificate in time");
}

TEST_F(IssuanceTest, RetryAfterIsWaitedFor) {
  authority_.authorized = true;
  fetch::Response later{.status = 200,
                        .body = R"({"status": "processing", "authorizations": []})",
                        .retry_after = "20"};
  authority_.Say("/finalize/1", later);
  Begin();
  Turns();
  clock_.Advance(std::chrono::seconds(19));
  Turns();
  EXPECT_EQ(authority_.Count("POST /order/1"), 0);
  clock_.Advance(std::chrono::seconds(2));
  Turns();
  EXPECT_EQ(authority_.Count("POST /order/1"), 1);
}

TEST_F(IssuanceTest, AnOrderThatBecomesInvalidIsToldWithItsReason) {
  authority_.Say("/finalize/1",
                 {.status = 200, .body = R"({"status": "invalid", "authorizations": [],
                              "error": {"type": "urn:ietf:params:acme:error:caa",
                                        "detail": "no"}})"});
  EXPECT_EQ(TextOf(Order()), "caa: no");
}

TEST_F(IssuanceTest, WhatCameMustBeForTheKeyAndTheName) {
  authority_.certificate.names = {"dns:other.test"};
  EXPECT_EQ(TextOf(Order()), "the certificate that came is for another name");
  outcome_.reset();
  authority_.Say("/certificate/1", {.status = 200, .body = pool::SiteFor({"a.test"}).pem()});
  EXPECT_NE(TextOf(Order()).find("is not that of the certificate"), std::string::npos);
  outcome_.reset();
  authority_.Say("/certificate/1", {.status = 200, .body = "<html>"});
  const IssuanceOutcome outcome = Order();
  EXPECT_NE(TextOf(outcome).find("no certificate in it"), std::string::npos);
  EXPECT_EQ(outcome.trouble->result, Result::kBadAnswer);
}

TEST_F(IssuanceTest, AnswersThatMakeNoSenseAreToldOnce) {
  for (const std::string path : {"/dir", "/account", "/order", "/authorization/1", "/finalize/1"}) {
    dialogue_.account().url.clear();
    authority_.Say(path, {.status = 200, .body = "<html>"});
    const IssuanceOutcome outcome = Order();
    ASSERT_TRUE(outcome.trouble.has_value()) << path;
    EXPECT_EQ(outcome.trouble->result, Result::kBadAnswer) << path << TextOf(outcome);
    outcome_.reset();
    authority_.handlers.clear();
  }
}

TEST_F(IssuanceTest, WhoWantsAnotherAccountIsNotAskedForOne) {
  authority_.directory_more = R"(, "meta": {"externalAccountRequired": true})";
  EXPECT_NE(TextOf(Order()).find("externalAccountRequired"), std::string::npos);
  EXPECT_EQ(authority_.Count("POST /account"), 0);
}

TEST_F(IssuanceTest, AnAccountThatCannotBeKeptEndsTheOrder) {
  keeps_ = absl::UnavailableError("disk full");
  const IssuanceOutcome outcome = Order();
  EXPECT_EQ(TextOf(outcome), "disk full");
  EXPECT_EQ(outcome.trouble->result, Result::kStorage);
}

// RFC 9773 section 5.
TEST_F(IssuanceTest, ARenewalSaysWhatItReplacesToWhoUnderstandsThat) {
  plan_.replaces = "aki.serial";
  EXPECT_EQ(TextOf(Order()), "none");
  EXPECT_EQ(authority_.payloads["/order"].find("replaces"), std::string::npos);
  outcome_.reset();
  authority_.directory_more = R"(, "renewalInfo": "https://ca.test/ari")";
  EXPECT_EQ(TextOf(Order()), "none");
  EXPECT_NE(authority_.payloads["/order"].find(R"("replaces":"aki.serial")"), std::string::npos);
}

TEST_F(IssuanceTest, OneThatWasReplacedAlreadyIsOrderedWithoutThat) {
  plan_.replaces = "aki.serial";
  authority_.directory_more = R"(, "renewalInfo": "https://ca.test/ari")";
  authority_.Say("/order", FakeAuthority::Problem(409, "alreadyReplaced", "by another"));
  EXPECT_EQ(TextOf(Order()), "none");
  EXPECT_EQ(authority_.payloads["/order"].find("replaces"), std::string::npos);
}

TEST_F(IssuanceTest, ALimitIsNotAskedForTwice) {
  plan_.replaces = "aki.serial";
  authority_.directory_more = R"(, "renewalInfo": "https://ca.test/ari")";
  authority_.Say("/order", FakeAuthority::Problem(429, "rateLimited", "too many"), 2);
  EXPECT_EQ(Order().trouble->result, Result::kRateLimited);
  EXPECT_EQ(authority_.Count("POST /order"), 1);
}

TEST_F(IssuanceTest, OneThatIsGivenUpCallsNothing) {
  authority_.looks_until_proof = 1'000'000;
  Begin();
  Turns();
  issuance_.reset();
  clock_.Advance(std::chrono::hours(1));
  Turns();
  EXPECT_FALSE(outcome_.has_value());
}

TEST_F(IssuanceTest, WithoutAProofToShowTheAuthorityIsNotAskedToLook) {
  shows_ = absl::UnavailableError("disk full");
  Begin();
  Turns();
  proof_.reset();  // nobody withdraws what is not shown
  ASSERT_TRUE(outcome_.has_value());
  EXPECT_EQ(outcome_->trouble->result, Result::kStorage);
  EXPECT_EQ(outcome_->trouble->text, "disk full");
  EXPECT_EQ(authority_.Count("POST /challenge/1"), 0);
}

}  // namespace
}  // namespace holdfast::acme
