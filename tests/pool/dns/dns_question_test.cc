#include "pool/dns/dns_question.h"

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(NextWayTest, EdnsComesBeforeTcpAndOnlyForCutAnswers) {
  const Records found{.status = ResolveStatus::kOk};
  const Records absent{.status = ResolveStatus::kNotFound};
  const Records failed{.status = ResolveStatus::kServerError};
  const Records silent{.status = ResolveStatus::kTimeout};
  const Records cut{.status = ResolveStatus::kServerError, .cut = true};
  for (const Records& records : {found, absent, failed, silent}) {
    EXPECT_EQ(NextWay(QuestionWay::kPlain, records), std::nullopt);
    EXPECT_EQ(NextWay(QuestionWay::kTcp, records), std::nullopt);
  }
  EXPECT_EQ(NextWay(QuestionWay::kPlain, cut), QuestionWay::kEdns);
  EXPECT_EQ(NextWay(QuestionWay::kTcp, cut), std::nullopt);
  EXPECT_EQ(NextWay(QuestionWay::kEdns, found), std::nullopt);
  EXPECT_EQ(NextWay(QuestionWay::kEdns, absent), std::nullopt);
  for (const Records& records : {failed, silent, cut}) {
    EXPECT_EQ(NextWay(QuestionWay::kEdns, records), QuestionWay::kTcp);
  }
}

}  // namespace
}  // namespace holdfast::pool
