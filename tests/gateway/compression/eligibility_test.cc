#include "gateway/compression/eligibility.h"

#include <initializer_list>
#include <ostream>
#include <utility>

#include <gtest/gtest.h>

namespace holdfast::compression {

static void PrintTo(Outcome outcome, std::ostream* out) { *out << kOutcomeWords.WordOf(outcome); }

namespace {

using http::BodyKind;
using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

void AddTo(http::HeaderList* list, Fields fields) {
  for (const auto& [name, value] : fields) {
    list->Add({.name = name, .value = value, .id = http::IdentifyField(name)});
  }
}

// A GET that accepts gzip, and a JSON of unknown length.
class EligibilityTest : public testing::Test {
 protected:
  EligibilityTest() {
    rules_.algorithms = {Coding::kBrotli, Coding::kGzip};
    rules_.min_size = 1000;
    rules_.types = {"text/*", "application/json"};
    response_.status = 200;
    response_.body = BodyKind::kChunked;
  }

  Decision Of(Fields response, Fields request = {{"Accept-Encoding", "gzip"}}) {
    request_.headers.Clear();
    response_.headers.Clear();
    AddTo(&request_.headers, request);
    AddTo(&response_.headers, response);
    return Decide(rules_, Acceptance::Of(request_.headers), request_, response_);
  }
  Decision OfJson(Fields request = {{"Accept-Encoding", "gzip"}}) {
    return Of({{"Content-Type", "application/json"}}, request);
  }
  Outcome OfType(std::string_view type) { return Of({{"Content-Type", type}}).outcome; }
  Outcome OfLength(uint64_t length) {
    response_.body = BodyKind::kLength;
    response_.has_content_length = true;
    response_.content_length = length;
    return OfJson().outcome;
  }
  Outcome OfStatus(uint16_t status) {
    response_.status = status;
    return OfJson().outcome;
  }
  // Of a response with `cache_control`.
  Outcome Controlled(std::string_view cache_control) {
    return Of({{"Content-Type", "text/css"}, {"Cache-Control", cache_control}}).outcome;
  }
  Outcome Encoded(std::string_view coding) {
    return Of({{"Content-Type", "text/css"}, {"Content-Encoding", coding}}).outcome;
  }

  Rules rules_;
  http::RequestHead request_;
  http::ResponseHead response_;
};

TEST_F(EligibilityTest, WhatIsListedIsEncodedAsTheClientLikes) {
  const Decision decision = OfJson();
  EXPECT_EQ(decision.outcome, Outcome::kEncoded);
  EXPECT_EQ(decision.coding, Coding::kGzip);
  EXPECT_TRUE(decision.vary);
  EXPECT_EQ(OfJson({{"accept-encoding", "gzip, br"}}).coding, Coding::kBrotli);
}

TEST_F(EligibilityTest, WhereOnlyTheClientIsAgainstItTheResponseVaries) {
  const auto expect_kept = [](const Decision& decision, Outcome outcome) {
    EXPECT_EQ(decision.outcome, outcome);
    EXPECT_EQ(decision.coding, Coding::kIdentity);
    EXPECT_TRUE(decision.vary);
  };
  expect_kept(OfJson({}), Outcome::kNotAccepted);
  expect_kept(OfJson({{"Accept-Encoding", "zstd"}}), Outcome::kNotAccepted);
  expect_kept(OfJson({{"Accept-Encoding", "gzip;q=0.1, identity"}}), Outcome::kNotAccepted);
  expect_kept(OfJson({{"Accept-Encoding", "gzip"}, {"Cache-Control", "max-age=0, No-Transform"}}),
              Outcome::kNoTransform);
  request_.version = http::Version::kHttp10;
  expect_kept(OfJson(), Outcome::kOldClient);
}

TEST_F(EligibilityTest, HeadGetsTheHeadOfGet) {
  request_.method = http::Method::kHead;
  response_.body = BodyKind::kNone;
  Decision decision = OfJson();
  EXPECT_EQ(decision.outcome, Outcome::kHead);
  EXPECT_EQ(decision.coding, Coding::kGzip);
  EXPECT_TRUE(decision.vary);
  EXPECT_EQ(OfJson({}).outcome, Outcome::kNotAccepted);
  response_.has_content_length = true;
  response_.content_length = 999;
  decision = OfJson();
  EXPECT_EQ(decision.outcome, Outcome::kTooShort);
  EXPECT_FALSE(decision.vary);
}

TEST_F(EligibilityTest, Types) {
  for (const std::string_view type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;x", "text/html", "TEXT/css ; charset=x", "text/x"}) {
    EXPECT_EQ(OfType(type), Outcome::kEncoded) << type;
  }
  for (const std::string_view type :
       {"application/json5", "application/jso", "application/problem+json", "image/png", "texts/x",
        "text", "tex/t", "", ";charset=utf-8", "text/event-stream", "Text/Event-Stream; x=y"}) {
    EXPECT_EQ(OfType(type), Outcome::kType) << type;
  }
  EXPECT_EQ(Of({}).outcome, Outcome::kType);
  EXPECT_FALSE(Of({}).vary);
}

TEST_F(EligibilityTest, AStreamOfEventsMustBeListedByName) {
  rules_.types = {"*/*"};
  EXPECT_EQ(OfType("image/png"), Outcome::kEncoded);
  EXPECT_EQ(OfType("png"), Outcome::kType) << "no media type";
  EXPECT_EQ(OfType("text/event-stream"), Outcome::kType);
  rules_.types = {"Text/Event-Stream"};
  EXPECT_EQ(OfType("text/event-stream;charset=utf-8"), Outcome::kEncoded);
}

TEST_F(EligibilityTest, GrpcIsLeftAlone) {
  rules_.types = {"*/*", "application/grpc"};
  for (const std::string_view type : {"application/grpc", "application/grpc+proto",
                                      "Application/gRPC-web-text", "application/grpc; a=b"}) {
    EXPECT_EQ(OfType(type), Outcome::kGrpc) << type;
  }
  EXPECT_EQ(OfType("application/grpcurl"), Outcome::kEncoded);
  request_.method = http::Method::kPost;
  EXPECT_EQ(OfJson({{"Accept-Encoding", "gzip"}, {"Content-Type", "application/grpc"}}).outcome,
            Outcome::kGrpc);
}

TEST_F(EligibilityTest, Lengths) {
  EXPECT_EQ(OfLength(1000), Outcome::kEncoded);
  EXPECT_EQ(OfLength(999), Outcome::kTooShort);
  rules_.min_size = 0;
  EXPECT_EQ(OfLength(1), Outcome::kEncoded);
  EXPECT_EQ(OfLength(0), Outcome::kTooShort) << "an empty body would only grow";
  response_.has_content_length = false;
  EXPECT_EQ(OfJson().outcome, Outcome::kTooShort) << "HTTP/2's end of stream says so too";
  response_.body = BodyKind::kUntilClose;
  EXPECT_EQ(OfJson().outcome, Outcome::kEncoded);
}

TEST_F(EligibilityTest, Statuses) {
  for (const uint16_t status : {200, 201, 203, 301, 400, 403, 404, 416, 500, 503}) {
    EXPECT_EQ(OfStatus(status), Outcome::kEncoded) << status;
  }
  for (const uint16_t status : {100, 103, 204, 205, 304}) {
    EXPECT_EQ(OfStatus(status), Outcome::kNoBody) << status;
  }
  EXPECT_EQ(OfStatus(101), Outcome::kTunnel);
  EXPECT_EQ(OfStatus(206), Outcome::kPartial);
  response_.body = BodyKind::kNone;
  EXPECT_EQ(OfStatus(200), Outcome::kNoBody);
  request_.method = http::Method::kConnect;
  EXPECT_EQ(OfStatus(200), Outcome::kTunnel);
}

TEST_F(EligibilityTest, PartsAreLeftAlone) {
  EXPECT_EQ(Of({{"Content-Type", "text/css"}, {"content-range", "bytes 0-1/2"}}).outcome,
            Outcome::kPartial);
  EXPECT_EQ(OfJson({{"Accept-Encoding", "gzip"}, {"Range", "bytes=0-1"}}).outcome,
            Outcome::kEncoded)
      << "the upstream has answered with the whole";
}

TEST_F(EligibilityTest, WhatIsEncodedIsNotEncodedAgain) {
  for (const std::string_view coding : {"gzip", "BR", "identity, gzip", "unheard-of"}) {
    EXPECT_EQ(Encoded(coding), Outcome::kAlreadyEncoded) << coding;
  }
  for (const std::string_view coding : {"identity", "Identity", "", " , "}) {
    EXPECT_EQ(Encoded(coding), Outcome::kEncoded) << coding;
  }
}

TEST_F(EligibilityTest, CacheControlOfTheResponse) {
  for (const std::string_view value :
       {"no-transform", "public, NO-TRANSFORM", "private=\"x\" ,\tno-transform,max-age=1"}) {
    EXPECT_EQ(Controlled(value), Outcome::kNoTransform) << value;
  }
  for (const std::string_view value : {"", "no-transforms", "no-store", "x-no-transform", "\""}) {
    EXPECT_EQ(Controlled(value), Outcome::kEncoded) << value;
  }
  EXPECT_FALSE(Of({{"Content-Type", "text/css"}, {"Cache-Control", "no-transform"}}).vary);
  EXPECT_EQ(Of({{"Content-Type", "text/css"},
                {"Cache-Control", "public"},
                {"Cache-Control", "no-transform"}})
                .outcome,
            Outcome::kNoTransform);
}

TEST_F(EligibilityTest, DroppedFieldsOfTheResponseDoNotCount) {
  OfJson();
  response_.headers.fields()[0].dropped = true;
  response_.headers.Add({.name = "Content-Encoding", .value = "br", .dropped = true});
  const auto outcome = [&] { return Decide(rules_, Acceptance(), request_, response_).outcome; };
  EXPECT_EQ(outcome(), Outcome::kType);
  AddTo(&response_.headers, {{"Content-Type", "text/css"}});
  EXPECT_EQ(outcome(), Outcome::kNotAccepted);
}

TEST_F(EligibilityTest, WithoutAlgorithmsNothingIsSaid) {
  rules_.algorithms.clear();
  const Decision decision = OfJson();
  EXPECT_EQ(decision.outcome, Outcome::kOff);
  EXPECT_FALSE(decision.vary);
}

TEST(TypePatternTest, WhatMayBeListed) {
  for (const std::string_view text : {"text/*", "*/*", "application/json", "a/b+c.d-e"}) {
    EXPECT_TRUE(IsTypePattern(text)) << text;
  }
  for (const std::string_view text : {"", "*", "text", "text/", "/x", "*/x", "te*/x", "text/x*",
                                      "text/x;q=1", "text/x, text/y", "a/b/c", "a/*+json"}) {
    EXPECT_FALSE(IsTypePattern(text)) << text;
  }
}

}  // namespace
}  // namespace holdfast::compression
