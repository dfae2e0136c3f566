#include "gateway/auth/password_checker.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/auth/hashes.h"
#include "tests/support/deadline.h"

namespace holdfast::auth {
namespace {

constexpr std::string_view kPassword = "correct horse";

class PasswordCheckerTest : public testing::Test {
 protected:
  // A question like no other before it, or the one with that number.
  PasswordQuestion Question(std::string_view hash, std::string_view password, int number = 0) {
    PasswordQuestion question;
    question.key = digest_.Of({std::to_string(number != 0 ? number : --numbers_)});
    question.hash = *PasswordHash::Parse(hash);
    question.known = true;
    question.password = Secret(password);
    return question;
  }

  // What the checker says in the end.
  std::optional<Verdict> Ask(PasswordQuestion question) {
    std::promise<std::optional<Verdict>> promise;
    auto said = promise.get_future();
    EXPECT_TRUE(checker_->Ask(std::move(question),
                              [&promise](auto verdict) { promise.set_value(verdict); }));
    EXPECT_EQ(said.wait_for(support::kPatience), std::future_status::ready);
    return said.get();
  }
  bool IsGood(PasswordQuestion question) {
    const auto verdict = Ask(std::move(question));
    EXPECT_TRUE(verdict.has_value());
    return verdict.has_value() && verdict->good;
  }

  // Holds the checker's thread up until the promise is kept; returns when it is held.
  void HoldUp(std::promise<void>* release) {
    std::promise<void> held;
    ASSERT_TRUE(checker_->Ask(Question(kBcryptHorse, ""),
                              [&held, until = release->get_future().share()](auto) {
                                held.set_value();
                                until.wait();
                              }));
    held.get_future().wait();
  }

  const pool::SystemClock clock_;
  std::unique_ptr<PasswordChecker> checker_ = std::make_unique<PasswordChecker>(&clock_);
  const pool::KeyedDigest digest_{checker_->digest_key()};
  int numbers_ = 0;
};

TEST_F(PasswordCheckerTest, TellsGoodFromBad) {
  for (const std::string_view hash : {kBcryptHorse, kArgon2idHorse}) {
    EXPECT_TRUE(IsGood(Question(hash, kPassword)));
    EXPECT_FALSE(IsGood(Question(hash, "correct house")));
  }
}

TEST_F(PasswordCheckerTest, TheVerdictCountsFromTheCheck) {
  const pool::TimePoint before = clock_.Now();
  const auto verdict = Ask(Question(kBcryptHorse, kPassword));
  ASSERT_TRUE(verdict.has_value());
  EXPECT_GT(verdict->until, before + Verdict::kGoodLife);
  EXPECT_LT(verdict->until, clock_.Now() + Verdict::kGoodLife);
}

TEST_F(PasswordCheckerTest, OfNobodyNoPasswordIsTheRightOne) {
  PasswordQuestion question = Question(kBcryptHorse, kPassword);
  question.known = false;
  EXPECT_FALSE(IsGood(std::move(question)));
}

TEST_F(PasswordCheckerTest, WhatCannotBeCheckedHasNoVerdict) {
  PasswordQuestion question = Question(kArgon2idHorse, kPassword, 1);
  question.hash.cost.memory_kib = 1;
  EXPECT_EQ(Ask(std::move(question)), std::nullopt);
  EXPECT_TRUE(IsGood(Question(kArgon2idHorse, kPassword, 1))) << "and none is remembered";
}

TEST_F(PasswordCheckerTest, TheSameQuestionIsCheckedOnce) {
  const auto first = Ask(Question(kBcryptHorse, kPassword, 1));
  const auto again = Ask(Question(kBcryptHorse, kPassword, 1));
  const auto other = Ask(Question(kBcryptHorse, kPassword, 2));
  ASSERT_TRUE(first.has_value() && again.has_value() && other.has_value());
  EXPECT_EQ(again->until, first->until);
  EXPECT_GT(other->until, first->until);
}

TEST_F(PasswordCheckerTest, TakesNoMoreThanItHasPlacesFor) {
  std::promise<void> release;
  HoldUp(&release);
  std::atomic<size_t> told = 0;
  for (size_t i = 0; i < PasswordChecker::kMaxPending; ++i) {
    EXPECT_TRUE(checker_->Ask(Question(kBcryptHorse, kPassword), [&told](auto) { ++told; }));
  }
  EXPECT_FALSE(checker_->Ask(Question(kBcryptHorse, kPassword), [&told](auto) { ++told; }));
  release.set_value();
  EXPECT_TRUE(support::Eventually([&] { return told == PasswordChecker::kMaxPending; }));
  EXPECT_TRUE(IsGood(Question(kBcryptHorse, kPassword))) << "the places are free again";
  EXPECT_EQ(told, PasswordChecker::kMaxPending);
}

// 60 checks of bcrypt's usual cost take seconds.
TEST_F(PasswordCheckerTest, DestructionLetsGoOfWhatHasNotBegun) {
  std::string costly(kBcryptHorse);
  costly.replace(4, 2, "10");
  int told = 0;  // on the checker's thread until that has ended
  const auto token = std::make_shared<int>(0);
  for (int i = 0; i < 60; ++i) {
    EXPECT_TRUE(checker_->Ask(Question(costly, kPassword), [&told, token](auto) { ++told; }));
  }
  checker_.reset();
  EXPECT_LT(told, 60);
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(PasswordCheckerTest, MayBeDestroyedUnused) {
  for (int i = 0; i < 20; ++i) checker_ = std::make_unique<PasswordChecker>(&clock_);
}

TEST_F(PasswordCheckerTest, ManyThreadsAskAndEachIsTold) {
  constexpr int kThreads = 4;
  constexpr int kQuestions = 12;
  std::vector<std::vector<PasswordQuestion>> questions(kThreads);
  for (auto& own : questions) {
    for (int i = 0; i < kQuestions; ++i) {
      own.push_back(Question(kBcryptHorse, i % 2 == 0 ? kPassword : "wrong", i + 1));
    }
  }
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (auto& own : questions) {
    threads.emplace_back([this, &own, &good] {
      for (PasswordQuestion& question : own) {
        if (IsGood(std::move(question))) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, kThreads * kQuestions / 2);
}

}  // namespace
}  // namespace holdfast::auth
