#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/config/scalar_shapes.h"
#include "gateway/config/shape_check.h"

namespace holdfast::config {
namespace {

std::string Check(std::string_view text) {
  Report report(text, "f");
  const std::optional<YamlNode> root = ParseYaml(text, &report);
  if (root) CheckShape(*root, kUpstreams, &report);
  std::string found;
  for (const Diagnostic& diagnostic : report.Take()) {
    found += std::to_string(diagnostic.position.line) + ":" +
             std::to_string(diagnostic.position.column) + " " + diagnostic.message + "\n";
  }
  return found;
}

TEST(UpstreamsShapeTest, TakesOneEndpointAndNothingElse) {
  EXPECT_EQ(Check("web: {endpoints: [\"web:80\"]}\n"), "");
  EXPECT_EQ(Check("web: {}\n"),
            "1:6 key 'endpoints' is missing; expected an upstream such as {endpoints: "
            "[\"web:8080\"]}\n");
  EXPECT_EQ(Check("web: {endpoints: []}\n"),
            "1:18 expected a list of 1 to 1024 endpoints; found an empty list\n");
}

TEST(UpstreamsShapeTest, EveryUpstreamIsNamed) {
  EXPECT_EQ(Check("\"we'b\": {endpoints: [\"web:80\"]}\n").substr(0, 20), "1:1 expected a name ");
}

TEST(UpstreamsShapeTest, KnowsTheKeysOfEachPolicy) {
  for (const char* policy : {"queue", "breakers", "retry_budget", "health_check", "outlier"}) {
    const std::string head = "web:\n  endpoints: [\"web:80\"]\n  " + std::string(policy);
    EXPECT_EQ(Check(head + ": {}\n"), "");
    EXPECT_TRUE(Check(head + ": {nonsense: 1}\n").starts_with("3:")) << policy;
    EXPECT_TRUE(Check(head + ": 1\n").starts_with("3:")) << policy;
  }
}

TEST(UpstreamsShapeTest, CountsInARowAreAtLeastOne) {
  for (const char* key :
       {"health_check: {fall: ", "health_check: {rise: ", "outlier: {consecutive_errors: "}) {
    const std::string head = "web:\n  endpoints: [\"web:80\"]\n  " + std::string(key);
    EXPECT_EQ(Check(head + "1}\n"), "") << key;
    EXPECT_NE(Check(head + "0}\n"), "") << key;
  }
}

}  // namespace
}  // namespace holdfast::config
