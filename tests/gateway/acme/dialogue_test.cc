#include "gateway/acme/dialogue.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/gateway/acme/fake_authority.h"
#include "tests/support/manual_clock.h"

namespace holdfast::acme {
namespace {

using Strings = std::vector<std::string>;

class DialogueTest : public testing::Test {
 protected:
  DialogueTest() { dialogue_.UseNonceUrl("https://ca.test/nonce"); }

  Answer Post(const std::string& path, const std::string& payload) {
    std::optional<Answer> answer;
    dialogue_.Post("https://ca.test" + path, payload,
                   [&](Answer said) { answer = std::move(said); });
    EXPECT_FALSE(answer.has_value()) << "never within the call";
    for (int turn = 0; turn < 200 && !answer.has_value(); ++turn) {
      loop_.RunOnce(pool::Duration::zero());
    }
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(Answer());
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  FakeAuthority authority_;
  FakeExchanges exchanges_{&loop_, &authority_};
  Dialogue dialogue_{&loop_, &exchanges_, Account{.key = pool::SigningKey::Make(), .url = {}}};
};

TEST_F(DialogueTest, ANonceIsFetchedOnceAndThenComesWithEachAnswer) {
  authority_.Say("/account", {.status = 200}, 2);
  EXPECT_FALSE(Post("/account", "{}").trouble.has_value());
  EXPECT_FALSE(Post("/account", "{}").trouble.has_value());
  EXPECT_EQ(authority_.asked, (Strings{"HEAD /nonce", "POST /account", "POST /account"}));
}

TEST_F(DialogueTest, ARefusedNonceCostsOneMoreRequest) {
  authority_.bad_nonces = 3;
  EXPECT_FALSE(Post("/account", "{}").trouble.has_value());
  EXPECT_EQ(authority_.Count("POST /account"), 4);
  EXPECT_EQ(authority_.Count("HEAD /nonce"), 1);
}

TEST_F(DialogueTest, OneThatRefusesAllIsNotAskedForEver) {
  authority_.bad_nonces = 1000;
  const Answer answer = Post("/account", "{}");
  ASSERT_TRUE(answer.trouble.has_value());
  EXPECT_EQ(answer.trouble->type, "badNonce");
  EXPECT_EQ(authority_.Count("POST /account"), Dialogue::kMaxNonces);
}

TEST_F(DialogueTest, WhatIsRefusedIsToldInTheAuthoritysWords) {
  fetch::Response refusal = FakeAuthority::Problem(429, "rateLimited", "too many");
  refusal.retry_after = "60";
  authority_.Say("/account", refusal);
  const Answer answer = Post("/account", "{}");
  ASSERT_TRUE(answer.trouble.has_value());
  EXPECT_EQ(answer.trouble->result, Result::kRateLimited);
  EXPECT_EQ(answer.trouble->text, "rateLimited: too many");
  EXPECT_EQ(answer.trouble->retry_after, std::chrono::seconds(60));
}

TEST_F(DialogueTest, EachKindOfFailureHasItsResult) {
  const std::pair<fetch::Response, Result> cases[] = {
      {FakeAuthority::Problem(403, "unauthorized", "no"), Result::kRefused},
      {{.status = 503, .body = "<html>"}, Result::kUnreachable},
      {{.status = 404}, Result::kRefused},
      {{.status = 301, .location = "https://elsewhere.test/"}, Result::kRefused},
      {{.trouble = "192.0.2.1:443: connect_refused"}, Result::kUnreachable},
  };
  for (const auto& [response, result] : cases) {
    authority_.Say("/account", response);
    const Answer answer = Post("/account", "{}");
    ASSERT_TRUE(answer.trouble.has_value());
    EXPECT_EQ(answer.trouble->result, result) << answer.trouble->text;
    EXPECT_FALSE(answer.trouble->text.empty());
  }
}

TEST_F(DialogueTest, WithoutANonceNothingIsSent) {
  authority_.Say("/nonce", {.trouble = "no route"});
  EXPECT_EQ(Post("/account", "{}").trouble->text, "no route");
  EXPECT_EQ(authority_.Count("POST /account"), 0);
}

TEST_F(DialogueTest, AnAccountSignsByItsName) {
  dialogue_.account().url = "https://ca.test/account/1";
  authority_.authorized = true;
  const Answer answer = Post("/order", "{}");
  EXPECT_FALSE(answer.trouble.has_value());
  EXPECT_EQ(answer.response.location, "https://ca.test/order/1");
  EXPECT_NE(authority_.headers["/order"].find("\"kid\":\"https://ca.test/account/1\""),
            std::string::npos);
}

}  // namespace
}  // namespace holdfast::acme
