#include "gateway/config/values.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using std::chrono::seconds;

YamlNode Parse(std::string_view text) {
  Report report(text, "f.yaml");
  return ParseYaml(text, &report).value();
}

TEST(TakeTest, ReadsWhatIsThere) {
  const YamlNode node = Parse("d: 5s\no: 6s\nt: text\nc: 7\nm: 8\ns: 1KiB\nl: 2KiB\np: 20%\n");
  Duration duration{};
  std::optional<Duration> optional_duration;
  std::string text;
  uint32_t count = 0;
  std::optional<uint32_t> optional_count;
  uint32_t size = 0;
  std::optional<uint64_t> limit;
  uint32_t percent = 0;
  Take(node, "d", &duration);
  Take(node, "o", &optional_duration);
  Take(node, "t", &text);
  TakeCount(node, "c", &count);
  TakeCount(node, "m", &optional_count);
  TakeSize(node, "s", &size);
  TakeSize(node, "l", &limit);
  TakePercent(node, "p", &percent);
  EXPECT_EQ(duration, seconds(5));
  EXPECT_EQ(optional_duration, seconds(6));
  EXPECT_EQ(text, "text");
  EXPECT_EQ(count, 7u);
  EXPECT_EQ(optional_count, 8u);
  EXPECT_EQ(size, 1024u);
  EXPECT_EQ(limit, 2048u);
  EXPECT_EQ(percent, 20u);
}

TEST(TakeTest, KeepsTheDefaultOfWhatIsAbsentOrWrong) {
  const YamlNode node = Parse("list: [1]\nword: banana\nhuge: 4294967296\n");
  for (const char* key : {"none", "list", "word", "huge"}) {
    Duration duration = seconds(3);
    std::optional<Duration> optional_duration = seconds(4);
    uint32_t count = 5;
    std::optional<uint32_t> optional_count = 6;
    uint32_t size = 7;
    uint32_t percent = 8;
    Take(node, key, &duration);
    Take(node, key, &optional_duration);
    TakeCount(node, key, &count);
    TakeCount(node, key, &optional_count);
    TakeSize(node, key, &size);
    TakePercent(node, key, &percent);
    EXPECT_EQ(duration, seconds(3)) << key;
    EXPECT_EQ(optional_duration, seconds(4)) << key;
    EXPECT_EQ(count, 5u) << key;
    EXPECT_EQ(optional_count, 6u) << key;
    EXPECT_EQ(size, 7u) << key;
    EXPECT_EQ(percent, 8u) << key;
  }
}

TEST(TakeTest, OffAndAutoAreNullWhereThereIsNull) {
  const YamlNode node = Parse("a: off\nb: auto\n");
  for (const char* key : {"a", "b"}) {
    std::optional<Duration> duration = seconds(1);
    std::optional<uint32_t> count = 1;
    std::optional<uint64_t> size = 1;
    Take(node, key, &duration);
    TakeCount(node, key, &count);
    TakeSize(node, key, &size);
    EXPECT_EQ(duration, std::nullopt) << key;
    EXPECT_EQ(count, std::nullopt) << key;
    EXPECT_EQ(size, std::nullopt) << key;
  }
}

TEST(TakeTest, ContainersOfTheWrongKindAreEmpty) {
  const YamlNode node = Parse("map: {a: 1}\nlist: [1, 2]\nword: x\n");
  EXPECT_EQ(TakeMapping(node, "map").entries.size(), 1u);
  EXPECT_EQ(TakeMapping(node, "list").entries.size(), 0u);
  EXPECT_EQ(TakeMapping(node, "none").entries.size(), 0u);
  EXPECT_EQ(TakeList(node, "list").size(), 2u);
  EXPECT_EQ(TakeList(node, "map").size(), 0u);
  EXPECT_EQ(TakeList(node, "none").size(), 0u);
  EXPECT_EQ(FindScalar(node, "word")->text, "x");
  EXPECT_EQ(FindScalar(node, "map"), nullptr);
  EXPECT_TRUE(HoldsWord(node, "word", "x"));
  EXPECT_FALSE(HoldsWord(node, "word", "y"));
  EXPECT_FALSE(HoldsWord(node, "list", "x"));
}

}  // namespace
}  // namespace holdfast::config
