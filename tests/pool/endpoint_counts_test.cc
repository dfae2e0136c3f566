#include "pool/endpoint_counts.h"

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(EndpointCountsTest, AnAnswersClassIsItsFirstDigit) {
  EXPECT_EQ(AnswerClassOf(0), AnswerClass::kNone);
  EXPECT_EQ(AnswerClassOf(99), AnswerClass::kNone);
  EXPECT_EQ(AnswerClassOf(101), AnswerClass::k1xx);
  EXPECT_EQ(AnswerClassOf(204), AnswerClass::k2xx);
  EXPECT_EQ(AnswerClassOf(304), AnswerClass::k3xx);
  EXPECT_EQ(AnswerClassOf(499), AnswerClass::k4xx);
  EXPECT_EQ(AnswerClassOf(503), AnswerClass::k5xx);
  EXPECT_EQ(AnswerClassOf(999), AnswerClass::k5xx);
}

TEST(EndpointCountsTest, NamesAreLabelValues) {
  EXPECT_EQ(AnswerClassName(AnswerClass::kNone), "none");
  EXPECT_EQ(AnswerClassName(AnswerClass::k2xx), "2xx");
  EXPECT_EQ(AnswerClassName(AnswerClass::k5xx), "5xx");
}

TEST(EndpointCountsTest, WorkersAddUp) {
  EndpointCounts counts(3);
  counts.Add(0, AnswerClass::k2xx);
  counts.Add(2, AnswerClass::k2xx);
  counts.Add(1, AnswerClass::kNone);
  EXPECT_EQ(counts.Sum(), (AnswerCounts{1, 0, 2, 0, 0, 0}));
}

}  // namespace
}  // namespace holdfast::pool
