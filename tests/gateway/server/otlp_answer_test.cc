#include "gateway/server/otlp_answer.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using Kind = OtlpVerdict::Kind;
using std::chrono::seconds;

OtlpVerdict Judged(int status, std::string_view body = {}, std::string_view retry_after = {}) {
  return JudgeOtlpAnswer(status, retry_after, body, pool::WallTime(seconds(784'111'777)));
}

TEST(OtlpAnswerTest, StatusesSayWhatBecomesOfSpans) {
  for (const int status : {200, 202, 204}) EXPECT_EQ(Judged(status).kind, Kind::kTaken) << status;
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_EQ(Judged(status).kind, Kind::kAgain) << status;
  }
  for (const int status : {101, 301, 400, 401, 404, 413, 500, 501, 505, 999}) {
    EXPECT_EQ(Judged(status).kind, Kind::kRefused) << status;
  }
}

TEST(OtlpAnswerTest, SomeSpansMayBeRejected) {
  const OtlpVerdict texts =
      Judged(200, R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too\nold"}})");
  EXPECT_EQ(texts.kind, Kind::kTaken);
  EXPECT_EQ(texts.rejected, 3u);
  EXPECT_EQ(texts.message, "too\\u000aold");
  EXPECT_EQ(Judged(200, R"({"partialSuccess":{"rejectedSpans":4}})").rejected, 4u);
  EXPECT_EQ(Judged(200, R"({"partialSuccess":{}})").rejected, 0u);
  EXPECT_EQ(Judged(200, R"({"partialSuccess":{"errorMessage":")" + std::string(5000, 'a') + "\"}}")
                .message.size(),
            256u);
}

TEST(OtlpAnswerTest, GarbageRejectsNothing) {
  for (const std::string& body :
       {std::string("{}"), std::string("[]"), std::string("null"), std::string("\xff\xfe"),
        std::string("{\"partialSuccess\":"), std::string("{\"partialSuccess\":[]}"),
        std::string(R"({"partialSuccess":{"rejectedSpans":-1}})"),
        std::string(R"({"partialSuccess":{"rejectedSpans":"x"}})"),
        std::string(R"({"partialSuccess":{"rejectedSpans":1e99}})"),
        std::string(R"({"partialSuccess":{"rejectedSpans":{}}})"), std::string(100'000, '['),
        std::string("<html>")}) {
    const OtlpVerdict verdict = Judged(200, body);
    EXPECT_EQ(verdict.kind, Kind::kTaken) << body.substr(0, 40);
    EXPECT_EQ(verdict.rejected, 0u) << body.substr(0, 40);
  }
}

TEST(OtlpAnswerTest, RetryAfterIsHeeded) {
  EXPECT_EQ(Judged(429, "", "7").wait, seconds(7));
  EXPECT_EQ(Judged(503, "", "Sun, 06 Nov 1994 08:49:47 GMT").wait, seconds(10));
  EXPECT_EQ(Judged(503, "", "soon").wait, std::nullopt);
  EXPECT_EQ(Judged(503).wait, std::nullopt);
  EXPECT_EQ(Judged(500, "", "7").wait, std::nullopt) << "it is not sent again";
}

}  // namespace
}  // namespace holdfast::server
