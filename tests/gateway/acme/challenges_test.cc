#include "gateway/acme/challenges.h"

#include <gtest/gtest.h>

namespace holdfast::acme {
namespace {

TEST(ChallengesTest, OnlyAWholeTokenIsAnswered) {
  Challenges challenges;
  EXPECT_TRUE(challenges.empty());
  challenges.tokens["abc"] = "abc.thumb";
  EXPECT_FALSE(challenges.empty());
  const std::string* answer = challenges.AnswerFor("/.well-known/acme-challenge/abc");
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(*answer, "abc.thumb");
  for (const char* path : {"/.well-known/acme-challenge/ab", "/.well-known/acme-challenge/",
                           "/.well-known/acme-challenge", "/.well-known/acme-challenge/abc/",
                           "/.well-known/acme-challenge/ABC", "/abc", "/", ""}) {
    EXPECT_EQ(challenges.AnswerFor(path), nullptr) << path;
  }
}

}  // namespace
}  // namespace holdfast::acme
