#include "gateway/auth/bearer_auth.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"

namespace holdfast::auth {
namespace {

using pool::TestKeyPair;
using std::chrono::seconds;
using Algorithm = pool::SignatureAlgorithm;

constexpr std::string_view kClaims = R"({"iss":"i","aud":"a","sub":"ann","exp":1000})";

pool::WallTime At(int second) { return pool::WallTime(seconds(second)); }

http::HeaderList With(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  http::HeaderList list;
  for (const auto& [name, value] : fields) {
    list.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
  }
  return list;
}

class BearerAuthTest : public testing::Test {
 protected:
  BearerAuthTest() {
    rules_.keys = std::make_shared<const KeySet>(*KeySet::Parse(JwksOf({JwkOf(pair_)})));
  }
  TokenAnswer Ask(const http::HeaderList& fields, int now = 0) {
    fault_ = TokenFault::kNone;
    return auth_.Ask(rules_, fields, At(now), &token_, &fault_);
  }
  TokenAnswer AskWith(std::string_view value, int now = 0) {
    return Ask(With({{"Authorization", value}}), now);
  }

  const TestKeyPair pair_ = TestKeyPair::Make(pool::PublicKey::Kind::kP256);
  const std::string good_ = SignedToken(pair_, Algorithm::kEs256, R"({"alg":"ES256"})", kClaims);
  TokenRules rules_{.jwks = "/k",
                    .issuer = "i",
                    .audience = "a",
                    .algorithms = {Algorithm::kEs256},
                    .claims_to_headers = {{"x-user", "sub"}, {"x-mail", "mail"}},
                    .leeway = seconds(0),
                    .keys = nullptr,
                    .identity = "one"};
  BearerAuth auth_;
  std::shared_ptr<const GoodToken> token_;
  TokenFault fault_ = TokenFault::kNone;
};

TEST_F(BearerAuthTest, AGoodTokenIsAdmittedAndRemembered) {
  EXPECT_EQ(AskWith("Bearer " + good_), TokenAnswer::kAdmitted);
  ASSERT_NE(token_, nullptr);
  EXPECT_EQ(token_->values[0], "ann");
  EXPECT_EQ(auth_.known().size(), 1u);
  const auto first = token_;
  EXPECT_EQ(AskWith("bEARER   " + good_), TokenAnswer::kAdmitted);
  EXPECT_EQ(token_, first) << "the same, not another check";
  EXPECT_EQ(AskWith("Bearer " + good_, 999), TokenAnswer::kAdmitted);
}

TEST_F(BearerAuthTest, WhatIsRememberedEndsWithTheToken) {
  EXPECT_EQ(AskWith("Bearer " + good_), TokenAnswer::kAdmitted);
  EXPECT_EQ(AskWith("Bearer " + good_, 1000), TokenAnswer::kExpired);
  EXPECT_EQ(token_, nullptr);
  EXPECT_EQ(auth_.known().size(), 0u);
}

TEST_F(BearerAuthTest, WhatIsRememberedIsOfThoseRulesAlone) {
  EXPECT_EQ(AskWith("Bearer " + good_), TokenAnswer::kAdmitted);
  rules_.identity = "another";
  rules_.audience = "b";
  EXPECT_EQ(AskWith("Bearer " + good_), TokenAnswer::kInvalid);
  rules_.keys = nullptr;
  rules_.identity = "one";
  EXPECT_EQ(AskWith("Bearer " + good_), TokenAnswer::kInvalid) << "without keys nobody is admitted";
}

TEST_F(BearerAuthTest, BadTokensAreNotRemembered) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(AskWith("Bearer a.b." + std::to_string(i)), TokenAnswer::kInvalid);
  }
  EXPECT_EQ(auth_.known().size(), 0u);
}

TEST_F(BearerAuthTest, UntilKeysAreFetchedNobodyCanBeChecked) {
  rules_.jwks = "https://i.test/k";
  rules_.keys = nullptr;
  EXPECT_EQ(AskWith("Bearer " + good_), TokenAnswer::kKeysUnavailable);
  EXPECT_EQ(Ask(With({})), TokenAnswer::kMissing) << "which needs no keys";
}

// The fetches are counted elsewhere; here it is that a flood is no flood of letters.
TEST_F(BearerAuthTest, AnUnknownKeyIsToldNowAndThen) {
  std::vector<std::string> wanted;
  BearerAuth auth([&wanted](const std::string& url) { wanted.push_back(url); });
  const auto ask = [&](const std::string& kid, int now) {
    const std::string token =
        SignedToken(pair_, Algorithm::kEs256, R"({"alg":"ES256","kid":")" + kid + "\"}", kClaims);
    const std::string value = "Bearer " + token;
    return auth.Ask(rules_, With({{"Authorization", value}}), At(now), &token_, &fault_);
  };
  EXPECT_EQ(ask("new", 0), TokenAnswer::kInvalid);
  EXPECT_TRUE(wanted.empty()) << "a file is not fetched";
  rules_.jwks = "https://i.test/k";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask("new" + std::to_string(i), i), TokenAnswer::kInvalid);
  EXPECT_EQ(wanted, std::vector<std::string>{"https://i.test/k"});
  EXPECT_EQ(ask("new", 10), TokenAnswer::kInvalid);
  EXPECT_EQ(wanted.size(), 2u);
  EXPECT_EQ(ask("new", 5), TokenAnswer::kInvalid) << "a clock that was set back stops nothing";
  EXPECT_EQ(wanted.size(), 3u);
  // Nor is one for a known key that is signed by another, or with another algorithm.
  EXPECT_EQ(auth.Ask(rules_, With({{"Authorization", "Bearer a.b.c"}}), At(100), &token_, &fault_),
            TokenAnswer::kInvalid);
  EXPECT_EQ(wanted.size(), 3u);
  for (size_t i = 0; i < 2 * BearerAuth::kMaxWanted; ++i) {
    rules_.jwks = "https://i.test/" + std::to_string(i);
    ask("new", 200);
  }
  EXPECT_EQ(wanted.size(), 3u + BearerAuth::kMaxWanted);
}

TEST_F(BearerAuthTest, WhoeverSendsNoTokenIsToldApart) {
  EXPECT_EQ(Ask(With({})), TokenAnswer::kMissing);
  EXPECT_EQ(Ask(With({{"Proxy-Authorization", "Bearer " + good_}})), TokenAnswer::kMissing);
  EXPECT_EQ(Ask(With({{"Authorization_", "Bearer " + good_}})), TokenAnswer::kMissing);
  EXPECT_EQ(Ask(With({{"Cookie", "access_token=" + good_}})), TokenAnswer::kMissing);
  for (const std::string& value :
       {std::string(), std::string("Basic YTpi"), good_, "Bearers " + good_, "Bearer" + good_,
        "Bearer\t" + good_, "Bearer=" + good_, "JWT " + good_, "Token " + good_}) {
    EXPECT_EQ(AskWith(value), TokenAnswer::kMissing) << value;
  }
}

TEST_F(BearerAuthTest, AnythingButOneTokenIsInvalid) {
  for (const std::string& value :
       {std::string("Bearer"), std::string("Bearer "), "Bearer \t" + good_, "Bearer " + good_ + " ",
        "Bearer " + good_ + ", Bearer " + good_, "Bearer " + good_ + " " + good_,
        "Bearer " + std::string(kMaxTokenBytes + 1, 'A'), "Bearer \"" + good_ + "\"",
        "Bearer token=" + good_}) {
    EXPECT_EQ(AskWith(value), TokenAnswer::kInvalid) << value;
  }
  EXPECT_EQ(Ask(With({{"Authorization", "Bearer " + good_}, {"authorization", "Bearer " + good_}})),
            TokenAnswer::kInvalid);
  EXPECT_EQ(Ask(With({{"Authorization", "Bearer " + good_}, {"Authorization", ""}})),
            TokenAnswer::kInvalid);
}

TEST_F(BearerAuthTest, OnlyWhatIsInvalidHasAFault) {
  for (const auto& [value, fault] :
       {std::pair(std::string("Bearer "), TokenFault::kMalformed),
        std::pair("Bearer " + std::string(kMaxTokenBytes + 1, 'A'), TokenFault::kTooLong),
        std::pair(std::string("Bearer a.b.c"), TokenFault::kMalformed),
        std::pair("Bearer " + good_ + " ", TokenFault::kSignature),
        std::pair("Bearer " + SignedToken(pair_, Algorithm::kEs256, R"({"alg":"ES256","kid":"x"})",
                                          kClaims),
                  TokenFault::kKeyUnknown)}) {
    EXPECT_EQ(AskWith(value), TokenAnswer::kInvalid) << value;
    EXPECT_EQ(fault_, fault) << value;
  }
  EXPECT_EQ(Ask(With({{"Authorization", "Bearer " + good_}, {"Authorization", ""}})),
            TokenAnswer::kInvalid);
  EXPECT_EQ(fault_, TokenFault::kRepeated);
  EXPECT_EQ(Ask(With({})), TokenAnswer::kMissing);
  EXPECT_EQ(fault_, TokenFault::kNone);
  EXPECT_EQ(AskWith("Bearer " + good_, 1000), TokenAnswer::kExpired);
  EXPECT_EQ(fault_, TokenFault::kNone);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(AskWith("Bearer " + good_), TokenAnswer::kAdmitted);
    EXPECT_EQ(fault_, TokenFault::kNone);
  }
  rules_.keys = nullptr;
  EXPECT_EQ(AskWith("Bearer " + good_), TokenAnswer::kInvalid);
  EXPECT_EQ(fault_, TokenFault::kKeyUnknown);
}

TEST_F(BearerAuthTest, ClaimsTakeThePlaceOfTheClientsOwnFields) {
  ASSERT_EQ(AskWith("Bearer " + good_), TokenAnswer::kAdmitted);
  http::HeaderList fields = With(
      {{"X-User", "root"}, {"x_user", "root"}, {"X-Mail", "root@x.test"}, {"X-Users", "stays"}});
  WriteClaims(rules_, *token_, &fields);
  std::string left;
  for (const http::HeaderField& field : fields.fields()) {
    if (!field.dropped) left += std::string(field.name) + "=" + std::string(field.value) + ";";
  }
  EXPECT_EQ(left, "X-Users=stays;x-user=ann;");
}

}  // namespace
}  // namespace holdfast::auth
