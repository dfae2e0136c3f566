#include "gateway/config/suggest.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(EditDistanceTest, CountsSingleEdits) {
  EXPECT_EQ(EditDistance("", ""), 0);
  EXPECT_EQ(EditDistance("bind", "bind"), 0);
  EXPECT_EQ(EditDistance("bind", ""), 4);
  EXPECT_EQ(EditDistance("", "bind"), 4);
  EXPECT_EQ(EditDistance("bind", "bid"), 1);
  EXPECT_EQ(EditDistance("bid", "bind"), 1);
  EXPECT_EQ(EditDistance("bind", "bond"), 1);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
}

TEST(EditDistanceTest, ASwapOfNeighboursIsOneEdit) {
  EXPECT_EQ(EditDistance("bnid", "bind"), 1);
  EXPECT_EQ(EditDistance("wbe", "web"), 1);
  EXPECT_EQ(EditDistance("ca", "abc"), 3);  // nothing is edited twice
}

TEST(EditDistanceTest, IgnoresAsciiCase) {
  EXPECT_EQ(EditDistance("Idle_Timeout", "idle_timeout"), 0);
}

TEST(EditDistanceTest, LongWordsAreFarFromEverything) {
  const std::string word(65, 'a');
  EXPECT_GT(EditDistance(word, word), 100);
  EXPECT_EQ(EditDistance(word.substr(1), word.substr(1)), 0);
}

TEST(NearestTest, PicksTheNearestAndOfEqualsTheFirst) {
  EXPECT_EQ(Nearest("stauts", {"listeners", "status", "routes"}), "status");
  EXPECT_EQ(Nearest("wex", {"web", "wer"}), "web");
}

TEST(NearestTest, FindsNothingAmongStrangers) {
  EXPECT_EQ(Nearest("banana", {"bind", "name", "idle_timeout"}), "");
  EXPECT_EQ(Nearest("x", {}), "");
}

TEST(NearestTest, AShortNameMayDifferInOneLetter) {
  EXPECT_EQ(Nearest("b", {"a"}), "a");
  EXPECT_EQ(Nearest("bc", {"a"}), "");
}

TEST(SuggestionTest, CompletesAMessage) {
  EXPECT_EQ(Suggestion("wbe", {"web"}), "; did you mean 'web'?");
  EXPECT_EQ(Suggestion("other", {"web"}), "");
}

}  // namespace
}  // namespace holdfast::config
