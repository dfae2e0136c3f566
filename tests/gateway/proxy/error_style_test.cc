#include "gateway/proxy/error_style.h"

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/config/error_pages.h"
#include "gateway/http/framing.h"

namespace holdfast::proxy {
namespace {

using config::ErrorDetail;
using config::ErrorFormat;
using Json = nlohmann::json;

std::string_view Field(const LocalReply& reply, std::string_view name) {
  const http::HeaderField* field = reply.head.headers.FindByName(name);
  return field != nullptr ? field->value : "(none)";
}

config::Listener Told(ErrorFormat format, ErrorDetail detail) {
  config::Listener listener;
  listener.errors = {.format = format, .detail = detail};
  return listener;
}

class ErrorStyleTest : public testing::Test {
 protected:
  std::string Styled(const config::Listener& listener, Failure failure = Failure::kTlsFailed,
                     std::string_view detail = "tls_expired: web.internal:443") {
    FillErrorReply(failure, detail, &reply_);
    StyleError(listener, &reply_);
    EXPECT_EQ(reply_.head.content_length, reply_.content().size());
    EXPECT_EQ(Field(reply_, "x-content-type-options"), "nosniff");
    EXPECT_EQ(Field(reply_, "cache-control"), "no-store");
    return std::string(reply_.content());
  }
  std::string Styled(ErrorFormat format, ErrorDetail detail) {
    return Styled(Told(format, detail));
  }

  LocalReply reply_;
};

TEST_F(ErrorStyleTest, ByDefaultTheReasonIsAllThatIsTold) {
  EXPECT_EQ(Styled(config::Listener()), "502 Bad Gateway\nreason: tls_failed\n");
  EXPECT_EQ(Field(reply_, "content-type"), "text/plain; charset=utf-8");
}

// Those of rate limits, 429 and 503, are among them.
TEST(OwnErrorStatusTest, AreThoseOfFailuresAndRefusals) {
  std::set<int> answered;
  for (int i = 0; i < kFailures; ++i) answered.insert(FailureStatus(static_cast<Failure>(i)));
  for (size_t i = 1; i < http::kRefusalCount; ++i) {
    answered.insert(http::RefusalStatus(static_cast<http::Refusal>(i)));
  }
  answered.erase(0);  // no answer
  for (int status = 400; status < 600; ++status) {
    EXPECT_EQ(config::IsOwnErrorStatus(status), answered.contains(status)) << status;
  }
}

TEST_F(ErrorStyleTest, TextTellsAsMuchAsItMay) {
  EXPECT_EQ(Styled(ErrorFormat::kText, ErrorDetail::kFull),
            "502 Bad Gateway\nreason: tls_failed\ndetail: tls_expired: web.internal:443\n");
  EXPECT_EQ(Styled(ErrorFormat::kText, ErrorDetail::kReason),
            "502 Bad Gateway\nreason: tls_failed\n");
  EXPECT_EQ(Styled(ErrorFormat::kText, ErrorDetail::kNone), "502 Bad Gateway\n");
}

TEST_F(ErrorStyleTest, SoDoesJson) {
  EXPECT_EQ(Styled(ErrorFormat::kJson, ErrorDetail::kFull),
            "{\"status\":502,\"title\":\"Bad Gateway\",\"reason\":\"tls_failed\","
            "\"detail\":\"tls_expired: web.internal:443\"}\n");
  EXPECT_EQ(Field(reply_, "content-type"), "application/json");
  EXPECT_EQ(Styled(ErrorFormat::kJson, ErrorDetail::kReason),
            "{\"status\":502,\"title\":\"Bad Gateway\",\"reason\":\"tls_failed\"}\n");
  EXPECT_EQ(Styled(ErrorFormat::kJson, ErrorDetail::kNone),
            "{\"status\":502,\"title\":\"Bad Gateway\"}\n");
}

TEST_F(ErrorStyleTest, AProblemIsOneOfRfc9457) {
  EXPECT_EQ(Styled(ErrorFormat::kProblemJson, ErrorDetail::kFull),
            "{\"type\":\"about:blank\",\"status\":502,\"title\":\"Bad Gateway\","
            "\"reason\":\"tls_failed\",\"detail\":\"tls_expired: web.internal:443\"}\n");
  EXPECT_EQ(Field(reply_, "content-type"), "application/problem+json");
  EXPECT_EQ(Styled(ErrorFormat::kProblemJson, ErrorDetail::kReason),
            "{\"type\":\"about:blank\",\"status\":502,\"title\":\"Bad Gateway\","
            "\"reason\":\"tls_failed\"}\n");
  EXPECT_EQ(Styled(ErrorFormat::kProblemJson, ErrorDetail::kNone),
            "{\"type\":\"about:blank\",\"status\":502,\"title\":\"Bad Gateway\"}\n");
}

// Whatever the failure, no detail is seen that is not to be.
TEST_F(ErrorStyleTest, NothingInternalIsToldByAnyFailure) {
  for (const auto format : {ErrorFormat::kText, ErrorFormat::kJson, ErrorFormat::kProblemJson}) {
    for (int i = 0; i < kFailures; ++i) {
      const auto failure = static_cast<Failure>(i);
      if (FailureStatus(failure) == 0) continue;
      const std::string reason = Styled(Told(format, ErrorDetail::kReason), failure);
      EXPECT_EQ(reason.find("internal:443"), reason.npos) << reason;
      EXPECT_NE(reason.find(FailureName(failure)), reason.npos) << reason;
      const std::string none = Styled(Told(format, ErrorDetail::kNone), failure);
      EXPECT_EQ(none.find("internal:443"), none.npos) << none;
      EXPECT_EQ(none.find(FailureName(failure)), none.npos) << none;
    }
  }
}

TEST_F(ErrorStyleTest, WhatIsQuotedStaysAText) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  for (const std::string& quoted :
       {std::string("\"}{\"a\":\""), std::string("\\"), std::string("\\u0022"),
        std::string("</script><script>alert(1)</script>"), std::string("a\r\nb"),
        std::string("\xC3\x28\xFF"), std::string("\xE2\x80\xA8"), std::string(1, '\0'), all}) {
    for (const auto format : {ErrorFormat::kJson, ErrorFormat::kProblemJson}) {
      const std::string body = Styled(Told(format, ErrorDetail::kFull), Failure::kNoRoute, quoted);
      const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
      ASSERT_FALSE(json.is_discarded()) << body;
      EXPECT_EQ(json.size(), format == ErrorFormat::kJson ? 4u : 5u) << body;
      EXPECT_EQ(json.at("status"), 404);
      std::string expected;  // each byte as the character of that number
      for (const char c : quoted) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80) expected.push_back(byte >= 0xC0 ? '\xC3' : '\xC2');
        expected.push_back(byte >= 0x80 ? static_cast<char>(0x80 | (byte & 0x3F)) : c);
      }
      EXPECT_EQ(json.at("detail").get<std::string>(), expected);
      EXPECT_EQ(body.find_first_of("<>&"), body.npos) << body;
      for (const char c : body.substr(0, body.size() - 1)) EXPECT_TRUE(c >= 0x20 && c < 0x7F);
    }
  }
}

TEST_F(ErrorStyleTest, APageStandsInPlaceOfWhateverTheFormat) {
  config::Listener listener = Told(ErrorFormat::kJson, ErrorDetail::kFull);
  listener.error_pages = {
      {.first_status = 404,
       .last_status = 404,
       .file = "/a.html",
       .body = std::make_shared<const std::string>("<p>no</p>")},
      {.first_status = 500,
       .last_status = 599,
       .file = "/b.xml",
       .body = std::make_shared<const std::string>("")},
      {.first_status = 400, .last_status = 499, .file = "/c.txt", .body = nullptr},
  };
  EXPECT_EQ(Styled(listener, Failure::kNoRoute), "<p>no</p>");
  EXPECT_EQ(Field(reply_, "content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(reply_.content().data(), listener.error_pages[0].body->data()) << "it is copied";
  EXPECT_EQ(Styled(listener, Failure::kQueueFull), "");
  EXPECT_EQ(Field(reply_, "content-type"), "application/xml");
  EXPECT_EQ(Field(reply_, "retry-after"), "1");
  EXPECT_NE(Styled(listener, Failure::kMethodNotAllowed).find("method_not_allowed"),
            std::string::npos)
      << "the last page is left behind, or one that was not read is sent";
}

TEST_F(ErrorStyleTest, ClientsOfGrpcAreToldNoMore) {
  const auto message = [this](ErrorDetail detail) {
    config::Listener listener = Told(ErrorFormat::kProblemJson, detail);
    listener.error_pages = {{.first_status = 500,
                             .last_status = 599,
                             .file = "/a.html",
                             .body = std::make_shared<const std::string>("<p>no</p>")}};
    Styled(listener);
    TurnIntoGrpc(grpc::Status::kUnavailable, &reply_);
    EXPECT_EQ(reply_.content(), "");
    EXPECT_EQ(reply_.head.content_length, 0u);
    EXPECT_EQ(Field(reply_, "content-type"), "application/grpc");
    return std::string(Field(reply_, "grpc-message"));
  };
  EXPECT_EQ(message(ErrorDetail::kFull), "tls_failed: tls_expired: web.internal:443");
  EXPECT_EQ(message(ErrorDetail::kReason), "tls_failed");
  EXPECT_EQ(message(ErrorDetail::kNone), "Bad Gateway");
}

}  // namespace
}  // namespace holdfast::proxy
