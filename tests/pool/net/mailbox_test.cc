#include "pool/net/mailbox.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

class MailboxTest : public testing::Test {
 protected:
  void Turn() { loop_.RunOnce(Duration::zero()); }

  const SystemClock clock_;
  EventLoop loop_{&clock_};
};

TEST_F(MailboxTest, RunsLettersInOrderInOneTurn) {
  Mailbox mailbox(&loop_);
  std::string log;
  for (const char letter : std::string("abc")) {
    mailbox.Post([&log, letter] { log.push_back(letter); });
  }
  EXPECT_EQ(log, "");
  Turn();
  EXPECT_EQ(log, "abc");
  EXPECT_EQ(loop_.stats().events, 1u);
}

TEST_F(MailboxTest, IsSilentOnceEmpty) {
  Mailbox mailbox(&loop_);
  Turn();
  mailbox.Post([] {});
  Turn();
  Turn();
  EXPECT_EQ(loop_.stats().events, 1u);
}

TEST_F(MailboxTest, ALetterPostedByALetterRunsInTheNextTurn) {
  Mailbox mailbox(&loop_);
  std::string log;
  mailbox.Post([&] {
    log += "first ";
    mailbox.Post([&log] { log += "second"; });
  });
  Turn();
  EXPECT_EQ(log, "first ");
  loop_.RunOnce();  // does not sleep
  EXPECT_EQ(log, "first second");
}

TEST_F(MailboxTest, LettersMayOwnWhatCannotBeCopied) {
  Mailbox mailbox(&loop_);
  auto owned = std::make_unique<int>(7);
  int seen = 0;
  mailbox.Post([owned = std::move(owned), &seen] { seen = *owned; });
  Turn();
  EXPECT_EQ(seen, 7);
}

TEST_F(MailboxTest, ALetterIsDestroyedBeforeTheNextOneRuns) {
  Mailbox mailbox(&loop_);
  auto owned = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = owned;
  bool gone = false;
  mailbox.Post([owned = std::move(owned)] {});
  mailbox.Post([&] { gone = watch.expired(); });
  Turn();
  EXPECT_TRUE(gone);
}

TEST_F(MailboxTest, UndeliveredLettersAreDestroyedUnrun) {
  auto owned = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = owned;
  bool ran = false;
  {
    Mailbox mailbox(&loop_);
    mailbox.Post([owned = std::move(owned), &ran] { ran = true; });
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
  Turn();
  EXPECT_FALSE(ran);
}

TEST_F(MailboxTest, WakesALoopThatSleeps) {
  Mailbox mailbox(&loop_);
  std::thread poster([&] { mailbox.Post([this] { loop_.Stop(); }); });
  loop_.Run();
  poster.join();
  EXPECT_TRUE(loop_.stopped());
}

// Every letter of every poster arrives, in the order of its poster, on the loop's thread; what a
// poster wrote before Post is there to read.
TEST_F(MailboxTest, ManyPostersLoseNothing) {
  constexpr int kPosters = 4;
  constexpr int kLetters = 5000;
  Mailbox mailbox(&loop_);
  std::vector<int> next(kPosters);  // not atomic: the loop's thread alone
  int finished = 0;
  const std::thread::id loop_thread = std::this_thread::get_id();
  std::vector<std::thread> posters;
  for (int poster = 0; poster < kPosters; ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kLetters; ++i) {
        auto payload = std::make_shared<int>();
        *payload = i;
        mailbox.Post([&, poster, payload] {
          EXPECT_EQ(std::this_thread::get_id(), loop_thread);
          EXPECT_EQ(*payload, next[poster]++);
        });
      }
      mailbox.Post([&] {
        if (++finished == kPosters) loop_.Stop();
      });
    });
  }
  loop_.Run();
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(next, std::vector<int>(kPosters, kLetters));
}

// The last letter ends the loop and lets the mailbox be destroyed while its poster may still be
// on the way out of Post.
TEST(MailboxLifeTest, MayBeDestroyedAsSoonAsTheLastLetterRan) {
  const SystemClock clock;
  for (int round = 0; round < 200; ++round) {
    auto loop = std::make_unique<EventLoop>(&clock);
    auto mailbox = std::make_unique<Mailbox>(loop.get());
    mailbox->Post([] {});  // the loop is awake while the last letter is posted
    std::thread poster([&box = *mailbox, &loop = *loop] { box.Post([&loop] { loop.Stop(); }); });
    loop->Run();
    mailbox.reset();
    loop.reset();
    poster.join();
  }
}

}  // namespace
}  // namespace holdfast::pool
