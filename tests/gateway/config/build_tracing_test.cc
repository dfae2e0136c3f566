#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

std::string Said(std::string_view tracing, std::string_view listener = "trace: keep") {
  return Complaints("listeners: [{bind: \"127.0.0.1:1\", " + std::string(listener) +
                    "}]\nroutes: [{respond: {}}]\ntracing: " + std::string(tracing) + "\n");
}

TEST(BuildTracingTest, OnlyACollectorOfHttpsHasSomebodyWhoVouchesForIt) {
  EXPECT_EQ(Said("{otlp: \"https://collector/v1/traces\"}"), "");
  EXPECT_EQ(Said("{otlp: \"https://collector/v1/traces\", ca: /ca.pem}"), "");
  EXPECT_EQ(Said("{otlp: \"http://collector/v1/traces\", ca: system}"), "");
  const std::string said = Said("{otlp: \"http://collector/v1/traces\", ca: /ca.pem}");
  EXPECT_NE(said.find("f.yaml:3:"), said.npos) << said;
  EXPECT_NE(said.find("ca: only with an otlp that begins with https://"), said.npos) << said;
}

TEST(BuildTracingTest, AFieldIsGivenOnce) {
  const std::string said =
      Said("{otlp: \"http://a/x\", headers: {authorization: a, Authorization: b}}");
  EXPECT_NE(said.find("'Authorization' is given twice"), said.npos) << said;
}

TEST(BuildTracingTest, WithoutATraceThereAreNoSpans) {
  EXPECT_EQ(Said("{otlp: \"http://a/x\"}"), "");
  EXPECT_EQ(Said("{otlp: \"http://a/x\"}", "trace: {sample: 0.5}"), "");
  const std::string said = Said("{otlp: \"http://a/x\"}", "name: edge");
  EXPECT_NE(said.find("warning"), said.npos) << said;
  EXPECT_NE(said.find("there will be no spans: no listener has trace"), said.npos) << said;
}

}  // namespace
}  // namespace holdfast::config
