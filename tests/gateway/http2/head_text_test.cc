#include "gateway/http2/head_text.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::http2 {
namespace {

using http::BodyKind;
using http::Refusal;
using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kGet = {
    {":method", "GET"}, {":scheme", "https"}, {":path", "/a?b"}, {":authority", "web.example"}};

Fields With(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Fields Without(Fields fields, const std::string& name) {
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}

Fields Replaced(Fields fields, const std::string& name, const std::string& value) {
  for (auto& field : fields) {
    if (field.first == name) field.second = value;
  }
  return fields;
}

struct Read {
  HeadText text;
  http::RequestHead head;
  Refusal refusal = Refusal::kNone;
};

void Add(const Fields& fields, HeadText* text) {
  for (const auto& [name, value] : fields) text->AddField({.name = name, .value = value});
}

Refusal Request(const Fields& fields, Read* read, bool ends = true, const Limits& limits = {}) {
  read->text.Begin(limits);
  Add(fields, &read->text);
  return read->refusal = read->text.FinishRequest(ends, &read->head);
}

Refusal RequestRefusal(const Fields& fields, bool ends = true, const Limits& limits = {}) {
  Read read;
  return Request(fields, &read, ends, limits);
}

Refusal ResponseRefusal(const Fields& fields, bool ends = true) {
  HeadText text;
  http::ResponseHead head;
  text.Begin({});
  Add(fields, &text);
  return text.FinishResponse(ends, http::Method::kGet, &head);
}

std::string ValueOf(const http::HeaderList& list, std::string_view name) {
  const http::HeaderField* const field = list.FindByName(name);
  return field == nullptr ? "(none)" : std::string(field->value);
}

TEST(HeadTextTest, ARequestIsReadAsHttp1WouldBe) {
  Read read;
  ASSERT_EQ(Request(With(kGet, {{"accept", "*/*"}, {"te", "trailers"}}), &read), Refusal::kNone);
  EXPECT_EQ(read.head.method, http::Method::kGet);
  EXPECT_EQ(read.head.version, http::Version::kHttp2);
  EXPECT_EQ(read.head.path, "/a");
  EXPECT_EQ(read.head.query, "b");
  EXPECT_EQ(read.head.host, "web.example");
  EXPECT_EQ(read.head.authority, "web.example");
  EXPECT_EQ(read.head.body, BodyKind::kNone);
  EXPECT_EQ(ValueOf(read.head.headers, "accept"), "*/*");
}

TEST(HeadTextTest, WhatIsNeverIndexedStaysSo) {
  Read read;
  read.text.Begin({});
  Add(With(kGet, {{"accept", "*/*"}}), &read.text);
  read.text.AddField({.name = "x-key", .value = "k", .never_indexed = true});
  read.text.AddField({.name = "cookie", .value = "a=1", .never_indexed = true});
  ASSERT_EQ(read.text.FinishRequest(/*ends=*/true, &read.head), Refusal::kNone);
  EXPECT_TRUE(read.head.headers.FindByName("x-key")->never_indexed);
  EXPECT_TRUE(read.head.headers.Find(http::FieldId::kCookie)->never_indexed);
  EXPECT_FALSE(read.head.headers.FindByName("accept")->never_indexed);
  // The next one is another.
  ASSERT_EQ(Request(With(kGet, {{"x-key", "k"}}), &read), Refusal::kNone);
  EXPECT_FALSE(read.head.headers.FindByName("x-key")->never_indexed);
}

TEST(HeadTextTest, ABodyHasALengthOrAnEnd) {
  Read read;
  ASSERT_EQ(Request(Replaced(kGet, ":method", "POST"), &read, /*ends=*/false), Refusal::kNone);
  EXPECT_EQ(read.head.body, BodyKind::kChunked);
  const Fields sized = With(Replaced(kGet, ":method", "POST"), {{"content-length", "5"}});
  ASSERT_EQ(Request(sized, &read, /*ends=*/false), Refusal::kNone);
  EXPECT_EQ(read.head.body, BodyKind::kLength);
  EXPECT_EQ(read.head.content_length, 5u);
  EXPECT_EQ(RequestRefusal(sized, /*ends=*/true), Refusal::kMalformedContentLength);
  EXPECT_EQ(RequestRefusal(With(sized, {{"content-length", "6"}}), false),
            Refusal::kRepeatedContentLength);
}

TEST(HeadTextTest, CookiesAreJoined) {
  Read read;
  ASSERT_EQ(Request(With(kGet, {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}}), &read),
            Refusal::kNone);
  EXPECT_EQ(ValueOf(read.head.headers, "cookie"), "a=1; b=2");
}

TEST(HeadTextTest, HostMayRepeatTheAuthorityOrStandForIt) {
  Read read;
  ASSERT_EQ(Request(With(kGet, {{"host", "WEB.example"}}), &read), Refusal::kNone);
  EXPECT_EQ(read.head.host, "web.example");
  EXPECT_EQ(RequestRefusal(With(kGet, {{"host", "web.example:443"}})), Refusal::kNone);
  EXPECT_EQ(RequestRefusal(With(kGet, {{"host", "web.example:80"}})), Refusal::kHostMismatch);
  EXPECT_EQ(RequestRefusal(With(kGet, {{"host", "other.example"}})), Refusal::kHostMismatch);
  EXPECT_EQ(RequestRefusal(With(kGet, {{"host", "web.example"}, {"host", "web.example"}})),
            Refusal::kRepeatedHost);
  ASSERT_EQ(Request(With(Without(kGet, ":authority"), {{"host", "web.example"}}), &read),
            Refusal::kNone);
  EXPECT_EQ(read.head.host, "web.example");
  EXPECT_EQ(RequestRefusal(Without(kGet, ":authority")), Refusal::kMissingHost);
  EXPECT_EQ(RequestRefusal(With(Replaced(kGet, ":authority", ""), {{"host", "web.example"}})),
            Refusal::kRepeatedHost);
}

TEST(HeadTextTest, PseudoFieldsAreOneOfEachAndFirst) {
  for (const char* name : {":method", ":scheme", ":path"}) {
    EXPECT_EQ(RequestRefusal(Without(kGet, name)), Refusal::kMisplacedPseudoField) << name;
    EXPECT_EQ(RequestRefusal(With(kGet, {{name, "x"}})), Refusal::kMisplacedPseudoField) << name;
  }
  EXPECT_EQ(RequestRefusal(With(Without(kGet, ":path"), {{"a", "b"}, {":path", "/"}})),
            Refusal::kMisplacedPseudoField);
  EXPECT_EQ(RequestRefusal(With(kGet, {{":other", "x"}})), Refusal::kMisplacedPseudoField);
  EXPECT_EQ(RequestRefusal(With(kGet, {{":status", "200"}})), Refusal::kMisplacedPseudoField);
  EXPECT_EQ(RequestRefusal({}), Refusal::kMisplacedPseudoField);
}

void ExpectSame(const Read& read, const Read& fresh) {
  EXPECT_EQ(read.text.charged(), fresh.text.charged());
  EXPECT_EQ(read.head.path, fresh.head.path);
  EXPECT_EQ(read.head.host, fresh.head.host);
  EXPECT_EQ(read.head.body, fresh.head.body);
  ASSERT_EQ(read.head.headers.size(), fresh.head.headers.size());
  for (size_t i = 0; i < fresh.head.headers.size(); ++i) {
    EXPECT_EQ(read.head.headers.fields()[i].name, fresh.head.headers.fields()[i].name);
    EXPECT_EQ(read.head.headers.fields()[i].value, fresh.head.headers.fields()[i].value);
  }
}

// Of whatever there was before: it was read, refused, or left in the middle.
TEST(HeadTextTest, NothingOfOneHeadIsInTheNext) {
  const Fields kTunnelled = {{":authority", "b"}, {":method", "CONNECT"},
                             {":scheme", "http"}, {":path", "/before"},
                             {"x-before", "b"},   {":protocol", "too late"}};
  const Fields kWhole = With(kGet, {{"host", "web.example"},
                                    {"cookie", "a=1"},
                                    {"cookie", "b=2"},
                                    {"content-length", "5"},
                                    {"x-before", std::string(9000, 'b')}});
  const Fields kPost = Replaced(kGet, ":method", "POST");
  for (const Fields& next : {kPost, Without(kPost, ":authority")}) {
    const Fields fields = With(next, {{"host", "web.example"}});
    Read fresh;
    ASSERT_EQ(Request(fields, &fresh, /*ends=*/false), Refusal::kNone);
    ASSERT_EQ(fresh.head.body, BodyKind::kChunked);
    for (const Fields& before : {kTunnelled, kWhole, With(kWhole, {{"x", "\n"}}), Fields{}}) {
      for (const bool finished : {true, false}) {
        for (const int cleared : {0, 1, 2}) {
          Read read;
          read.text.Begin({});
          Add(before, &read.text);
          if (finished) static_cast<void>(read.text.FinishRequest(/*ends=*/false, &read.head));
          for (int i = 0; i < cleared; ++i) read.text.Clear();
          ASSERT_EQ(Request(fields, &read, /*ends=*/false), Refusal::kNone);
          ExpectSame(read, fresh);
        }
      }
    }
  }
}

// The counts as well: each is at its limit.
TEST(HeadTextTest, EachHeadHasTheLimitsForItself) {
  const Fields fields = With(kGet, {{"cookie", "a"}, {"cookie", "b"}, {"x", "y"}});
  size_t bytes = 0;
  for (const auto& [name, value] : fields) bytes += name.size() + value.size() + 32;
  const Limits limits{
      .max_head_bytes = static_cast<uint32_t>(bytes), .max_fields = 2, .max_cookie_crumbs = 2};
  Read read;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Request(fields, &read, /*ends=*/true, limits), Refusal::kNone) << i;
    EXPECT_EQ(ValueOf(read.head.headers, "cookie"), "a; b");
  }
}

TEST(HeadTextTest, NothingBecomesALineOfItsOwn) {
  const std::pair<std::string, Refusal> kMethods[] = {
      {"GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", Refusal::kMalformedStartLine},
      {"", Refusal::kMalformedStartLine},
      {"GE T", Refusal::kMalformedStartLine},
  };
  for (const auto& [method, refusal] : kMethods) {
    EXPECT_EQ(RequestRefusal(Replaced(kGet, ":method", method)), refusal) << method;
  }
  for (const std::string& path : std::vector<std::string>{
           "/a b", "/a\r\nB: c", "/a\t", std::string("/\0", 2), "/\x7f", "/\xc3\xa4", "/a#b"}) {
    EXPECT_EQ(RequestRefusal(Replaced(kGet, ":path", path)), Refusal::kTargetBytes) << path;
    EXPECT_EQ(RequestRefusal(Replaced(kGet, ":authority", path)), Refusal::kTargetBytes) << path;
  }
  for (const std::string& path : std::vector<std::string>{"", "a", "http://web.example/", "*"}) {
    EXPECT_EQ(RequestRefusal(Replaced(kGet, ":path", path)), Refusal::kMalformedTarget) << path;
  }
  const std::pair<std::string, Refusal> kValues[] = {
      {"a\r\nb: c", Refusal::kBareCr},         {"a\nb", Refusal::kBareLf},
      {std::string("a\0b", 3), Refusal::kNul}, {"a\x01", Refusal::kControlByte},
      {" a", Refusal::kControlByte},           {"a\t", Refusal::kControlByte},
  };
  for (const auto& [value, refusal] : kValues) {
    EXPECT_EQ(RequestRefusal(With(kGet, {{"x", value}})), refusal) << value;
    EXPECT_EQ(RequestRefusal(With(kGet, {{"cookie", value}})), refusal) << value;
  }
  const std::pair<std::string, Refusal> kNames[] = {
      {"", Refusal::kEmptyFieldName},           {"X", Refusal::kUpperCaseFieldName},
      {"a b", Refusal::kMalformedFieldName},    {"a:", Refusal::kMalformedFieldName},
      {"a\r\nb", Refusal::kMalformedFieldName}, {"\xc3\xa4", Refusal::kMalformedFieldName},
  };
  for (const auto& [name, refusal] : kNames) {
    EXPECT_EQ(RequestRefusal(With(kGet, {{name, "v"}})), refusal) << name;
  }
}

TEST(HeadTextTest, WhatIsAboutAConnectionIsRefused) {
  for (const char* name :
       {"connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection"}) {
    EXPECT_EQ(RequestRefusal(With(kGet, {{name, "x"}})), Refusal::kFieldOfOneConnection) << name;
  }
  EXPECT_EQ(RequestRefusal(With(kGet, {{"te", "gzip"}})), Refusal::kFieldOfOneConnection);
  EXPECT_EQ(ResponseRefusal({{":status", "200"}, {"connection", "close"}}),
            Refusal::kFieldOfOneConnection);
}

TEST(HeadTextTest, SchemesAndMethodsOfOurs) {
  EXPECT_EQ(RequestRefusal(Replaced(kGet, ":scheme", "ftp")), Refusal::kUnsupportedScheme);
  EXPECT_EQ(RequestRefusal(Replaced(Replaced(kGet, ":method", "OPTIONS"), ":path", "*")),
            Refusal::kNone);
  Read read;
  ASSERT_EQ(Request({{":method", "CONNECT"}, {":authority", "a.example:1"}}, &read),
            Refusal::kNone);
  EXPECT_EQ(read.head.method, http::Method::kConnect);
  EXPECT_EQ(RequestRefusal({{":method", "CONNECT"}, {":authority", "a.example:1"}, {":path", "/"}}),
            Refusal::kMisplacedPseudoField);
}

TEST(HeadTextTest, LimitsAreChargedBeforeAnythingIsKept) {
  EXPECT_EQ(
      RequestRefusal(With(kGet, {{"x", std::string(100, 'a')}}), true, {.max_head_bytes = 300}),
      Refusal::kHeadTooLarge);
  // 32 bytes for each field, however short.
  EXPECT_EQ(RequestRefusal(With(kGet, Fields(10, {"a", ""})), true, {.max_head_bytes = 500}),
            Refusal::kHeadTooLarge);
  EXPECT_EQ(RequestRefusal(With(kGet, Fields(11, {"a", "b"})), true, {.max_fields = 10}),
            Refusal::kTooManyFields);
  EXPECT_EQ(RequestRefusal(With(kGet, Fields(10, {"a", "b"})), true, {.max_fields = 10}),
            Refusal::kNone);
  EXPECT_EQ(
      RequestRefusal(With(kGet, Fields(11, {"cookie", "b"})), true, {.max_cookie_crumbs = 10}),
      Refusal::kTooManyFields);
  EXPECT_EQ(RequestRefusal(With(kGet, Fields(50, {"cookie", "b"})), true, {.max_fields = 1}),
            Refusal::kNone);
  EXPECT_EQ(RequestRefusal(Replaced(kGet, ":path", "/" + std::string(100, 'a')), true,
                           {.max_uri_bytes = 100}),
            Refusal::kUriTooLong);
}

TEST(HeadTextTest, ResponsesHaveAStatusAndNothingElse) {
  HeadText text;
  http::ResponseHead head;
  text.Begin({});
  Add({{":status", "200"}, {"server", "x"}}, &text);
  ASSERT_EQ(text.FinishResponse(/*ends=*/false, http::Method::kGet, &head), Refusal::kNone);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, BodyKind::kChunked);
  EXPECT_EQ(head.version, http::Version::kHttp2);
  for (const Fields& fields :
       {Fields{}, Fields{{":status", "200"}, {":status", "200"}}, Fields{{":path", "/"}},
        Fields{{":status", "200"}, {":path", "/"}}, Fields{{"a", "b"}, {":status", "200"}}}) {
    EXPECT_EQ(ResponseRefusal(fields), Refusal::kMisplacedPseudoField);
  }
  for (const char* status : {"", "20", "2000", "2x0", "-20", "101"}) {
    EXPECT_EQ(ResponseRefusal({{":status", status}}), Refusal::kMalformedStartLine) << status;
  }
  EXPECT_EQ(ResponseRefusal({{":status", "200"}, {"content-length", "1"}}, /*ends=*/true),
            Refusal::kMalformedContentLength);
}

TEST(HeadTextTest, TrailersAreFieldsOnly) {
  HeadText text;
  http::HeaderList trailers;
  text.Begin({});
  Add({{"grpc-status", "0"}, {"content-length", "5"}}, &text);
  ASSERT_EQ(text.FinishTrailers(&trailers), Refusal::kNone);
  ASSERT_EQ(trailers.size(), 2u);
  EXPECT_FALSE(trailers.fields()[0].dropped);
  EXPECT_TRUE(trailers.fields()[1].dropped);
  text.Begin({});
  Add({{":status", "200"}}, &text);
  EXPECT_EQ(text.FinishTrailers(&trailers), Refusal::kMisplacedPseudoField);
}

const Fields kTunnel = {{":method", "CONNECT"},
                        {":protocol", "websocket"},
                        {":scheme", "https"},
                        {":path", "/chat?a"},
                        {":authority", "web.example"}};

// RFC 8441 section 4.
TEST(HeadTextTest, AnExtendedConnectIsAnUpgrade) {
  Read read;
  ASSERT_EQ(Request(With(kTunnel, {{"sec-websocket-version", "13"}}), &read, /*ends=*/false),
            Refusal::kNone);
  EXPECT_EQ(read.head.method, http::Method::kGet);
  EXPECT_EQ(read.head.path, "/chat");
  EXPECT_EQ(read.head.query, "a");
  EXPECT_EQ(read.head.host, "web.example");
  EXPECT_TRUE(read.head.connection_upgrade);
  EXPECT_EQ(read.head.body, BodyKind::kNone);
  EXPECT_EQ(read.head.version, http::Version::kHttp2);
  EXPECT_EQ(read.head.headers.Find(http::FieldId::kUpgrade)->value, "websocket");
}

TEST(HeadTextTest, AnExtendedConnectHasAllItsFields) {
  for (const char* const name : {":method", ":scheme", ":path", ":authority"}) {
    EXPECT_EQ(RequestRefusal(Without(kTunnel, name), false), Refusal::kMisplacedPseudoField)
        << name;
  }
  EXPECT_EQ(RequestRefusal(Replaced(kTunnel, ":method", "GET"), false),
            Refusal::kMisplacedPseudoField);
  EXPECT_EQ(RequestRefusal(Replaced(kTunnel, ":protocol", "h2c"), false),
            Refusal::kMisplacedPseudoField);
  EXPECT_EQ(RequestRefusal(Replaced(kTunnel, ":protocol", "a b"), false),
            Refusal::kMalformedStartLine);
  EXPECT_EQ(RequestRefusal(Replaced(kTunnel, ":protocol", ""), false),
            Refusal::kMalformedStartLine);
  EXPECT_EQ(RequestRefusal(With(kTunnel, {{"content-length", "1"}}), false),
            Refusal::kMalformedContentLength);
  EXPECT_EQ(RequestRefusal(With(kTunnel, {{"upgrade", "x"}}), false),
            Refusal::kFieldOfOneConnection);
  EXPECT_EQ(ResponseRefusal({{":status", "200"}, {":protocol", "websocket"}}),
            Refusal::kMisplacedPseudoField);
}

}  // namespace
}  // namespace holdfast::http2
