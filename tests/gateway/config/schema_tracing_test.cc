#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

std::string With(std::string_view value) {
  return "listeners: [{bind: \"127.0.0.1:1\", trace: keep}]\nroutes: [{respond: {}}]\ntracing: " +
         std::string(value) + "\n";
}
constexpr std::string_view kUrl = "otlp: \"http://127.0.0.1:4318/v1/traces\"";
std::string Keys(std::string_view keys) {
  return With("{" + std::string(kUrl) + ", " + std::string(keys) + "}");
}

TEST(TracingShapeTest, IsOffUnlessItSaysWhere) {
  EXPECT_FALSE(Load(With("off")).tracing.has_value());
  const Config config = Load(With("{" + std::string(kUrl) + "}"));
  ASSERT_TRUE(config.tracing.has_value());
  EXPECT_EQ(*config.tracing, (Tracing{.otlp = "http://127.0.0.1:4318/v1/traces"}));
  EXPECT_NE(Complaints(With("{service_name: a}")).find("otlp"), std::string::npos);
}

TEST(TracingShapeTest, TakesEveryKey) {
  const Config config =
      Load(With("{otlp: \"https://a.test/v1/traces\", ca: /ca.pem, service_name: edge, headers: "
                "{authorization: \"Bearer x\", x-scope-orgid: a}, "
                "timeout: 2s, interval: 100ms, max_batch: 10, max_queue: 20}"));
  EXPECT_EQ(*config.tracing,
            (Tracing{.otlp = "https://a.test/v1/traces",
                     .ca = "/ca.pem",
                     .service_name = "edge",
                     .headers = {{"authorization", "Bearer x"}, {"x-scope-orgid", "a"}},
                     .timeout = std::chrono::seconds(2),
                     .interval = std::chrono::milliseconds(100),
                     .max_batch = 10,
                     .max_queue = 20}));
}

TEST(TracingShapeTest, ABatchIsNoLargerThanTheQueue) {
  EXPECT_EQ(Load(Keys("max_queue: 20")).tracing->max_batch, 20u);
  EXPECT_NE(Complaints(Keys("max_queue: 20, max_batch: 21")).find("max_batch"), std::string::npos);
}

TEST(TracingShapeTest, ErrorsSayWhatWasExpected) {
  const std::string said = Complaints(With("{otlp: \"127.0.0.1:4318\"}"));
  EXPECT_NE(said.find("f.yaml:3:"), said.npos) << said;
  EXPECT_NE(said.find("expected an http or https URL with a path, such as"), said.npos) << said;
  for (const std::string_view keys :
       {"timeout: 0s", "timeout: 2m", "interval: 1ms", "max_batch: 0", "max_queue: 0",
        "max_queue: 100000", "headers: {content-type: a}", "headers: [a]", "service_name: \"\"",
        "protocol: grpc", "timeout: off", "ca: ca.pem", "ca: off"}) {
    EXPECT_NE(Complaints(Keys(keys)), "") << keys;
  }
}

TEST(TracingShapeTest, CredentialsAreNotShown) {
  const std::string said = Complaints(Keys("headers: {authorization: \" Bearer s3cret\"}"));
  EXPECT_NE(said.find("expected a field value"), said.npos) << said;
  EXPECT_EQ(said.find("found"), said.npos) << said;
}

}  // namespace
}  // namespace holdfast::config
