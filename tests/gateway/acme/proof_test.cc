#include "gateway/acme/proof.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::acme {
namespace {

using config::AcmeChallenge;

constexpr pool::WallTime kNow{std::chrono::seconds(1'800'000'000)};
constexpr std::chrono::minutes kMinute{1};

TEST(ProofTest, EachKindIsShownInItsWay) {
  const Challenges both = ChallengesOf(
      {{.challenge = AcmeChallenge::kHttp01, .subject = "abc", .answer = "abc.x"},
       {.challenge = AcmeChallenge::kTlsAlpn01, .subject = "a.test", .answer = "def.x"}},
      kNow);
  const std::string* answer = both.AnswerFor("/.well-known/acme-challenge/abc");
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(*answer, "abc.x");
  EXPECT_EQ(both.tokens.size(), 1u);
  EXPECT_NE(both.certificates, nullptr);
  EXPECT_TRUE(ChallengesOf({}, kNow).empty());
}

TEST(ProofTest, IsReadAsItWasWrittenUntilItsTimeIsOver) {
  for (const Proof& proof :
       {Proof{.challenge = AcmeChallenge::kHttp01, .subject = "abc", .answer = "abc.x"},
        Proof{.challenge = AcmeChallenge::kTlsAlpn01, .subject = "a.test", .answer = "def.x"}}) {
    const std::string text = FormatProof(proof, kNow + kMinute);
    EXPECT_EQ(ParseProof(text, kNow), proof) << text;
    EXPECT_EQ(ParseProof(text, kNow + 2 * kMinute), std::nullopt);
  }
}

TEST(ProofTest, WhatIsNoneIsNone) {
  for (const char* text :
       {"", "\n", "http-01 1900000000 abc abc.x", "http-01 1900000000 abc\n",
        "http-01 1900000000 abc \n", "dns-01 1900000000 abc abc.x\n", "http-01 soon abc abc.x\n",
        "http-01 1900000000 abc abc.x more\n", "tls-alpn-01 1900000000 ../a x\n"}) {
    EXPECT_EQ(ParseProof(text, kNow), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace holdfast::acme
