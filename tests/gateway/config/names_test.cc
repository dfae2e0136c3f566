#include "gateway/config/names.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

YamlNode Scalar(std::string text) {
  return {.kind = YamlNode::Kind::kScalar,
          .position = {1, 2},
          .text = std::move(text),
          .items = {},
          .entries = {}};
}

TEST(NamesTest, ResolvesToTheOrderOfAddition) {
  Report report("", "f");
  Names names("upstream");
  names.Add("web", {1, 1}, &report);
  names.Add("api", {2, 1}, &report);
  EXPECT_EQ(names.Resolve(Scalar("web"), &report), 0u);
  EXPECT_EQ(names.Resolve(Scalar("api"), &report), 1u);
  EXPECT_FALSE(report.has_errors());
}

TEST(NamesTest, ANameThatDoesNotExistIsReportedWithTheNearest) {
  Report report("x: wbe", "f");
  Names names("upstream");
  names.Add("web", {1, 1}, &report);
  EXPECT_EQ(names.Resolve(Scalar("wbe"), &report), std::nullopt);
  EXPECT_EQ(report.Take().at(0).message, "upstream 'wbe' is not defined; did you mean 'web'?");
  EXPECT_EQ(names.Resolve(Scalar("banana"), &report), std::nullopt);
  EXPECT_EQ(report.Take().at(0).message, "upstream 'banana' is not defined");
}

TEST(NamesTest, ARepeatedNameIsReportedAndCounted) {
  Report report("a\nb\nc", "f");
  Names names("listener");
  names.Add("edge", {1, 1}, &report);
  EXPECT_TRUE(names.IsNew("other"));
  EXPECT_FALSE(names.IsNew("edge"));
  names.Add("edge", {2, 1}, &report);
  names.Add("other", {3, 1}, &report);
  EXPECT_EQ(report.Take().at(0).message, "listener 'edge' is given twice; first at line 1");
  EXPECT_EQ(names.Resolve(Scalar("edge"), &report), 0u);
  EXPECT_EQ(names.Resolve(Scalar("other"), &report), 2u);
}

TEST(NamesTest, WhatIsNoScalarIsLeftToTheShapes) {
  Report report("", "f");
  EXPECT_EQ(Names("route").Resolve(YamlNode{}, &report), std::nullopt);
  EXPECT_FALSE(report.has_errors());
}

}  // namespace
}  // namespace holdfast::config
