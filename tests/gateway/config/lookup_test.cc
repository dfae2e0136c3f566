#include "gateway/config/lookup.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

YamlNode Parse(std::string_view text) {
  Report report(text, "f.yaml");
  return ParseYaml(text, &report).value();
}

TEST(LookupTest, ContainersOfTheWrongKindAreEmpty) {
  const YamlNode node = Parse("map: {a: 1}\nlist: [1, 2]\nword: x\n");
  EXPECT_EQ(MappingAt(node, "map").entries.size(), 1u);
  EXPECT_EQ(MappingAt(node, "list").entries.size(), 0u);
  EXPECT_EQ(MappingAt(node, "none").entries.size(), 0u);
  EXPECT_EQ(ListAt(node, "list").size(), 2u);
  EXPECT_EQ(ListAt(node, "map").size(), 0u);
  EXPECT_EQ(ListAt(node, "none").size(), 0u);
  EXPECT_EQ(ScalarAt(node, "word")->text, "x");
  EXPECT_EQ(ScalarAt(node, "map"), nullptr);
  EXPECT_EQ(ScalarAt(node, "none"), nullptr);
}

TEST(LookupTest, WhatIsMissingIsWhereItsMappingIs) {
  const YamlNode node = Parse("x: 1\nmap: {a: 1}\n");
  const YamlNode& map = MappingAt(node, "map");
  EXPECT_EQ(PlaceOf(map, "a").column, 10);
  EXPECT_EQ(PlaceOf(map, "b").column, map.position.column);
}

TEST(LookupTest, SaysWhatThereIsInPlaceOfExactlyOneKey) {
  EXPECT_EQ(NotOneOf(Parse("a: 1"), {"a", "b"}), "");
  EXPECT_EQ(NotOneOf(Parse("c: 1"), {"a", "b"}), "expected one of a, b; found none");
  EXPECT_EQ(NotOneOf(Parse("{a: 1, b: 2}"), {"a", "b"}), "expected one of a, b; found both");
  EXPECT_EQ(NotOneOf(Parse("{a: 1, b: 2}"), {"a", "b", "c"}),
            "expected one of a, b, c; found several");
}

TEST(LookupTest, SaysWhereAThingWasGivenFirst) {
  Report report("", "f.yaml");
  const int other = report.AddFile("", "d/g.yaml");
  const Position first{.line = 3, .column = 5};
  EXPECT_EQ(GivenTwice("route 'a'", first, {.line = 4}, report),
            "route 'a' is given twice; first at line 3");
  EXPECT_EQ(GivenTwice("route 'a'", first, {.line = 1, .file = other}, report),
            "route 'a' is given twice; first at line 3 of f.yaml");
}

}  // namespace
}  // namespace holdfast::config
