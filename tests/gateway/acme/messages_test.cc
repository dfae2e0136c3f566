#include "gateway/acme/messages.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::acme {
namespace {

using std::chrono::seconds;

template <class T>
std::string ErrorOf(const absl::StatusOr<T>& result) {
  return result.ok() ? "" : std::string(result.status().message());
}

TEST(MessagesTest, ADirectoryIsRead) {
  const auto directory = ParseDirectory(
      R"({"newNonce": "n", "newAccount": "a", "newOrder": "o", "renewalInfo": "r", "x": [1],
          "meta": {"termsOfService": "t", "externalAccountRequired": true}})");
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(directory->new_nonce, "n");
  EXPECT_EQ(directory->new_account, "a");
  EXPECT_EQ(directory->new_order, "o");
  EXPECT_EQ(directory->renewal_info, "r");
  EXPECT_EQ(directory->terms, "t");
  EXPECT_TRUE(directory->external_account);
}

TEST(MessagesTest, WhatIsNoDirectoryIsToldSo) {
  EXPECT_EQ(ErrorOf(ParseDirectory("<html>")), "the directory is no JSON object");
  EXPECT_EQ(ErrorOf(ParseDirectory("[]")), "the directory is no JSON object");
  EXPECT_EQ(ErrorOf(ParseDirectory("\xff{}")), "the directory is no JSON object");
  EXPECT_NE(ErrorOf(ParseDirectory(R"({"newNonce": "n", "newAccount": 1, "newOrder": "o"})")), "");
  EXPECT_FALSE(ParseDirectory(R"({"newNonce": "n", "newAccount": "a", "newOrder": "o",
                                  "meta": []})")
                   ->external_account);
}

TEST(MessagesTest, AProblemIsOneLine) {
  const auto problem = ParseProblem(
      R"({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too\nmany",
          "subproblems": [{"detail": "a.test"}, 1, {}]})");
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->type, "rateLimited");
  EXPECT_EQ(problem->Text(), "rateLimited: too many; a.test; ");
  EXPECT_EQ(ParseProblem(R"({"type": "about:blank"})")->Text(), "about:blank");
  const std::string is_long(10'000, 'a');
  EXPECT_LT(ParseProblem("{\"detail\": \"" + is_long + "\"}")->detail.size(), 600u);
  for (const char* none : {"", "{}", "[]", "null", "{\"type\": 1}", "Bad Gateway"}) {
    EXPECT_FALSE(ParseProblem(none).has_value()) << none;
  }
}

TEST(MessagesTest, AnOrderIsRead) {
  const auto order = ParseOrder(
      R"({"status": "invalid", "authorizations": ["u", "v"], "finalize": "f", "certificate": "c",
          "error": {"type": "urn:ietf:params:acme:error:caa", "detail": "no"}})");
  ASSERT_TRUE(order.ok()) << order.status();
  EXPECT_EQ(order->state, State::kInvalid);
  EXPECT_EQ(order->authorizations, (std::vector<std::string>{"u", "v"}));
  EXPECT_EQ(order->finalize, "f");
  EXPECT_EQ(order->certificate, "c");
  EXPECT_EQ(order->error->Text(), "caa: no");
}

TEST(MessagesTest, WhatIsNoOrderIsToldSo) {
  EXPECT_NE(ErrorOf(ParseOrder(R"({"status": "odd", "authorizations": []})")).find("\"odd\""),
            std::string::npos);
  for (const char* wrong :
       {"", "{}", R"({"status": "ready"})", R"({"status": "ready", "authorizations": {}})",
        R"({"status": "ready", "authorizations": [1]})"}) {
    EXPECT_NE(ErrorOf(ParseOrder(wrong)), "") << wrong;
  }
  std::string many = "\"u\"";
  for (int i = 0; i < 100; ++i) many += ", \"u\"";
  EXPECT_NE(ErrorOf(ParseOrder(R"({"status": "ready", "authorizations": [)" + many + "]}")), "");
}

std::string WithChallenge(const std::string& challenge) {
  return R"({"status": "pending", "identifier": {"type": "dns", "value": "a.test"},
             "challenges": [)" +
         challenge + "]}";
}

TEST(MessagesTest, AnAuthorizationIsRead) {
  const auto authorization = ParseAuthorization(
      WithChallenge(R"({"type": "http-01", "url": "u", "token": "a-_9", "status": "invalid",
                        "error": {"detail": "refused"}}, {"type": "new-01", "status": "odd"})"));
  ASSERT_TRUE(authorization.ok()) << authorization.status();
  EXPECT_EQ(authorization->name, "a.test");
  ASSERT_EQ(authorization->challenges.size(), 2u);
  EXPECT_EQ(authorization->challenges[0].token, "a-_9");
  EXPECT_EQ(authorization->challenges[0].state, State::kInvalid);
  EXPECT_EQ(authorization->challenges[0].error->Text(), "refused");
  EXPECT_EQ(authorization->challenges[1].type, "new-01");
}

// It becomes part of a path, and of what is signed.
TEST(MessagesTest, ATokenOfOtherLettersIsRefused) {
  for (const char* token : {"../a", "a b", "a.b", "a/b", "a\\u0000"}) {
    EXPECT_NE(ErrorOf(ParseAuthorization(WithChallenge(
                  std::string(R"({"type": "http-01", "url": "u", "token": ")") + token + "\"}"))),
              "")
        << token;
  }
  for (const char* wrong :
       {"", "{}", R"({"status": "valid"})", R"({"status": "valid", "identifier": 1})",
        R"({"status": "valid", "identifier": {}})",
        R"({"status": "valid", "identifier": {}, "challenges": [1]})"}) {
    EXPECT_NE(ErrorOf(ParseAuthorization(wrong)), "") << wrong;
  }
}

std::string Window(const std::string& begin, const std::string& end) {
  return R"({"suggestedWindow": {"start": ")" + begin + R"(", "end": ")" + end +
         R"("}, "explanationURL": "https://ca.test/why"})";
}

TEST(MessagesTest, ARenewalWindowIsRead) {
  const auto info = ParseRenewalInfo(Window("2026-01-02T03:04:05Z", "2026-01-03T03:04:05.5Z"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->begin, pool::WallTime(seconds(1767323045)));
  EXPECT_EQ(info->end - info->begin, std::chrono::hours(24));
  EXPECT_EQ(info->explanation, "https://ca.test/why");
  EXPECT_TRUE(ParseRenewalInfo(Window("2026-01-02T03:04:05Z", "9999-12-31T23:59:59Z")).ok());
  EXPECT_NE(ErrorOf(ParseRenewalInfo(Window("2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z"))), "");
  EXPECT_NE(ErrorOf(ParseRenewalInfo(Window("soon", "2026-01-02T00:00:00Z"))), "");
  EXPECT_NE(ErrorOf(ParseRenewalInfo("{}")), "");
}

TEST(MessagesTest, WhatIsSentIsJson) {
  EXPECT_EQ(NewAccount("a@b.test"),
            R"({"contact":["mailto:a@b.test"],"termsOfServiceAgreed":true})");
  EXPECT_EQ(NewAccount(""), R"({"termsOfServiceAgreed":true})");
  EXPECT_EQ(NewOrder({"a.test"}, ""), R"({"identifiers":[{"type":"dns","value":"a.test"}]})");
  EXPECT_EQ(NewOrder({"a.test"}, "x.y"),
            R"({"identifiers":[{"type":"dns","value":"a.test"}],"replaces":"x.y"})");
  EXPECT_EQ(Finalize("\xfb"), R"({"csr":"-w"})");
}

TEST(MessagesTest, WhatOthersSayIsOneLineOfALog) {
  EXPECT_EQ(OneLine("a\nb\x1b[31m\x7f"), "a b [31m ");
  EXPECT_EQ(OneLine(std::string(600, 'a')), std::string(kMaxText, 'a') + "...");
  const auto order = ParseOrder(R"({"status": "odd\nacme: all is well"})");
  EXPECT_EQ(order.status().message().find('\n'), std::string::npos);
}

}  // namespace
}  // namespace holdfast::acme
