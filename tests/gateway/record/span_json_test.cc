#include "gateway/record/span_json.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace holdfast::record {
namespace {

using nlohmann::json;

Span Example() {
  Span span;
  span.trace_id.Set("0af7651916cd43dd8448eb211c80319c");
  span.span_id.Set("b7ad6b7169203331");
  span.parent_id.Set("00f067aa0ba902b7");
  span.start = 1'700'000'000'000'000'001;
  span.end = 1'700'000'000'000'000'002;
  span.status = 200;
  span.method.Set("GET");
  span.path.Set("/a");
  span.route.Set("web");
  return span;
}

json Parsed(const Span& span) {
  SpanJson writer("holdfast");
  writer.Add(span);
  return json::parse(writer.Finish());
}
json SpanIn(const json& request) {
  return request["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
}

// A text, or a number's text; empty: it is not there.
std::string Attribute(const json& holder, const std::string& key) {
  for (const json& attribute : holder["attributes"]) {
    if (attribute["key"] != key) continue;
    const json& value = attribute["value"];
    return value.contains("intValue") ? value["intValue"] : value["stringValue"];
  }
  return {};
}

TEST(SpanJsonTest, ASpanIsAsOtlpHasIt) {
  const json request = Parsed(Example());
  EXPECT_EQ(Attribute(request["resourceSpans"][0]["resource"], "service.name"), "holdfast");
  const json span = SpanIn(request);
  EXPECT_EQ(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(span["spanId"], "b7ad6b7169203331");
  EXPECT_EQ(span["parentSpanId"], "00f067aa0ba902b7");
  EXPECT_EQ(span["name"], "GET web");
  EXPECT_EQ(span["kind"], 2);
  EXPECT_EQ(span["startTimeUnixNano"], "1700000000000000001");
  EXPECT_EQ(span["endTimeUnixNano"], "1700000000000000002");
  EXPECT_EQ(span["status"], json::object());
  EXPECT_EQ(Attribute(span, "http.request.method"), "GET");
  EXPECT_EQ(Attribute(span, "http.response.status_code"), "200");
  EXPECT_EQ(Attribute(span, "url.path"), "/a");
  EXPECT_EQ(Attribute(span, "url.scheme"), "http");
  EXPECT_EQ(Attribute(span, "http.route"), "web");
}

TEST(SpanJsonTest, WhatIsNotKnownIsNotThere) {
  Span span;
  span.trace_id.Set("0af7651916cd43dd8448eb211c80319c");
  const json parsed = SpanIn(Parsed(span));
  EXPECT_FALSE(parsed.contains("parentSpanId"));
  EXPECT_EQ(parsed["name"], "HTTP");
  EXPECT_EQ(Attribute(parsed, "http.response.status_code"), "");
  EXPECT_EQ(Attribute(parsed, "holdfast.retries"), "") << "nobody was asked";
}

TEST(SpanJsonTest, FailuresAreErrors) {
  Span span = Example();
  span.failed = true;
  span.status = 502;
  span.reason.Set("connect_refused");
  span.upstream.Set("app");
  span.retries = 3;
  const json parsed = SpanIn(Parsed(span));
  EXPECT_EQ(parsed["status"], json({{"code", 2}}));
  EXPECT_EQ(Attribute(parsed, "error.type"), "502");
  EXPECT_EQ(Attribute(parsed, "holdfast.reason"), "connect_refused");
  EXPECT_EQ(Attribute(parsed, "holdfast.retries"), "3");
  span.status = 0;
  EXPECT_EQ(Attribute(SpanIn(Parsed(span)), "error.type"), "connect_refused");
}

TEST(SpanJsonTest, NobodyChoosesTheNamesOfSpans) {
  Span span = Example();
  span.method.Set("EVIL-7");
  const json parsed = SpanIn(Parsed(span));
  EXPECT_EQ(parsed["name"], "HTTP web");
  EXPECT_EQ(Attribute(parsed, "http.request.method"), "_OTHER");
  EXPECT_EQ(Attribute(parsed, "http.request.method_original"), "EVIL-7");
}

TEST(SpanJsonTest, NoByteBreaksOut) {
  for (int first = 0; first < 256; ++first) {
    for (const std::string& tail :
         {std::string(), std::string("\""), std::string("\x80\"}],", 5)}) {
      Span span = Example();
      const std::string text = std::string(1, static_cast<char>(first)) + tail;
      span.path.Set(text);
      span.user_agent.Set(text);
      span.host.Set(text);
      span.route.Set(text);
      const json parsed = SpanIn(Parsed(span));  // throws where it is no JSON in UTF-8
      EXPECT_NE(Attribute(parsed, "url.path"), "") << first;
      EXPECT_EQ(parsed["attributes"].size(), SpanIn(Parsed(Example()))["attributes"].size() + 2);
    }
  }
}

TEST(SpanJsonTest, SeveralAreInOneRequest) {
  SpanJson writer("a \"service\"");
  for (int i = 0; i < 3; ++i) writer.Add(Example());
  EXPECT_EQ(writer.spans(), 3u);
  const json request = json::parse(writer.Finish());
  EXPECT_EQ(request["resourceSpans"][0]["scopeSpans"][0]["spans"].size(), 3u);
  EXPECT_EQ(Attribute(request["resourceSpans"][0]["resource"], "service.name"), "a \"service\"");
  EXPECT_EQ(json::parse(SpanJson("x").Finish())["resourceSpans"][0]["scopeSpans"][0]["spans"],
            json::array());
}

}  // namespace
}  // namespace holdfast::record
