#include "gateway/proxy/retry.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

// A GET that met a dead kept connection: the case for which repetition was made.
constexpr RetryFacts kStale{.attempts_left = 1,
                            .response_begun = false,
                            .reused_connection = true,
                            .nothing_written = false,
                            .idempotent = true,
                            .replayable = true};

RetryFacts With(void (*change)(RetryFacts&)) {
  RetryFacts facts = kStale;
  change(facts);
  return facts;
}

struct Row {
  const char* name;
  RetryFacts facts;
  RetryDecision decision;
};

class RetryTableTest : public testing::TestWithParam<Row> {};

TEST_P(RetryTableTest, Decides) { EXPECT_EQ(DecideRetry(GetParam().facts), GetParam().decision); }

INSTANTIATE_TEST_SUITE_P(
    All, RetryTableTest,
    testing::Values(Row{"StaleConnection", kStale, RetryDecision::kRetry},
                    Row{"NothingWrittenOfAPost", With([](RetryFacts& f) {
                          f.nothing_written = true;
                          f.idempotent = false;
                        }),
                        RetryDecision::kRetry},
                    Row{"NothingWrittenOnAFreshConnection", With([](RetryFacts& f) {
                          f.nothing_written = true;
                          f.reused_connection = false;
                        }),
                        RetryDecision::kRetry},
                    Row{"AttemptsUsed", With([](RetryFacts& f) { f.attempts_left = 0; }),
                        RetryDecision::kAttemptsUsed},
                    Row{"ResponseBegun", With([](RetryFacts& f) { f.response_begun = true; }),
                        RetryDecision::kResponseBegun},
                    Row{"ResponseBegunWinsOverAttempts", With([](RetryFacts& f) {
                          f.response_begun = true;
                          f.attempts_left = 0;
                        }),
                        RetryDecision::kResponseBegun},
                    Row{"FreshConnection", With([](RetryFacts& f) { f.reused_connection = false; }),
                        RetryDecision::kFreshConnection},
                    Row{"NotReplayable", With([](RetryFacts& f) { f.replayable = false; }),
                        RetryDecision::kNotReplayable},
                    Row{"NotReplayableThoughNothingWritten", With([](RetryFacts& f) {
                          f.replayable = false;
                          f.nothing_written = true;
                        }),
                        RetryDecision::kNotReplayable},
                    Row{"NotIdempotent", With([](RetryFacts& f) { f.idempotent = false; }),
                        RetryDecision::kNotIdempotent}),
    [](const auto& info) { return info.param.name; });

TEST(RetryTest, AForgottenFactNeverRepeats) {
  EXPECT_NE(DecideRetry(RetryFacts{}), RetryDecision::kRetry);
}

TEST(RetryTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i < kRetryDecisions; ++i) {
    EXPECT_TRUE(names.insert(RetryDecisionName(static_cast<RetryDecision>(i))).second);
  }
}

}  // namespace
}  // namespace holdfast::proxy
