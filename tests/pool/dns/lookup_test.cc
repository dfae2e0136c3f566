#include "pool/dns/lookup.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

using State = Lookup::State;
using Step = Lookup::Step;

const SearchList kNoList{};
const SearchList kOneDomain{.ndots = 5, .domains = {"corp.test"}};

Records Found(const std::string& address) {
  Records records{.status = ResolveStatus::kOk};
  records.addresses = {*SocketAddress::Parse(address)};
  records.ttl = std::chrono::seconds(7);
  return records;
}

Records NoSuchName() {
  return {.status = ResolveStatus::kNotFound, .no_such_name = true, .detail = "no such name"};
}

Records Silence() { return {.status = ResolveStatus::kTimeout, .detail = "silence"}; }

// The questions are the test's to answer.
class LookupTest : public testing::Test, public LookupEvents {
 protected:
  static constexpr size_t kV4 = 0;
  static constexpr size_t kV6 = 1;

  void OnNextCandidate(Lookup& lookup) override { candidates_.push_back(lookup.candidate()); }
  void OnAnswered(Lookup& lookup) override { lookup.Deliver(); }

  // A look-up whose first candidate's questions have been asked.
  Lookup& Begin(const SearchList& list, const std::string& known = "") {
    lookup_ = std::make_shared<Lookup>(
        &loop_, this, "web", 80, [this](AddressAnswer answer) { answers_.push_back(answer); });
    return Begun(list, known);
  }
  Lookup& BeginSrv() {
    lookup_ = std::make_shared<Lookup>(&loop_, this, "web",
                                       [this](SrvAnswer answer) { services_ = std::move(answer); });
    return Begun(kNoList, "");
  }
  Lookup& Begun(const SearchList& list, const std::string& known) {
    lookup_->Start();
    lookup_->BeginSearch(list, known);
    lookup_->BeginRound();
    return *lookup_;
  }
  void Turn(Duration time = Duration::zero()) {
    clock_.Advance(time);
    loop_.RunOnce(Duration::zero());
  }
  // Longer than the resolution delay.
  void WaitForDelay() { Turn(Lookup::kResolutionDelay + TimerWheel::kTick); }

  ManualClock clock_;
  EventLoop loop_{&clock_};
  std::shared_ptr<Lookup> lookup_;
  std::vector<AddressAnswer> answers_;
  std::optional<SrvAnswer> services_;
  std::vector<std::string> candidates_;  // that the search went on to by itself
};

TEST_F(LookupTest, ItWaitsForBothFamiliesAndAnswersFromTheLoop) {
  Lookup& lookup = Begin(kNoList);
  ASSERT_EQ(lookup.questions(), 2u);
  EXPECT_EQ(lookup.type(kV4), QuestionType::kA);
  EXPECT_EQ(lookup.type(kV6), QuestionType::kAaaa);
  EXPECT_EQ(lookup.Take(kV4, Found("10.0.0.1:80")), Step::kWait);
  EXPECT_EQ(lookup.Take(kV6, Found("[fd00::1]:80")), Step::kAnswered);
  EXPECT_EQ(lookup.state(), State::kAnswered);
  EXPECT_TRUE(answers_.empty()) << "not from inside a reply";
  Turn();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].addresses.size(), 2u);
  EXPECT_FALSE(answers_[0].more);
  WaitForDelay();
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(LookupTest, OneFamilyIsToldEarlyWhileTheOtherIsSilent) {
  Lookup& lookup = Begin(kNoList);
  EXPECT_EQ(lookup.Take(kV6, Found("[fd00::1]:80")), Step::kWait);
  Turn();
  EXPECT_TRUE(answers_.empty());
  WaitForDelay();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_TRUE(answers_[0].more);
  EXPECT_EQ(answers_[0].failed_family, AF_INET);
  EXPECT_EQ(lookup.Take(kV4, Silence()), Step::kAnswered);
  Turn();
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_FALSE(answers_[1].more);
}

TEST_F(LookupTest, TheSearchGoesOnWithTheNextCandidate) {
  Lookup& lookup = Begin(kOneDomain);
  EXPECT_EQ(lookup.candidate(), "web.corp.test");
  const uint64_t round = lookup.round();
  EXPECT_EQ(lookup.Take(kV4, NoSuchName()), Step::kWait);
  EXPECT_EQ(lookup.Take(kV6, NoSuchName()), Step::kNextCandidate);
  EXPECT_EQ(lookup.candidate(), "web");
  EXPECT_NE(lookup.BeginRound(), round);
  EXPECT_EQ(lookup.chosen(), nullptr);
  lookup.Take(kV4, Found("10.0.0.1:80"));
  lookup.Take(kV6, NoSuchName());
  ASSERT_NE(lookup.chosen(), nullptr);
  EXPECT_EQ(*lookup.chosen(), "web");
}

TEST_F(LookupTest, TheSearchGoesOnAfterTheDelayWhereANameIsSaidNotToExist) {
  Lookup& lookup = Begin(kOneDomain);
  EXPECT_EQ(lookup.Take(kV4, NoSuchName()), Step::kWait);
  WaitForDelay();
  EXPECT_EQ(candidates_, std::vector<std::string>{"web"});
  lookup.BeginRound();
  EXPECT_EQ(lookup.Take(kV4, NoSuchName()), Step::kWait);
  WaitForDelay();
  EXPECT_EQ(candidates_.size(), 1u) << "the last candidate is waited for";
  EXPECT_EQ(lookup.Take(kV6, NoSuchName()), Step::kAnswered);
  Turn();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].status, ResolveStatus::kNotFound);
  EXPECT_EQ(answers_[0].detail, "no such name");
}

TEST_F(LookupTest, AFailureIsToldBeforeAnAbsence) {
  Lookup& lookup = Begin(kNoList);
  lookup.Take(kV4, {.status = ResolveStatus::kNotFound, .detail = "no records"});
  EXPECT_EQ(lookup.Take(kV6, Silence()), Step::kAnswered);
  Turn();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].status, ResolveStatus::kTimeout);
  EXPECT_EQ(answers_[0].detail, "silence");
}

TEST_F(LookupTest, WithoutAChoiceNothingIsRemembered) {
  Lookup& lookup = Begin(kNoList);
  lookup.Take(kV4, Found("10.0.0.1:80"));
  lookup.Take(kV6, NoSuchName());
  EXPECT_EQ(lookup.chosen(), nullptr);
}

TEST_F(LookupTest, ServicesHaveOneQuestion) {
  Lookup& lookup = BeginSrv();
  EXPECT_TRUE(lookup.srv());
  ASSERT_EQ(lookup.questions(), 1u);
  EXPECT_EQ(lookup.type(0), QuestionType::kSrv);
  Records records{.status = ResolveStatus::kOk};
  records.services = {{.target = "node.test", .port = 8080}};
  EXPECT_EQ(lookup.Take(0, std::move(records)), Step::kAnswered);
  Turn();
  ASSERT_TRUE(services_.has_value());
  ASSERT_EQ(services_->records.size(), 1u);
  EXPECT_EQ(services_->records[0].target, "node.test");
}

TEST_F(LookupTest, AnAnswerMayComeWithoutAQuestion) {
  lookup_ = std::make_shared<Lookup>(&loop_, this, "10.0.0.1", 80, [this](AddressAnswer answer) {
    answers_.push_back(std::move(answer));
  });
  lookup_->AnswerWith(AnswerOf({*SocketAddress::Parse("10.0.0.1:80")}, Duration::max()));
  EXPECT_EQ(lookup_->chosen(), nullptr);
  Turn();
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(LookupTest, DestructionForgetsTheAnswer) {
  Begin(kNoList);
  lookup_->Take(kV4, Found("10.0.0.1:80"));
  lookup_.reset();
  WaitForDelay();
  EXPECT_TRUE(answers_.empty());
}

}  // namespace
}  // namespace holdfast::pool
