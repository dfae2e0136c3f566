#include "gateway/proxy/access_log.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "tests/support/manual_clock.h"

namespace holdfast::proxy {
namespace {

using config::AccessLog;
using record::ExchangeRecord;
using record::LineFormat;
using ::testing::ElementsAre;
using ::testing::Pair;

ExchangeRecord WithStatus(int status) {
  return {.time = pool::ManualClock::kWallStart,
          .listener = "edge",
          .client = "192.0.2.7",
          .status = status,
          .route = "all",
          .reason = "none",
          .failed = status == 0 || status >= 500};
}

class AccessLogTest : public testing::Test {
 protected:
  // One target that tells the status alone.
  static AccessLog Statuses(uint32_t writer) {
    return {.format = LineFormat::kLogfmt, .fields = {"status"}, .writer = writer};
  }
  void Adopt(const std::vector<AccessLog>& targets) { log_.Adopt(targets); }
  void Record(int status) { log_.Record(WithStatus(status)); }
  // What each writer got since the last look.
  std::map<uint32_t, std::string> Lines() {
    log_.Flush();
    return std::exchange(lines_, {});
  }
  uint64_t Written() {
    return shard_->CounterFor(metrics::Metric::kAccessLogWrittenTotal, {}).value();
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  pool::Random random_{7};
  std::map<uint32_t, std::string> lines_;
  proxy::AccessLog log_{&loop_, shard_, &random_,
                        [this](uint32_t writer, std::string batch) { lines_[writer] += batch; }};
};

TEST_F(AccessLogTest, EachTargetHasItsOwnFormatAndWriter) {
  AccessLog combined{.format = LineFormat::kCombined, .writer = 5};
  EXPECT_FALSE(log_.combines());
  Adopt({Statuses(2), combined});
  EXPECT_TRUE(log_.combines());
  Record(204);
  EXPECT_THAT(Lines(), ElementsAre(Pair(2, "status=204\n"),
                                   Pair(5,
                                        "192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] \"-\" 204 0 "
                                        "\"-\" \"-\"\n")));
  Adopt({Statuses(2)});
  EXPECT_FALSE(log_.combines());
}

TEST_F(AccessLogTest, EachTargetHasItsOwnFilter) {
  AccessLog errors = Statuses(1);
  errors.filter = record::LineFilter{.statuses = {{500, 599}}};
  Adopt({Statuses(0), errors});
  Record(200);
  Record(503);
  EXPECT_THAT(Lines(), ElementsAre(Pair(0, "status=200\nstatus=503\n"), Pair(1, "status=503\n")));
}

TEST_F(AccessLogTest, AnotherConfigurationLeavesTheLinesBeforeItWhereTheyWereFor) {
  Adopt({Statuses(0)});
  Record(200);
  Adopt({Statuses(3)});
  Record(404);
  EXPECT_THAT(Lines(), ElementsAre(Pair(0, "status=200\n"), Pair(3, "status=404\n")));
  Adopt({});
  Record(500);
  EXPECT_THAT(Lines(), ElementsAre());
}

TEST_F(AccessLogTest, WhatIsWrittenIsCountedForItsWriter) {
  Adopt({Statuses(0), Statuses(1)});
  Record(200);
  Lines();
  EXPECT_EQ(Written(), 0u);
  log_.OnBatchWritten(1, /*written=*/true);
  EXPECT_EQ(Written(), 1u);
  log_.OnBatchWritten(0, /*written=*/true);
  EXPECT_EQ(Written(), 2u);
  // Its answer may come when the target is no more.
  Record(200);
  Adopt({});
  log_.OnBatchWritten(0, /*written=*/true);
  log_.OnBatchWritten(1, /*written=*/true);
  EXPECT_EQ(Written(), 4u);
}

// The lot is the worker's generator's: a twin of it says what has to be there.
TEST_F(AccessLogTest, AShareIsDrawnByLotAndWhatFailedIsThereAnyway) {
  constexpr uint32_t kShare = 100'000;
  AccessLog sampled = Statuses(0);
  sampled.filter = record::LineFilter{.share = kShare};
  Adopt({sampled});
  pool::Random twin(7);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    Record(200);
    if (twin.Below(record::kWholeShare) < kShare) expected += "status=200\n";
    Record(502);
    expected += "status=502\n";
  }
  EXPECT_EQ(Lines()[0], expected);
  EXPECT_GT(expected.size(), 1000 * 11u) << "some were drawn";
}

TEST_F(AccessLogTest, AShareOfNothingAndOneOfAll) {
  AccessLog none = Statuses(0);
  none.filter = record::LineFilter{.share = 0};
  AccessLog all = Statuses(1);
  all.filter = record::LineFilter{.share = record::kWholeShare};
  Adopt({none, all});
  for (int i = 0; i < 100; ++i) Record(200);
  auto lines = Lines();
  EXPECT_EQ(lines[0], "");
  EXPECT_EQ(lines[1].size(), 100 * std::string("status=200\n").size());
}

TEST_F(AccessLogTest, TheLinesOfASmallerShareAreAmongThoseOfALargerOne) {
  AccessLog few{.format = LineFormat::kLogfmt, .fields = {"retries"}, .writer = 0};
  few.filter = record::LineFilter{.share = 100'000};
  AccessLog many = few;
  many.writer = 1;
  many.filter->share = 500'000;
  Adopt({few, many});
  for (uint32_t i = 0; i < 500; ++i) {
    ExchangeRecord record = WithStatus(200);
    record.retries = i;
    log_.Record(record);
    auto lines = Lines();
    for (const auto& [writer, text] : lines) log_.OnBatchWritten(writer, /*written=*/true);
    EXPECT_TRUE(lines[0].empty() || lines[0] == lines[1]) << i;
  }
}

}  // namespace
}  // namespace holdfast::proxy
