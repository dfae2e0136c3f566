#include "metrics/histogram.h"

#include <chrono>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

using std::chrono::nanoseconds;

// The one bucket that an observation of `duration` counted in.
size_t BucketOf(nanoseconds duration) {
  Histogram histogram;
  histogram.Observe(duration);
  const Histogram::Snapshot snapshot = histogram.value();
  EXPECT_EQ(snapshot.count(), 1u);
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (snapshot.counts[i] == 1) return i;
  }
  return Histogram::kBuckets;
}

TEST(HistogramTest, BoundsReachFromAHundredMicrosecondsToAMinute) {
  EXPECT_EQ(Histogram::kBounds.front(), std::chrono::microseconds(100));
  EXPECT_EQ(Histogram::kBounds.back(), std::chrono::seconds(60));
}

TEST(HistogramTest, ABoundBelongsToItsOwnBucketAndTheNextNanosecondToTheNext) {
  for (size_t i = 0; i < Histogram::kBounds.size(); ++i) {
    EXPECT_EQ(BucketOf(Histogram::kBounds[i]), i);
    EXPECT_EQ(BucketOf(Histogram::kBounds[i] + nanoseconds(1)), i + 1);
  }
}

TEST(HistogramTest, ZeroFallsInTheFirstBucketAndAnHourInTheLast) {
  EXPECT_EQ(BucketOf(nanoseconds(0)), 0u);
  EXPECT_EQ(BucketOf(std::chrono::hours(1)), Histogram::kBuckets - 1);
}

TEST(HistogramTest, ANegativeDurationCountsAsZero) {
  Histogram histogram;
  histogram.Observe(nanoseconds(-5));
  EXPECT_EQ(histogram.value().counts[0], 1u);
  EXPECT_EQ(histogram.value().sum_nanoseconds, 0u);
}

TEST(HistogramTest, SumIsExactInNanoseconds) {
  Histogram histogram;
  histogram.Observe(nanoseconds(1));
  histogram.Observe(std::chrono::seconds(2));
  EXPECT_EQ(histogram.value().sum_nanoseconds, 2'000'000'001u);
  EXPECT_EQ(histogram.value().count(), 2u);
}

TEST(HistogramTest, NumbersCountAsMillions) {
  Histogram histogram;
  for (const uint64_t number : {0, 1, 2, 10, 1'000, 100'000}) histogram.ObserveCount(number);
  const Histogram::Snapshot snapshot = histogram.value();
  EXPECT_EQ(snapshot.count(), 6u);
  EXPECT_EQ(snapshot.sum_nanoseconds, 101'013'000'000u);
  EXPECT_EQ(snapshot.counts.front(), 1u) << "none";
  EXPECT_EQ(snapshot.counts.back(), 1u) << "beyond 60,000";
}

TEST(HistogramTest, SnapshotsAddUpBucketByBucket) {
  Histogram first;
  first.Observe(std::chrono::microseconds(50));
  Histogram second;
  second.Observe(std::chrono::microseconds(60));
  second.Observe(std::chrono::minutes(2));

  Histogram::Snapshot sum = first.value();
  sum += second.value();

  EXPECT_EQ(sum.counts.front(), 2u);
  EXPECT_EQ(sum.counts.back(), 1u);
  EXPECT_EQ(sum.count(), 3u);
  EXPECT_EQ(sum.sum_nanoseconds, 120'000'110'000u);
}

TEST(HistogramTest, ASnapshotDoesNotFollowLaterObservations) {
  Histogram histogram;
  const Histogram::Snapshot before = histogram.value();
  histogram.Observe(std::chrono::seconds(1));
  EXPECT_EQ(before, Histogram::Snapshot());
  EXPECT_NE(histogram.value(), before);
}

}  // namespace
}  // namespace holdfast::metrics
