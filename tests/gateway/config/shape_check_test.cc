#include "gateway/config/shape_check.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

bool IsShort(std::string_view text) { return text.size() < 4; }

constexpr std::string_view kOffWord[] = {"off"};
constexpr std::string_view kColours[] = {"red", "green"};
constexpr Shape kText = {.kind = Kind::kText, .expected = "a short text", .check = IsShort};
constexpr Shape kCount = {.kind = Kind::kCount, .min = 2, .max = 9};
constexpr Shape kDuration = {
    .kind = Kind::kDuration, .min = 1'000'000, .max = 60'000'000'000, .words = kOffWord};
constexpr Shape kSize = {.kind = Kind::kSize, .min = 1024, .max = 1 << 20};
constexpr Shape kShare = {.kind = Kind::kPercent, .min = 0, .max = 100};
constexpr OldWord kOldColours[] = {{"scarlet", "red"}};
constexpr Shape kColour = {.kind = Kind::kWord, .words = kColours, .old_words = kOldColours};
constexpr Shape kList = {
    .kind = Kind::kList, .expected = "two counts", .min = 2, .max = 2, .element = &kCount};
constexpr Shape kTexts = {.kind = Kind::kList,
                          .expected = "a short text, or a list of 1 to 2 of them",
                          .min = 1,
                          .max = 2,
                          .element = &kText,
                          .short_form = &kText};
constexpr Shape kNamed = {.kind = Kind::kNamed,
                          .expected = "a short name",
                          .min = 1,
                          .max = 2,
                          .element = &kCount,
                          .check = IsShort};
constexpr Key kPointKeys[] = {Key{"x", "X.", &kCount}.Required("2"), {"y", "Y.", &kCount}};
constexpr Shape kPoint = {.kind = Kind::kMapping,
                          .expected = "a point such as {x: 2}",
                          .keys = kPointKeys,
                          .short_form = &kText};
constexpr Shape kPoints = {.kind = Kind::kList,
                           .expected = "a point, a list of 1 to 2 of them",
                           .min = 1,
                           .max = 2,
                           .words = kOffWord,
                           .element = &kPoint,
                           .one_stands_for_list = true};
constexpr Key kRootKeys[] = {
    {"text", "T.", &kText},   {"count", "C.", &kCount},   {"duration", "D.", &kDuration},
    {"size", "S.", &kSize},   {"colour", "K.", &kColour}, {"list", "L.", &kList},
    {"named", "N.", &kNamed}, {"point", "P.", &kPoint},   {"share", "S.", &kShare},
    {"texts", "T.", &kTexts},
};
constexpr Shape kRoot = {.kind = Kind::kMapping, .expected = "a mapping", .keys = kRootKeys};

std::string Check(std::string_view text) {
  Report report(text, "f");
  const std::optional<YamlNode> root = ParseYaml(text, &report);
  if (root) CheckShape(*root, kRoot, &report);
  std::string found;
  for (const Diagnostic& diagnostic : report.Take()) {
    found += std::to_string(diagnostic.position.line) + ":" +
             std::to_string(diagnostic.position.column) + " " + diagnostic.message + "\n";
  }
  return found;
}

TEST(CheckShapeTest, TakesWhatFits) {
  EXPECT_EQ(Check("text: abc\ncount: 2\nduration: 1ms\nsize: 1KiB\ncolour: red\nlist: [2, 9]\n"
                  "named: {a: 2}\npoint: {x: 3}\n"),
            "");
  EXPECT_EQ(Check("duration: off\npoint: abc\n"), "");
  EXPECT_EQ(Check("{}"), "");
}

TEST(CheckShapeTest, ReportsTextsThatDoNotFit) {
  EXPECT_EQ(Check("text: abcd\n"), "1:7 expected a short text; found 'abcd'\n");
  EXPECT_EQ(Check("text:\n"), "1:1 expected a short text; found nothing\n");
  EXPECT_EQ(Check("text: [a]\n"), "1:7 expected a short text; found a list\n");
  EXPECT_EQ(Check("text: {a: 1}\n"), "1:7 expected a short text; found a mapping\n");
}

TEST(CheckShapeTest, ReportsNumbersOutOfRange) {
  constexpr std::string_view kExpected = "1:8 expected a whole number from 2 to 9; found ";
  EXPECT_EQ(Check("count: 1"), std::string(kExpected) + "'1'\n");
  EXPECT_EQ(Check("count: 10"), std::string(kExpected) + "'10'\n");
  EXPECT_EQ(Check("count: x"), std::string(kExpected) + "'x'\n");
  EXPECT_EQ(Check("count: 18446744073709551615"),
            std::string(kExpected) + "'18446744073709551615'\n");
}

TEST(CheckShapeTest, ReportsDurationsAndSizes) {
  EXPECT_EQ(Check("duration: 61s"),
            "1:11 expected a duration such as 250ms, 5s or 1h, from 1ms to 1m, or off; found "
            "'61s'\n");
  EXPECT_EQ(Check("duration: 0s").substr(0, 23), "1:11 expected a duratio");
  EXPECT_EQ(Check("size: 1023"),
            "1:7 expected a size such as 512B, 64KiB or 10MiB, from 1KiB to 1MiB; found '1023'\n");
}

TEST(CheckShapeTest, ReportsPercentages) {
  EXPECT_EQ(Check("share: 0%"), "");
  EXPECT_EQ(Check("share: 100%"), "");
  EXPECT_EQ(Check("share: 101%"),
            "1:8 expected a percentage such as 50%, from 0% to 100%; found '101%'\n");
  EXPECT_EQ(Check("share: 50"),
            "1:8 expected a percentage such as 50%, from 0% to 100%; found '50'\n");
}

TEST(CheckShapeTest, SuggestsTheNearestWord) {
  EXPECT_EQ(Check("colour: gren"),
            "1:9 expected one of red, green; found 'gren'; did you mean 'green'?\n");
  EXPECT_EQ(Check("colour: blue"), "1:9 expected one of red, green; found 'blue'\n");
  EXPECT_TRUE(Check("duration: of").ends_with("; found 'of'; did you mean 'off'?\n"));
}

constexpr std::string_view kSwitch[] = {"on", "off"};
constexpr std::string_view kTruth[] = {"auto", "true", "false"};
constexpr std::string_view kOneWord[] = {"keep"};
constexpr Shape kSwitchWord = {.kind = Kind::kWord, .words = kSwitch};
constexpr Shape kTruthWord = {.kind = Kind::kWord, .words = kTruth};
constexpr Shape kKeepWord = {.kind = Kind::kWord, .words = kOneWord};
constexpr Shape kKeepOrPoint = {.kind = Kind::kMapping,
                                .expected = "keep or a point such as {x: 2}",
                                .words = kOffWord,
                                .keys = kPointKeys,
                                .short_form = &kKeepWord};

std::string CheckOne(const Shape& shape, std::string_view text) {
  Report report(text, "f");
  const std::optional<YamlNode> root = ParseYaml(text, &report);
  if (root) CheckShape(*root, shape, &report);
  std::string found;
  for (const Diagnostic& diagnostic : report.Take()) found += diagnostic.message + "\n";
  return found;
}

// A slip of the finger would make `on` of `no`, which means the opposite.
TEST(CheckShapeTest, SuggestsTheWordOfTheSameMeaning) {
  for (const std::string_view no : {"no", "No", "false", "never", "none"}) {
    EXPECT_TRUE(CheckOne(kSwitchWord, no).ends_with("; did you mean 'off'?\n")) << no;
    EXPECT_TRUE(CheckOne(kDuration, no).ends_with("; did you mean 'off'?\n")) << no;
    EXPECT_TRUE(no == "false" || CheckOne(kTruthWord, no).ends_with("; did you mean 'false'?\n"))
        << no;
  }
  for (const std::string_view yes : {"yes", "true", "always"}) {
    EXPECT_TRUE(CheckOne(kSwitchWord, yes).ends_with("; did you mean 'on'?\n")) << yes;
    EXPECT_TRUE(CheckOne(kDuration, yes).ends_with("; found '" + std::string(yes) + "'\n")) << yes;
  }
  EXPECT_TRUE(CheckOne(kTruthWord, "on").ends_with("; did you mean 'true'?\n"));
  EXPECT_EQ(CheckOne(kKeepWord, "no"), "expected keep; found 'no'\n");
}

TEST(CheckShapeTest, AWordThatIsAShortFormIsToldWithAllTheRest) {
  EXPECT_EQ(CheckOne(kKeepOrPoint, "keep"), "");
  EXPECT_EQ(CheckOne(kKeepOrPoint, "off"), "");
  EXPECT_EQ(CheckOne(kKeepOrPoint, "0.5"),
            "expected keep or a point such as {x: 2}, or off; found '0.5'\n");
  EXPECT_EQ(CheckOne(kKeepOrPoint, "kep"),
            "expected keep or a point such as {x: 2}, or off; found 'kep'; did you mean 'keep'?\n");
}

TEST(CheckShapeTest, WhatIsHiddenIsNotShown) {
  YamlNode node{.kind = YamlNode::Kind::kScalar, .text = "tell-nobody", .hidden = true};
  Report report("text: {file: /a}", "f");
  CheckShape(node, kText, &report);
  EXPECT_EQ(report.Take().front().message, "expected a short text; the file holds something else");
}

TEST(CheckShapeTest, WarnsOfAnOldWord) {
  EXPECT_EQ(Check("colour: scarlet"), "1:9 'scarlet' is now called 'red'; it means the same\n");
}

TEST(CheckShapeTest, SuggestsTheNearestKeyOrListsAll) {
  EXPECT_EQ(Check("colours: red"), "1:1 unknown key 'colours'; did you mean 'colour'?\n");
  EXPECT_EQ(Check("point: {z: 3, x: 2, zebra: 1}"),
            "1:9 unknown key 'z'; did you mean 'x'?\n"
            "1:21 unknown key 'zebra'; expected one of x, y\n");
}

TEST(CheckShapeTest, ReportsMissingKeys) {
  EXPECT_EQ(Check("point: {y: 3}"), "1:8 key 'x' is missing; expected a point such as {x: 2}\n");
}

TEST(CheckShapeTest, ReportsTheShortFormInItsOwnWords) {
  EXPECT_EQ(Check("point: abcd"), "1:8 expected a short text; found 'abcd'\n");
  EXPECT_EQ(Check("point: [1]"), "1:8 expected a point such as {x: 2}; found a list\n");
  EXPECT_EQ(Check("texts: abc"), "");
  EXPECT_EQ(Check("texts: [abc, abc]"), "");
  EXPECT_EQ(Check("texts: abcd"), "1:8 expected a short text; found 'abcd'\n");
  EXPECT_EQ(Check("texts: []"),
            "1:8 expected a short text, or a list of 1 to 2 of them; found an empty list\n");
}

TEST(CheckShapeTest, ReportsListsOfTheWrongLengthOrKind) {
  EXPECT_EQ(Check("list: []"), "1:7 expected two counts; found an empty list\n");
  EXPECT_EQ(Check("list: [2, 3, 4]"), "1:7 expected two counts; found a list\n");
  EXPECT_EQ(Check("list: 2"), "1:7 expected two counts; found '2'\n");
  EXPECT_EQ(Check("list: [2, 1]"), "1:11 expected a whole number from 2 to 9; found '1'\n");
}

TEST(CheckShapeTest, AMappingMayStandForAListOfOne) {
  const auto check = [](std::string_view text) {
    Report report(text, "f");
    const std::optional<YamlNode> root = ParseYaml(text, &report);
    if (root) CheckShape(*root, kPoints, &report);
    std::string found;
    for (const Diagnostic& diagnostic : report.Take()) found += diagnostic.message + "\n";
    return found;
  };
  EXPECT_EQ(check("{x: 2}"), "");
  EXPECT_EQ(check("[{x: 2}, {x: 3}]"), "");
  EXPECT_EQ(check("off"), "");
  EXPECT_EQ(check("{y: 2}"), "key 'x' is missing; expected a point such as {x: 2}\n");
  EXPECT_EQ(check("[]"),
            "expected a point, a list of 1 to 2 of them, or off; found an empty list\n");
}

TEST(CheckShapeTest, ReportsNamedValues) {
  EXPECT_EQ(Check("named: {}"), "1:8 expected a mapping with 1 to 2 keys; found a mapping\n");
  EXPECT_EQ(Check("named: 2"), "1:8 expected a mapping with 1 to 2 keys; found '2'\n");
  EXPECT_EQ(Check("named: {abcd: 1}"),
            "1:9 expected a short name; found 'abcd'\n"
            "1:15 expected a whole number from 2 to 9; found '1'\n");
}

TEST(CheckShapeTest, ReportsEverythingAtOnce) {
  EXPECT_EQ(Check("text: abcd\nx: 1\ncount: 0\n"),
            "1:7 expected a short text; found 'abcd'\n"
            "2:1 unknown key 'x'; expected one of text, count, duration, size, colour, list, "
            "named, point, share, texts\n"
            "3:8 expected a whole number from 2 to 9; found '0'\n");
}

TEST(ScalarFitsTest, TakesWordsBesideTheKind) {
  EXPECT_TRUE(ScalarFits(kDuration, "off"));
  EXPECT_TRUE(ScalarFits(kDuration, "60s"));
  EXPECT_FALSE(ScalarFits(kDuration, "auto"));
  EXPECT_TRUE(ScalarFits(kColour, "red"));
  EXPECT_FALSE(ScalarFits(kColour, "blue"));
  EXPECT_FALSE(ScalarFits(kRoot, "text"));
}

}  // namespace
}  // namespace holdfast::config
