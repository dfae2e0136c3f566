#include "gateway/config/environment.h"

#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "gateway/policy/field_template.h"

namespace holdfast::config {
namespace {

std::optional<std::string> Fake(const std::string& name) {
  static const auto& variables = *new std::map<std::string, std::string>{
      {"PORT", "8080"}, {"HOST_1", "a.test"}, {"EMPTY", ""}, {"ODD", "${PORT} }\n- x: {"}};
  const auto found = variables.find(name);
  return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
}

std::string Expanded(const std::string& text) {
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.text = text;
  Report report("", "f");
  ExpandEnvironment(Fake, &node, &report);
  return report.has_errors() ? report.Take().front().message : node.text;
}

TEST(EnvironmentTest, AVariableIsWhatItHolds) {
  EXPECT_EQ(Expanded("0.0.0.0:${PORT}"), "0.0.0.0:8080");
  EXPECT_EQ(Expanded("${HOST_1}:${PORT}"), "a.test:8080");
  EXPECT_EQ(Expanded("none"), "none");
  EXPECT_EQ(Expanded("[${EMPTY}]"), "[]");
}

TEST(EnvironmentTest, OneThatIsMissingHasAStandInOrIsAnError) {
  EXPECT_EQ(Expanded("${NOT:-1}"), "1");
  EXPECT_EQ(Expanded("${NOT:-}"), "");
  EXPECT_EQ(Expanded("${EMPTY:-x}"), "x");
  EXPECT_EQ(Expanded("${PORT:-1}"), "8080");
  EXPECT_EQ(Expanded("${NOT:-a:-b}"), "a:-b");
  EXPECT_EQ(Expanded("${NOT}"), "the environment has no variable 'NOT'; ${NOT:-x} takes x then");
}

// Those of requests are filled in later, by somebody else.
TEST(EnvironmentTest, OtherNamesStay) {
  for (const char* text : {"${client_ip}", "${header:X-A}", "$PORT", "${}", "${1A}", "${A B}", "${",
                           "${PORT", "$${client_ip}"}) {
    EXPECT_EQ(Expanded(text), text);
  }
}

TEST(EnvironmentTest, ASecondDollarKeepsItAsItIs) {
  EXPECT_EQ(Expanded("$${PORT}"), "${PORT}");
  EXPECT_EQ(Expanded("a$${PORT}b${PORT}"), "a${PORT}b8080");
}

// The values of fields are read a second time, by a template that has dollars of its own.
TEST(EnvironmentTest, InAFieldsValueASecondDollarDoesForEveryName) {
  const auto sent = [](const std::string& value) {
    LoadResult result = LoadConfig(
        "listeners: [{bind: \":80\"}]\nupstreams: {a: {endpoints: [\"a:1\"]}}\n"
        "routes: [{upstream: a, request_headers: {set: {x: '" +
            value + "'}}}]\n",
        "f", Fake);
    if (!result.config.has_value()) return FormatDiagnostics(result.diagnostics);
    const auto made =
        policy::FieldTemplate::Parse(result.config->routes[0].request_headers.set.at(0).second);
    std::string text;
    if (made.ok()) made->AppendTo({.client_ip = "192.0.2.1"}, &text);
    return text;
  };
  EXPECT_EQ(sent("${PORT} $${PORT} ${NOT:-x} $${NOT:-x}"), "8080 ${PORT} x ${NOT:-x}");
  EXPECT_EQ(sent("${client_ip} $${client_ip}"), "192.0.2.1 ${client_ip}");
  EXPECT_EQ(sent("$$$${PORT}"), "$${PORT}");
  EXPECT_EQ(sent("$${Mixed} $PORT $"), "${Mixed} $PORT $");
  EXPECT_NE(sent("${NOT}").find("the environment has no variable 'NOT'"), std::string::npos);
  EXPECT_NE(sent("${nobody}").find("${nobody} is not known"), std::string::npos);
}

TEST(EnvironmentTest, WhatIsPutInIsATextAndNothingElse) {
  EXPECT_EQ(Expanded("${ODD}"), "${PORT} }\n- x: {");
  const LoadResult result = LoadConfig(
      "listeners: [{bind: \"127.0.0.1:${PORT}\"}]\nroutes: [{respond: {body: \"${ODD}\"}}]\n", "f",
      Fake);
  ASSERT_TRUE(result.config.has_value()) << FormatDiagnostics(result.diagnostics);
  EXPECT_EQ(result.config->routes[0].respond.body, "${PORT} }\n- x: {");
}

TEST(EnvironmentTest, KeysAreNoValues) {
  const LoadResult result = LoadConfig(
      "listeners: [{bind: \":1\"}]\nroutes: [{\"${PORT}\": 1, respond: {}}]\n", "f", Fake);
  EXPECT_FALSE(result.config.has_value());
}

}  // namespace
}  // namespace holdfast::config
