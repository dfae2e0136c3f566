#include "pool/endpoint_series.h"

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "metrics/cell.h"

namespace holdfast::pool {
namespace {

using metrics::Counter;
using metrics::Metric;
using metrics::Sums;

class EndpointSeriesTest : public testing::Test {
 protected:
  void Appear(const std::string& endpoint) { here_[endpoint] = series_.CountsOf(endpoint, 2); }
  void Leave(const std::string& endpoint) { here_.erase(endpoint); }
  void Serve(const std::string& endpoint, int requests, AnswerClass answer = AnswerClass::k2xx) {
    for (int i = 0; i < requests; ++i) here_.at(endpoint)->Add(i % 2, answer);
    served_ += static_cast<uint64_t>(requests);
  }
  static std::string Name(size_t i) { return "10.0.0." + std::to_string(i) + ":80"; }
  void Fill() {
    for (size_t i = 0; i < EndpointSeries::kMaxNamed; ++i) Appear(Name(i));
  }
  std::map<std::string, uint64_t> Scrape() {
    series_.Look(now_);
    Sums sums;
    series_.AddTo("web", /*zeros=*/false, sums);
    std::map<std::string, uint64_t> counts;
    for (const auto& [labels, count] : sums.Of<Counter>(Metric::kUpstreamEndpointRequestsTotal)) {
      EXPECT_EQ(labels[0], "web");
      counts[labels[1]] += count;
    }
    return counts;
  }
  static uint64_t SumOf(const std::map<std::string, uint64_t>& counts) {
    uint64_t sum = 0;
    for (const auto& [endpoint, count] : counts) sum += count;
    return sum;
  }
  void Wait(Duration time) { now_ += time; }

  EndpointSeries series_;
  std::map<std::string, std::shared_ptr<EndpointCounts>> here_;
  uint64_t served_ = 0;
  TimePoint now_ = TimePoint(std::chrono::hours(1));
};

TEST_F(EndpointSeriesTest, EachEndpointHasItsAnswersByClass) {
  Appear("a:1");
  Serve("a:1", 3);
  Serve("a:1", 2, AnswerClass::k5xx);
  series_.Look(now_);
  Sums sums;
  series_.AddTo("web", /*zeros=*/true, sums);
  const auto& counts = sums.Of<Counter>(Metric::kUpstreamEndpointRequestsTotal);
  EXPECT_EQ(counts.size(), kAnswerClasses);
  EXPECT_EQ(counts.at({"web", "a:1", "2xx"}), 3u);
  EXPECT_EQ(counts.at({"web", "a:1", "5xx"}), 2u);
  EXPECT_EQ(counts.at({"web", "a:1", "none"}), 0u);
}

TEST_F(EndpointSeriesTest, TheSameEndpointIsCountedInOnePlace) {
  Appear("a:1");
  EXPECT_EQ(series_.CountsOf("a:1", 2), here_.at("a:1"));
}

TEST_F(EndpointSeriesTest, BeyondTheBoundAllShareOne) {
  Fill();
  Appear("late:1");
  Appear("late:2");
  Serve(Name(0), 5);
  Serve("late:1", 2);
  Serve("late:2", 1);
  EXPECT_EQ(series_.LabelOf("late:1"), "other");
  EXPECT_EQ(series_.LabelOf("unknown:1"), "other");
  EXPECT_EQ(series_.named(), EndpointSeries::kMaxNamed);
  Sums sums;
  series_.AddTo("web", /*zeros=*/true, sums);
  EXPECT_EQ(sums.Of<Counter>(Metric::kUpstreamEndpointRequestsTotal).size(),
            (EndpointSeries::kMaxNamed + 1) * kAnswerClasses);
}

TEST_F(EndpointSeriesTest, AllTogetherAreTheRequests) {
  Fill();
  Appear("late:1");
  Serve(Name(0), 5);
  Serve("late:1", 2);
  const auto counts = Scrape();
  EXPECT_EQ(counts.at(Name(0)), 5u);
  EXPECT_EQ(SumOf(counts), served_);
}

TEST_F(EndpointSeriesTest, TheBusiestAreKept) {
  Fill();
  Appear("late:1");
  for (size_t i = 0; i < EndpointSeries::kMaxNamed; ++i) Serve(Name(i), i == 7 ? 10 : 100);
  Scrape();
  Wait(EndpointSeries::kLookEvery);
  Serve("late:1", 50);
  Scrape();
  EXPECT_EQ(series_.LabelOf("late:1"), "late:1") << "busier than the idlest by far";
  EXPECT_EQ(series_.LabelOf(Name(7)), "other");
  Serve("late:1", 3);
  Serve(Name(7), 4);
  const auto counts = Scrape();
  EXPECT_EQ(counts.at("late:1"), 3u) << "what it had before stays in other";
  EXPECT_EQ(counts.at("other"), 54u);
}

TEST_F(EndpointSeriesTest, NobodyIsDisplacedByOneThatIsHardlyBusier) {
  Fill();
  Appear("late:1");
  for (size_t i = 0; i < EndpointSeries::kMaxNamed; ++i) Serve(Name(i), 10);
  Serve("late:1", 20);
  Scrape();
  EXPECT_EQ(series_.LabelOf("late:1"), "other");
}

TEST_F(EndpointSeriesTest, OtherOnlyGrows) {
  Fill();
  for (int i = 0; i < 20; ++i) Appear("late:" + std::to_string(i));
  uint64_t before = 0;
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string late = "late:" + std::to_string(i);
      if (here_.contains(late)) Serve(late, (round * i) % 7);
    }
    if (round % 5 == 4) Leave("late:" + std::to_string(round / 5));
    if (round == 10) Leave(Name(3));
    const auto counts = Scrape();
    const uint64_t other = counts.contains("other") ? counts.at("other") : 0;
    EXPECT_GE(other, before) << round;
    EXPECT_LE(SumOf(counts), served_) << round;
    EXPECT_LE(counts.size(), EndpointSeries::kMaxNamed + 1);
    before = other;
    Wait(std::chrono::seconds(30));
  }
}

TEST_F(EndpointSeriesTest, OneThatHasLeftIsSeenForAWhile) {
  Appear("a:1");
  Serve("a:1", 3);
  Leave("a:1");
  EXPECT_EQ(Scrape().at("a:1"), 3u);
  Wait(EndpointSeries::kKeepFor);
  EXPECT_EQ(Scrape().at("a:1"), 3u);
  Wait(std::chrono::seconds(1));
  EXPECT_TRUE(Scrape().empty());
  EXPECT_TRUE(series_.empty());
}

TEST_F(EndpointSeriesTest, OneThatComesBackGoesOn) {
  Appear("a:1");
  Serve("a:1", 3);
  Leave("a:1");
  Scrape();
  Appear("a:1");
  Serve("a:1", 1);
  Wait(2 * EndpointSeries::kKeepFor);
  EXPECT_EQ(Scrape().at("a:1"), 4u);
}

TEST_F(EndpointSeriesTest, WhoHasLeftMakesRoomForWhoCame) {
  Fill();
  Serve(Name(0), 100);
  Leave(Name(0));
  Scrape();
  Appear("late:1");
  EXPECT_EQ(series_.LabelOf("late:1"), "other");
  Scrape();
  EXPECT_EQ(series_.LabelOf("late:1"), "late:1");
  EXPECT_FALSE(Scrape().contains(Name(0)));
}

TEST_F(EndpointSeriesTest, WithoutScrapesWhoHasLeftIsForgottenAsWell) {
  for (int i = 0; i < 5000; ++i) {
    Appear("pod-" + std::to_string(i));
    Serve("pod-" + std::to_string(i), 1);
    Leave("pod-" + std::to_string(i));
  }
  EXPECT_LE(series_.size(), 2 * EndpointSeries::kMaxNamed);
  EXPECT_LE(SumOf(Scrape()), served_);
}

}  // namespace
}  // namespace holdfast::pool
