#include "pool/reasons.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

template <class Enum>
void ExpectDistinctNames(int count, std::string_view (*name_of)(Enum)) {
  std::set<std::string_view> names;
  for (int i = 0; i < count; ++i) {
    const std::string_view name = name_of(static_cast<Enum>(i));
    EXPECT_TRUE(std::ranges::all_of(name, [](char c) { return std::islower(c) || c == '_'; }))
        << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(count));
}

TEST(ReasonsTest, NamesAreDistinctLabelValues) {
  ExpectDistinctNames(kCheckoutResults, CheckoutResultName);
  ExpectDistinctNames(kOpenReasons, OpenReasonName);
  ExpectDistinctNames(kCloseReasons, CloseReasonName);
}

TEST(ReasonsDeathTest, AValueOutsideTheEnumHasNoName) {
  EXPECT_DEATH(CheckoutResultName(static_cast<CheckoutResult>(kCheckoutResults)),
               "broken invariant");
  EXPECT_DEATH(OpenReasonName(static_cast<OpenReason>(kOpenReasons)), "broken invariant");
  EXPECT_DEATH(CloseReasonName(static_cast<CloseReason>(kCloseReasons)), "broken invariant");
}

// Operators read about each word in one place.
TEST(ReasonsTest, EveryWordIsExplained) {
  std::ifstream file("deploy/REASONS.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto explained = [&](std::string_view word) {
    return text.find("`" + std::string(word) + "`") != std::string::npos;
  };
  for (int i = 0; i < kCheckoutResults; ++i) {
    const std::string_view word = CheckoutResultName(static_cast<CheckoutResult>(i));
    EXPECT_TRUE(explained(word)) << word;
  }
  for (int i = 0; i < kOpenReasons; ++i) {
    const std::string_view word = OpenReasonName(static_cast<OpenReason>(i));
    EXPECT_TRUE(explained(word)) << word;
  }
  for (int i = 1; i < kCloseReasons; ++i) {
    const std::string_view word = CloseReasonName(static_cast<CloseReason>(i));
    EXPECT_TRUE(explained(word)) << word;
  }
}

}  // namespace
}  // namespace holdfast::pool
