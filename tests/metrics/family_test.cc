#include "metrics/family.h"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/cell.h"

namespace holdfast::metrics {
namespace {

Counter& Get(Family<Counter>& family, std::initializer_list<std::string_view> values) {
  return family.Get(std::span(values.begin(), values.size()));
}

std::vector<LabelValues> LabelsOf(const Family<Counter>& family) {
  std::vector<LabelValues> all;
  family.ForEach([&](const LabelValues& labels, const Counter&) { all.push_back(labels); });
  return all;
}

TEST(FamilyTest, EmptyFamilyVisitsNothing) {
  Family<Counter> family;
  EXPECT_TRUE(LabelsOf(family).empty());
}

TEST(FamilyTest, EqualValuesGiveTheSameCell) {
  Family<Counter> family;
  Counter& cell = Get(family, {"edge", "idle"});
  EXPECT_EQ(&Get(family, {"edge", "idle"}), &cell);
  EXPECT_NE(&Get(family, {"edge", "active"}), &cell);
  EXPECT_EQ(LabelsOf(family).size(), 2u);
}

TEST(FamilyTest, WhereOneValueEndsAndTheNextBeginsMatters) {
  Family<Counter> family;
  EXPECT_NE(&Get(family, {"ab", "c"}), &Get(family, {"a", "bc"}));
  EXPECT_NE(&Get(family, {"", "a"}), &Get(family, {"a", ""}));
}

TEST(FamilyTest, NoLabelsIsOneSeries) {
  Family<Counter> family;
  EXPECT_EQ(&Get(family, {}), &Get(family, {}));
  EXPECT_EQ(LabelsOf(family), std::vector<LabelValues>{LabelValues()});
}

TEST(FamilyTest, ValuesAreCopied) {
  Family<Counter> family;
  std::string value = "before";
  Get(family, {value}).Add(3);
  value = "after";
  EXPECT_EQ(LabelsOf(family), std::vector<LabelValues>{{"before"}});
  EXPECT_EQ(Get(family, {"before"}).value(), 3u);
}

TEST(FamilyTest, AddressesStayAsTheFamilyGrowsOverManyChunks) {
  Family<Counter> family;
  std::vector<Counter*> cells;
  for (int i = 0; i < 100; ++i) cells.push_back(&Get(family, {std::to_string(i)}));
  std::vector<const Counter*> visited;
  std::vector<LabelValues> labels;
  family.ForEach([&](const LabelValues& values, const Counter& cell) {
    visited.push_back(&cell);
    labels.push_back(values);
  });
  ASSERT_EQ(visited.size(), 100u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(visited[i], cells[i]);
    EXPECT_EQ(labels[i], LabelValues{std::to_string(i)});
    EXPECT_EQ(&Get(family, {std::to_string(i)}), cells[i]);
  }
}

TEST(FamilyTest, FamiliesShareNoCacheLine) {
  // Many of them in turn, so that the allocator lays their chunks side by side.
  std::vector<Family<Counter>> families(64);
  std::map<uintptr_t, const Family<Counter>*> owner_of_line;
  for (int i = 0; i < 40; ++i) {
    const std::string value = std::to_string(i);
    for (Family<Counter>& family : families) {
      const auto line = reinterpret_cast<uintptr_t>(&Get(family, {value})) / kCacheLineBytes;
      EXPECT_EQ(owner_of_line.try_emplace(line, &family).first->second, &family);
    }
  }
}

TEST(FamilyTest, BeyondTheBoundEveryNewSeriesIsOther) {
  Family<Counter> family;
  for (size_t i = 0; i < kMaxSeriesPerFamily; ++i) Get(family, {"edge", std::to_string(i)}).Add();

  EXPECT_EQ(family.dropped(), 0u);
  Counter& overflow = Get(family, {"edge", "one too many"});
  overflow.Add(2);
  EXPECT_EQ(family.dropped(), 1u);
  EXPECT_EQ(&Get(family, {"another", "yet another"}), &overflow);
  EXPECT_EQ(&Get(family, {"other", "other"}), &overflow);
  EXPECT_EQ(family.dropped(), 2u) << "one that is asked for by its own name was not dropped";
  EXPECT_NE(&Get(family, {"edge", "17"}), &overflow) << "known series keep their own cell";

  const std::vector<LabelValues> labels = LabelsOf(family);
  ASSERT_EQ(labels.size(), kMaxSeriesPerFamily + 1);
  EXPECT_EQ(labels.back(), (LabelValues{"other", "other"}));
}

TEST(FamilyTest, OverflowJoinsASeriesThatIsCalledOtherAlready) {
  Family<Counter> family;
  Counter& other = Get(family, {"other"});
  for (size_t i = 1; i < kMaxSeriesPerFamily; ++i) Get(family, {std::to_string(i)});
  EXPECT_EQ(&Get(family, {"one too many"}), &other);
  EXPECT_EQ(LabelsOf(family).size(), kMaxSeriesPerFamily);
}

// Takes out the series whose first value is `value`.
RetiredSeries Retire(Family<Counter>& family, const std::string& value) {
  RetiredSeries retired;
  family.Retire([&](const LabelValues& labels) { return labels.front() == value; }, &retired);
  return retired;
}

TEST(FamilyTest, RetiredSeriesAreGoneAndTheOthersStay) {
  Family<Counter> family;
  for (const char* name : {"a", "b", "c", "d"}) Get(family, {name}).Add(1);
  Counter& kept = Get(family, {"c"});
  EXPECT_EQ(Retire(family, "b").size(), 1u);
  EXPECT_EQ(Retire(family, "a").size(), 1u) << "the first";
  EXPECT_EQ(Retire(family, "d").size(), 1u) << "the last";
  EXPECT_EQ(Retire(family, "x").size(), 0u);
  EXPECT_EQ(LabelsOf(family), std::vector<LabelValues>{{"c"}});
  EXPECT_EQ(&Get(family, {"c"}), &kept);
  EXPECT_EQ(Get(family, {"a"}).value(), 0u) << "counts anew";
  EXPECT_EQ(LabelsOf(family), (std::vector<LabelValues>{{"c"}, {"a"}}));
}

TEST(FamilyTest, AllOfThemMayBeRetired) {
  Family<Counter> family;
  Get(family, {"a", "1"});
  Get(family, {"a", "2"});
  EXPECT_EQ(Retire(family, "a").size(), 2u);
  EXPECT_TRUE(LabelsOf(family).empty());
  Get(family, {"a", "3"});
  EXPECT_EQ(LabelsOf(family), (std::vector<LabelValues>{{"a", "3"}}));
}

TEST(FamilyTest, RetiredSeriesMakeRoom) {
  Family<Counter> family;
  for (size_t i = 0; i < kMaxSeriesPerFamily; ++i) Get(family, {"old", std::to_string(i)});
  Retire(family, "old");
  Get(family, {"new", "1"});
  EXPECT_EQ(LabelsOf(family), (std::vector<LabelValues>{{"new", "1"}}));
}

// The owner takes out while the reader reads; what was taken out is kept until the reader is done.
TEST(FamilyTest, AReaderSeesOnlyCompleteSeriesWhileTheOwnerRetires) {
  constexpr int kRounds = 300;
  Family<Counter> family;
  std::vector<RetiredSeries> retired(kRounds);
  Get(family, {"stays", "0"});
  std::thread owner([&] {
    for (int i = 0; i < kRounds; ++i) {
      for (int j = 0; j < 20; ++j) Get(family, {j % 2 == 0 ? "goes" : "stays", std::to_string(j)});
      family.Retire([](const LabelValues& labels) { return labels[0] == "goes"; }, &retired[i]);
    }
    Get(family, {"end", ""});
  });
  bool complete = true;
  bool ended = false;
  while (!ended) {
    int seen = 0;
    family.ForEach([&](const LabelValues& labels, const Counter&) {
      complete = complete && labels.size() == 2;
      ended = labels[0] == "end";
      ++seen;
    });
    complete = complete && seen >= 1;
  }
  owner.join();
  EXPECT_TRUE(complete);
  EXPECT_EQ(LabelsOf(family).size(), 12u) << "ten that stay, the first and the end";
}

TEST(FamilyTest, AReaderSeesOnlyCompleteSeriesWhileTheOwnerAppends) {
  constexpr int kSeries = 3'000;
  Family<Counter> family;
  std::thread owner([&] {
    for (int i = 0; i < kSeries; ++i) Get(family, {"series", std::to_string(i)}).Add();
  });
  int seen = 0;
  bool complete = true;
  while (seen < kSeries && complete) {
    int now = 0;
    family.ForEach([&](const LabelValues& labels, const Counter& cell) {
      complete =
          complete && labels.size() == 2 && labels[1] == std::to_string(now) && cell.value() <= 1;
      ++now;
    });
    complete = complete && now >= seen;
    seen = now;
  }
  owner.join();
  EXPECT_TRUE(complete);
  EXPECT_EQ(LabelsOf(family).size(), static_cast<size_t>(kSeries));
}

}  // namespace
}  // namespace holdfast::metrics
