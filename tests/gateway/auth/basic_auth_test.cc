#include "gateway/auth/basic_auth.h"

#include <stdio.h>

#include <array>
#include <atomic>
#include <cinttypes>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>

#include "tests/gateway/auth/hashes.h"
#include "tests/support/deadline.h"

namespace holdfast::auth {
namespace {

constexpr std::string_view kPassword = "correct horse";

std::string Basic(std::string_view user, std::string_view password) {
  return "Basic " + absl::Base64Escape(std::string(user).append(":").append(password));
}

PasswordFile File(std::string_view text) {
  auto file = PasswordFile::Parse(text);
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

PasswordFile Users() {
  return File(std::string("alice:").append(kBcryptHorse) + "\nbob:" + std::string(kBcryptUmlauts));
}

// Moved by the test, read by the checker's thread as well.
class SharedClock final : public pool::Clock {
 public:
  pool::TimePoint Now() const override { return pool::TimePoint(pool::Duration(now_.load())); }
  pool::WallTime WallNow() const override { return {}; }
  void Advance(pool::Duration step) { now_ += step.count(); }

 private:
  std::atomic<int64_t> now_{1'000'000'000};
};

class Asker final : public AuthWaiter {
 public:
  std::optional<Answer> answer;
  std::function<void()> then = [] {};

 private:
  void OnAuthAnswer(Answer given) override {
    EXPECT_FALSE(waiting());
    EXPECT_FALSE(answer.has_value()) << "it was answered before";
    answer = given;
    then();
  }
};

class BasicAuthTest : public testing::Test {
 protected:
  Answer Ask(Asker* asker, std::string_view authorization) {
    return auth_->Ask(users_, authorization, asker, &user_);
  }
  // Turns until the answer is there.
  Answer Await(const Asker& asker) {
    const support::Deadline deadline;
    while (!asker.answer.has_value() && !deadline.passed()) {
      loop_.RunOnce(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(asker.answer.has_value());
    return asker.answer.value_or(Answer::kPending);
  }
  // Whatever it takes.
  Answer AnswerTo(std::string_view authorization) {
    Asker asker;
    const Answer answer = Ask(&asker, authorization);
    EXPECT_EQ(asker.waiting(), answer == Answer::kPending);
    return answer == Answer::kPending ? Await(asker) : answer;
  }
  void AwaitNothingPending() {
    const support::Deadline deadline;
    while (auth_->pending() > 0 && !deadline.passed()) {
      loop_.RunOnce(std::chrono::milliseconds(100));
    }
    EXPECT_EQ(auth_->pending(), 0u);
  }

  // Holds the checker's thread up until the promise is kept, and takes all of its places but so
  // many.
  void HoldUp(std::promise<void>* release, size_t places_left) {
    const auto question = [] {
      return PasswordQuestion{.hash = *PasswordHash::Parse(kBcryptHorse), .password = Secret("x")};
    };
    std::promise<void> held;
    ASSERT_TRUE(checker_->Ask(question(), [&held, until = release->get_future().share()](auto) {
      held.set_value();
      until.wait();
    }));
    held.get_future().wait();
    for (size_t i = places_left; i < PasswordChecker::kMaxPending; ++i) {
      ASSERT_TRUE(checker_->Ask(question(), [](auto) {}));
    }
  }

  SharedClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::Mailbox mailbox_{&loop_};
  std::unique_ptr<PasswordChecker> checker_ = std::make_unique<PasswordChecker>(&clock_);
  std::unique_ptr<BasicAuth> auth_ = std::make_unique<BasicAuth>(&loop_, &mailbox_, checker_.get());
  PasswordFile users_ = Users();
  std::string user_;
};

TEST_F(BasicAuthTest, TheRightPasswordIsCheckedOnceAndThenKnown) {
  Asker asker;
  ASSERT_EQ(Ask(&asker, Basic("alice", kPassword)), Answer::kPending);
  EXPECT_EQ(user_, "alice");
  EXPECT_TRUE(asker.waiting());
  EXPECT_EQ(Await(asker), Answer::kAdmitted);
  Asker again;
  user_.clear();
  EXPECT_EQ(Ask(&again, Basic("alice", kPassword)), Answer::kAdmitted);
  EXPECT_EQ(user_, "alice");
  EXPECT_FALSE(again.waiting());
}

TEST_F(BasicAuthTest, AWrongPasswordIsRefusedAndThenKnown) {
  Asker asker;
  ASSERT_EQ(Ask(&asker, Basic("alice", "correct house")), Answer::kPending);
  EXPECT_EQ(Await(asker), Answer::kRefused);
  Asker again;
  EXPECT_EQ(Ask(&again, Basic("alice", "correct house")), Answer::kRefused);
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kAdmitted);
}

TEST_F(BasicAuthTest, WhoIsUnknownIsCheckedAllTheSame) {
  Asker asker;
  ASSERT_EQ(Ask(&asker, Basic("mallory", kPassword)), Answer::kPending);
  EXPECT_EQ(Await(asker), Answer::kRefused);
  EXPECT_EQ(Ask(&asker, Basic("mallory", kPassword)), Answer::kRefused);
}

TEST_F(BasicAuthTest, AnothersPasswordAndAnEmptyOneAreWrong) {
  EXPECT_EQ(AnswerTo(Basic("alice", "p\xc3\xa4ssw\xc3\xb6rd")), Answer::kRefused);
  EXPECT_EQ(AnswerTo(Basic("bob", kPassword)), Answer::kRefused);
  EXPECT_EQ(AnswerTo(Basic("bob", "")), Answer::kRefused);
  EXPECT_EQ(AnswerTo(Basic("bob", "p\xc3\xa4ssw\xc3\xb6rd")), Answer::kAdmitted);
  // Together the same bytes as alice's.
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kAdmitted);
  EXPECT_EQ(AnswerTo(Basic("alic", "e:correct horse")), Answer::kRefused);
  EXPECT_EQ(AnswerTo(Basic("alice", ":correct horse")), Answer::kRefused);
}

TEST_F(BasicAuthTest, WhatCannotBeReadCostsNothing) {
  for (const std::string_view value : {"", "Basic", "Bearer abc", "Basic ====", "Basic OnB3"}) {
    Asker asker;
    EXPECT_EQ(Ask(&asker, value), Answer::kRefused) << value;
    EXPECT_FALSE(asker.waiting());
  }
  EXPECT_EQ(auth_->pending(), 0u);
}

TEST_F(BasicAuthTest, ManyRequestsWithTheSameAreOneQuestion) {
  std::array<Asker, 100> askers;
  for (Asker& asker : askers) {
    ASSERT_EQ(Ask(&asker, Basic("alice", kPassword)), Answer::kPending);
  }
  EXPECT_EQ(auth_->pending(), 1u);
  for (const Asker& asker : askers) EXPECT_EQ(Await(asker), Answer::kAdmitted);
  EXPECT_EQ(auth_->pending(), 0u);
}

TEST_F(BasicAuthTest, WhoGoesAwayIsNotCalledAndTheVerdictIsKept) {
  auto gone = std::make_unique<Asker>();
  gone->then = [] { FAIL() << "it has gone"; };
  Asker cancelled;
  Asker stays;
  ASSERT_EQ(Ask(gone.get(), Basic("alice", kPassword)), Answer::kPending);
  ASSERT_EQ(Ask(&stays, Basic("alice", kPassword)), Answer::kPending);
  ASSERT_EQ(Ask(&cancelled, Basic("alice", kPassword)), Answer::kPending);
  gone.reset();
  cancelled.CancelWait();
  EXPECT_FALSE(cancelled.waiting());
  EXPECT_EQ(Await(stays), Answer::kAdmitted);
  EXPECT_FALSE(cancelled.answer.has_value());

  ASSERT_EQ(Ask(&cancelled, Basic("alice", "wrong")), Answer::kPending);
  cancelled.CancelWait();
  AwaitNothingPending();
  EXPECT_FALSE(cancelled.answer.has_value());
  EXPECT_EQ(Ask(&cancelled, Basic("alice", "wrong")), Answer::kRefused);
}

TEST_F(BasicAuthTest, WhoIsCalledMayAskAgainAndEndOtherWaits) {
  Asker first;
  auto second = std::make_unique<Asker>();
  Asker third;
  Asker next;
  second->then = [] { FAIL() << "its wait was ended"; };
  first.then = [&] {
    second.reset();
    EXPECT_EQ(Ask(&next, Basic("alice", kPassword)), Answer::kAdmitted);
    EXPECT_EQ(Ask(&next, Basic("alice", "other")), Answer::kPending);
  };
  for (Asker* asker : {&first, second.get(), &third}) {
    ASSERT_EQ(Ask(asker, Basic("alice", kPassword)), Answer::kPending);
  }
  EXPECT_EQ(Await(third), Answer::kAdmitted);
  EXPECT_EQ(Await(next), Answer::kRefused);
}

TEST_F(BasicAuthTest, WhenAllPlacesAreTakenItSaysSo) {
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kAdmitted);
  std::promise<void> release;
  HoldUp(&release, 1);
  Asker last;
  Asker same;
  Asker over;
  EXPECT_EQ(Ask(&last, Basic("bob", "guess")), Answer::kPending);
  EXPECT_EQ(Ask(&over, Basic("bob", "another guess")), Answer::kOverloaded);
  EXPECT_FALSE(over.waiting());
  EXPECT_EQ(Ask(&same, Basic("bob", "guess")), Answer::kPending) << "it takes no place";
  EXPECT_EQ(Ask(&over, Basic("alice", kPassword)), Answer::kAdmitted) << "who is known passes";
  release.set_value();
  EXPECT_EQ(Await(last), Answer::kRefused);
  EXPECT_EQ(Await(same), Answer::kRefused);
  EXPECT_EQ(AnswerTo(Basic("bob", "another guess")), Answer::kRefused);
}

TEST_F(BasicAuthTest, VerdictsEnd) {
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kAdmitted);
  EXPECT_EQ(AnswerTo(Basic("alice", "wrong")), Answer::kRefused);
  clock_.Advance(std::chrono::seconds(5));
  loop_.RunOnce(pool::Duration::zero());
  Asker asker;
  EXPECT_EQ(Ask(&asker, Basic("alice", kPassword)), Answer::kAdmitted);
  EXPECT_EQ(Ask(&asker, Basic("alice", "wrong")), Answer::kPending);
  EXPECT_EQ(Await(asker), Answer::kRefused);
  clock_.Advance(std::chrono::seconds(55));
  loop_.RunOnce(pool::Duration::zero());
  Asker another;
  EXPECT_EQ(Ask(&another, Basic("alice", kPassword)), Answer::kPending);
  EXPECT_EQ(Await(another), Answer::kAdmitted);
}

TEST_F(BasicAuthTest, ANewFileCountsAtOnce) {
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kAdmitted);
  EXPECT_EQ(AnswerTo(Basic("carol", kPassword)), Answer::kRefused);
  // alice is gone, and her line, which most have, is another's.
  users_ = File(std::string("carol:").append(kBcryptHorse));
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kRefused);
  EXPECT_EQ(AnswerTo(Basic("carol", kPassword)), Answer::kAdmitted);
  users_ = File(std::string("alice:").append(kBcryptUmlauts));
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kRefused);
  EXPECT_EQ(AnswerTo(Basic("alice", "p\xc3\xa4ssw\xc3\xb6rd")), Answer::kAdmitted);
}

TEST_F(BasicAuthTest, TheFileIsNotNeededForACheck) {
  Asker asker;
  {
    const PasswordFile brief = Users();
    ASSERT_EQ(auth_->Ask(brief, Basic("alice", kPassword), &asker, &user_), Answer::kPending);
  }
  EXPECT_EQ(Await(asker), Answer::kAdmitted);
}

TEST_F(BasicAuthTest, AnotherWorkerHearsWhatTheFirstHasPaidFor) {
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kAdmitted);
  clock_.Advance(std::chrono::seconds(40));
  auth_ = std::make_unique<BasicAuth>(&loop_, &mailbox_, checker_.get());
  EXPECT_EQ(AnswerTo(Basic("alice", kPassword)), Answer::kAdmitted);
  clock_.Advance(std::chrono::seconds(20));
  loop_.RunOnce(pool::Duration::zero());
  Asker asker;
  EXPECT_EQ(Ask(&asker, Basic("alice", kPassword)), Answer::kPending) << "a minute of the check";
}

TEST_F(BasicAuthTest, DestructionForgetsThoseThatWait) {
  Asker asker;
  std::promise<void> release;
  HoldUp(&release, 1);
  ASSERT_EQ(Ask(&asker, Basic("alice", kPassword)), Answer::kPending);
  auth_.reset();
  EXPECT_FALSE(asker.waiting());
  release.set_value();
  checker_.reset();
  loop_.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(asker.answer.has_value());
}

TEST_F(BasicAuthTest, ALetterThatComesTooLateIsForNobody) {
  Asker asker;
  ASSERT_EQ(Ask(&asker, Basic("alice", kPassword)), Answer::kPending);
  // The thread takes one question after the other: behind this one the letter is in the box.
  std::promise<void> behind;
  ASSERT_TRUE(checker_->Ask({.hash = *PasswordHash::Parse(kBcryptHorse), .password = Secret("x")},
                            [&behind](auto) { behind.set_value(); }));
  behind.get_future().wait();
  auth_.reset();
  loop_.RunOnce(pool::Duration::zero());
  EXPECT_FALSE(asker.answer.has_value());
}

TEST_F(BasicAuthTest, TheCheckerMayEndFirst) {
  std::array<Asker, 20> askers;
  for (size_t i = 0; i < askers.size(); ++i) {
    ASSERT_EQ(Ask(&askers[i], Basic("alice", std::to_string(i))), Answer::kPending);
  }
  checker_.reset();
  loop_.RunOnce(pool::Duration::zero());
  auth_.reset();
  for (const Asker& asker : askers) EXPECT_FALSE(asker.waiting());
}

// A few workers, each with a loop of its own.
TEST_F(BasicAuthTest, WorkersShareTheChecker) {
  struct WorkerPart {
    explicit WorkerPart(const pool::Clock* clock) : loop(clock), mailbox(&loop) {}
    pool::EventLoop loop;
    pool::Mailbox mailbox;
    int admitted = 0;
    int refused = 0;
  };
  constexpr int kRounds = 40;
  std::vector<std::unique_ptr<WorkerPart>> workers;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) workers.push_back(std::make_unique<WorkerPart>(&clock_));
  for (const auto& worker : workers) {
    threads.emplace_back([this, &worker = *worker] {
      BasicAuth auth(&worker.loop, &worker.mailbox, checker_.get());
      std::string user;
      for (int round = 0; round < kRounds; ++round) {
        Asker asker;
        Asker leaver;
        const std::string password =
            round % 2 == 0 ? std::string(kPassword) : "wrong" + std::to_string(round / 4);
        Answer answer = auth.Ask(users_, Basic("alice", password), &asker, &user);
        auth.Ask(users_, Basic("bob", password), &leaver, &user);
        const support::Deadline deadline;
        while (answer == Answer::kPending && !deadline.passed()) {
          worker.loop.RunOnce(std::chrono::milliseconds(100));
          answer = asker.answer.value_or(answer);
        }
        ++(answer == Answer::kAdmitted ? worker.admitted : worker.refused);
        EXPECT_EQ(answer, round % 2 == 0 ? Answer::kAdmitted : Answer::kRefused);
      }
      // Lets go of the loop, so that the test may take it down.
      worker.mailbox.Post([&worker] { worker.loop.Stop(); });
      worker.loop.Run();
    });
  }
  for (std::thread& thread : threads) thread.join();
  checker_.reset();  // before the mailboxes
  for (const auto& worker : workers) {
    EXPECT_EQ(worker->admitted, kRounds / 2);
    EXPECT_EQ(worker->refused, kRounds / 2);
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// How often the bytes, each changed by kMask, are in what the process can write to. The changed
// ones are all that is ever in clear here.
constexpr char kMask = 0x15;

size_t CountInMemory(std::string_view masked) {
  const auto maps = std::unique_ptr<FILE, int (*)(FILE*)>(fopen("/proc/self/maps", "r"), fclose);
  size_t count = 0;
  char line[512];
  while (fgets(line, sizeof(line), maps.get()) != nullptr) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    char rights[5] = "";
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, rights) != 3) continue;
    if (std::strncmp(rights, "rw", 2) != 0) continue;
    const auto* at = reinterpret_cast<const volatile char*>(begin);
    const auto* const last = reinterpret_cast<const volatile char*>(end - masked.size());
    for (; at <= last; ++at) {
      size_t same = 0;
      while (same < masked.size() && (at[same] ^ kMask) == masked[same]) ++same;
      if (same == masked.size()) ++count;
    }
  }
  return count;
}

std::string Unmasked(std::string_view masked) {
  std::string text;
  for (const char c : masked) text.push_back(static_cast<char>(c ^ kMask));
  return text;
}

TEST_F(BasicAuthTest, NoPasswordStaysInMemory) {
  // "password of some length", and "alice:password of some length" as a client sends it.
  constexpr char kMasked[] = "etffbzgq5zs5fzxp5yp{ra}";
  constexpr char kSent[] = "Basic YWxpY2U6cGFzc3dvcmQgb2Ygc29tZSBsZW5ndGg=";
  {
    auto present = std::make_unique<std::string>(Unmasked(kMasked));
    ASSERT_EQ(CountInMemory(kMasked), 1u) << "it can be seen";
    explicit_bzero(present->data(), present->size());
  }
  for (const std::string_view hash : {kBcryptHorse, kArgon2idHorse}) {
    users_ = File(std::string("alice:").append(hash));
    EXPECT_EQ(AnswerTo(kSent), Answer::kRefused);
    EXPECT_EQ(AnswerTo(kSent), Answer::kRefused);
    EXPECT_EQ(CountInMemory(kMasked), 0u);
  }
  std::promise<void> release;
  HoldUp(&release, 1);
  users_ = Users();
  clock_.Advance(std::chrono::seconds(5));
  loop_.RunOnce(pool::Duration::zero());
  Asker asker;
  ASSERT_EQ(Ask(&asker, kSent), Answer::kPending);
  EXPECT_EQ(CountInMemory(kMasked), 1u) << "as long as it is needed";
  release.set_value();
  checker_.reset();
  EXPECT_EQ(CountInMemory(kMasked), 0u);
}
#endif

}  // namespace
}  // namespace holdfast::auth
