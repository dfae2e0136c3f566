#include "pool/dns/lookup_queue.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

class LookupQueueTest : public testing::Test, public LookupEvents {
 protected:
  void OnNextCandidate(Lookup&) override {}
  void OnAnswered(Lookup& lookup) override { queue_.Remove(lookup)->Deliver(); }

  Lookup& Add(const std::string& name) {
    return queue_.Add(
        std::make_shared<Lookup>(&loop_, this, name, 80, [this](AddressAnswer) { ++answered_; }));
  }
  Lookup& AddSrv(const std::string& name) {
    return queue_.Add(
        std::make_shared<Lookup>(&loop_, this, name, [this](SrvAnswer) { ++answered_; }));
  }
  void Ask(size_t questions) {
    for (size_t i = 0; i < questions; ++i) queue_.OnQuestion();
  }

  ManualClock clock_;
  EventLoop loop_{&clock_};
  LookupQueue queue_;
  int answered_ = 0;
};

TEST_F(LookupQueueTest, StartsInTheOrderOfTheLine) {
  Lookup& first = Add("a");
  Lookup& second = Add("b");
  queue_.Wait(second);
  queue_.Wait(first);
  EXPECT_TRUE(queue_.waiting());
  EXPECT_EQ(queue_.StartNext(), &second);
  EXPECT_EQ(second.state(), Lookup::State::kAsked);
  EXPECT_EQ(queue_.StartNext(), &first);
  EXPECT_EQ(queue_.StartNext(), nullptr);
  EXPECT_FALSE(queue_.waiting());
  EXPECT_EQ(queue_.Asked(), (std::vector<Lookup*>{&first, &second}));
}

TEST_F(LookupQueueTest, NobodyStartsWithoutRoomForAllItsQuestions) {
  queue_.Wait(Add("a"));
  Ask(LookupQueue::kMaxQuestions - 1);
  EXPECT_EQ(queue_.StartNext(), nullptr);
  EXPECT_TRUE(queue_.waiting());
  queue_.OnReply();
  EXPECT_NE(queue_.StartNext(), nullptr);
}

TEST_F(LookupQueueTest, AServiceNeedsRoomForOneQuestion) {
  queue_.Wait(AddSrv("a"));
  Ask(LookupQueue::kMaxQuestions - 1);
  EXPECT_NE(queue_.StartNext(), nullptr);
}

TEST_F(LookupQueueTest, DroppedQuestionsLeaveRoom) {
  queue_.Wait(Add("a"));
  Ask(LookupQueue::kMaxQuestions);
  EXPECT_EQ(queue_.StartNext(), nullptr);
  queue_.DropQuestions();
  EXPECT_NE(queue_.StartNext(), nullptr);
}

TEST_F(LookupQueueTest, AnAnsweredLookupLeavesIt) {
  Lookup& lookup = Add("a");
  Add("b");
  lookup.AnswerWith(AnswerOf({*SocketAddress::Parse("10.0.0.1:80")}, Duration::max()));
  EXPECT_TRUE(queue_.Asked().empty());
  EXPECT_EQ(queue_.size(), 2u);
  loop_.RunOnce(Duration::zero());
  EXPECT_EQ(answered_, 1);
  EXPECT_EQ(queue_.size(), 1u);
}

TEST_F(LookupQueueTest, DestructionDropsTheLookups) {
  auto queue = std::make_unique<LookupQueue>();
  const std::weak_ptr<Lookup> lookup =
      queue->Add(std::make_shared<Lookup>(&loop_, this, "a", 80, [](AddressAnswer) {}))
          .weak_from_this();
  queue.reset();
  EXPECT_TRUE(lookup.expired());
}

}  // namespace
}  // namespace holdfast::pool
