#include "gateway/proxy/correlation.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/proxy/span_queue.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using nlohmann::json;

constexpr std::string_view kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::string_view kTraceId = "0af7651916cd43dd8448eb211c80319c";

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The value of the first such line; names as they are written.
std::string ValueOf(const std::string& head, const std::string& name) {
  const std::string begin = "\r\n" + name + ": ";
  const size_t at = head.find(begin);
  if (at == head.npos) return {};
  const size_t value = at + begin.size();
  return head.substr(value, head.find("\r\n", value) - value);
}

std::string Get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a.test\r\n" + std::string(fields) + "\r\n";
}

// One exchange, as both sides and the log saw it.
struct Seen {
  std::string request;
  std::string response;
  json log;
};

constexpr std::string_view kPlainRoute = "- {name: all, match: {path_prefix: /}, upstream: web}";

Seen Proxied(const std::string& listener, const std::string& request, std::string_view answer = kOk,
             std::string_view routes = kPlainRoute) {
  ProxyHarness harness({.listener = listener, .routes = std::string(routes)});
  harness.LogExchanges();
  Wire client = harness.Connect();
  client.Send(request);
  Wire upstream = harness.Accept();
  Seen seen;
  seen.request = harness.Await(upstream, kHeadEnd);
  upstream.Send(answer);
  seen.response = harness.Await(client, "\r\n\r\nok");
  harness.Advance(LogBatches::kFlushInterval);
  EXPECT_TRUE(harness.TurnUntil([&] { return !harness.log_lines.empty(); }));
  seen.log = json::parse(harness.log_lines, nullptr, /*allow_exceptions=*/false);
  return seen;
}

std::string IdOf(const Seen& seen) { return seen.log.value("request_id", ""); }
std::string TraceOf(const Seen& seen) { return seen.log.value("trace_id", ""); }

TEST(CorrelationTest, WithoutTheKeysNothingChanges) {
  const Seen seen = Proxied("", Get("X-Request-Id: <b>\r\ntraceparent: x\r\ntracestate: y\r\n"));
  EXPECT_TRUE(Contains(seen.request, "\r\nX-Request-Id: <b>\r\ntraceparent: x\r\ntracestate: y"));
  EXPECT_FALSE(Contains(seen.response, "x-request-id"));
  EXPECT_FALSE(seen.log.contains("request_id"));
  EXPECT_FALSE(seen.log.contains("trace_id"));
}

TEST(CorrelationTest, ANewIdIsToldToAll) {
  const Seen seen = Proxied("request_id: create", Get(""));
  const std::string id = ValueOf(seen.request, "x-request-id");
  EXPECT_EQ(id.size(), 36u) << seen.request;
  EXPECT_EQ(id[14], '7') << id;
  EXPECT_EQ(ValueOf(seen.response, "x-request-id"), id) << seen.response;
  EXPECT_EQ(IdOf(seen), id);
}

TEST(CorrelationTest, AClientsOwnIsKeptOrNot) {
  const Seen kept = Proxied("request_id: keep", Get("X-Request-ID: mine-1\r\n"));
  EXPECT_EQ(ValueOf(kept.request, "x-request-id"), "mine-1") << kept.request;
  EXPECT_EQ(ValueOf(kept.response, "x-request-id"), "mine-1");
  EXPECT_EQ(IdOf(kept), "mine-1");
  const Seen created = Proxied("request_id: create", Get("X-Request-ID: mine-1\r\n"));
  EXPECT_FALSE(Contains(created.request, "mine-1")) << created.request;
  EXPECT_FALSE(Contains(created.response, "mine-1"));
  EXPECT_EQ(IdOf(created).size(), 36u);
}

TEST(CorrelationTest, TheFieldMayBeAnother) {
  const Seen seen = Proxied("request_id: {mode: keep, header: X-Correlation-Id}",
                            Get("x-correlation-id: c-1\r\nX-Request-Id: other\r\n"));
  EXPECT_EQ(ValueOf(seen.request, "X-Correlation-Id"), "c-1") << seen.request;
  EXPECT_EQ(ValueOf(seen.request, "X-Request-Id"), "other") << "is nobody's business";
  EXPECT_EQ(ValueOf(seen.response, "X-Correlation-Id"), "c-1");
}

// By none of these does another id, or a second one, come through.
TEST(CorrelationTest, NoSpellingGetsPast) {
  for (const std::string& mode : {std::string("keep"), std::string("create")}) {
    for (const std::string& fields :
         {std::string("X-Request-Id: <evil>\r\n"), std::string("X-Request-Id: evil evil\r\n"),
          std::string("X-Request-Id: evil,evil\r\n"), std::string("X-Request-Id:\r\n"),
          std::string("X-Request-Id: ${jndi:evil}\r\n"), std::string("X-Request-Id: evil\xff\r\n"),
          std::string("X-Request-Id: evil\"\r\n"), std::string("X_Request_Id: evil\r\n"),
          std::string("x-request_id: evil\r\n"), std::string("X.Request.Id: evil\r\n"),
          "X-Request-Id: " + std::string(129, 'e') + "vil\r\n",
          std::string("X-Request-Id: \r\nX-Request-Id: evil\r\n"),
          std::string("X-Request-Id: evil!\r\nX-REQUEST-ID: evil\r\n")}) {
      const Seen seen = Proxied("request_id: " + mode, Get(fields));
      EXPECT_FALSE(Contains(seen.request, "evil")) << mode << "\n" << seen.request;
      EXPECT_FALSE(Contains(seen.response, "evil")) << mode << "\n" << seen.response;
      EXPECT_EQ(Count(seen.request, "equest-"), 1u) << mode << "\n" << seen.request;
      EXPECT_EQ(ValueOf(seen.request, "x-request-id").size(), 36u) << seen.request;
      EXPECT_EQ(IdOf(seen), ValueOf(seen.request, "x-request-id"));
    }
  }
}

TEST(CorrelationTest, OfSeveralTheFirstIsLeft) {
  const Seen seen =
      Proxied("request_id: keep", Get("X-Request-Id: a\r\nx-request-id: b\r\nX_Request_Id: c\r\n"));
  EXPECT_EQ(Count(seen.request, "equest"), 1u) << seen.request;
  EXPECT_EQ(ValueOf(seen.request, "x-request-id"), "a");
}

// A client may name fields of its own hop, but ours are none of those.
TEST(CorrelationTest, ConnectionTakesNothingAway) {
  const Seen seen =
      Proxied("request_id: keep, trace: keep",
              Get("Connection: x-request-id, traceparent\r\nX-Request-Id: a\r\ntraceparent: " +
                  std::string(kTraceparent) + "\r\n"));
  EXPECT_EQ(ValueOf(seen.request, "x-request-id"), "a") << seen.request;
  EXPECT_EQ(ValueOf(seen.request, "traceparent"), kTraceparent) << seen.request;
}

TEST(CorrelationTest, NorDoTrailersAppendAnother) {
  ProxyHarness harness({.listener = "request_id: create, trace: keep"});
  Wire client = harness.Connect();
  client.Send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
      "X-Request-Id: evil\r\nX_Request_Id: evil\r\nTraceparent: evil\r\ntracestate: evil\r\n"
      "X-Sum: 1\r\n\r\n");
  Wire upstream = harness.Accept();
  ASSERT_TRUE(harness.TurnUntil([&] {
    upstream.Pull();
    return Contains(upstream.received(), "X-Sum: 1\r\n\r\n");
  })) << upstream.received();
  EXPECT_FALSE(Contains(upstream.received(), "evil")) << upstream.received();
  upstream.Send(kOk);
  harness.Await(client, "\r\n\r\nok");
}

TEST(CorrelationTest, AnUpstreamSaysNoOtherId) {
  const Seen seen = Proxied("request_id: create", Get(""),
                            "HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nx_request_id: theirs\r\n"
                            "Content-Length: 2\r\n\r\nok");
  EXPECT_FALSE(Contains(seen.response, "theirs")) << seen.response;
  EXPECT_EQ(ValueOf(seen.response, "x-request-id"), IdOf(seen));
}

TEST(CorrelationTest, EachRequestOfAConnectionHasItsOwn) {
  ProxyHarness harness({.listener = "request_id: keep",
                        .routes = "- {match: {path_prefix: /}, respond: {body: hi}}"});
  Wire client = harness.Connect();
  std::string last;
  for (const std::string_view fields : {"", "X-Request-Id: a\r\n", ""}) {
    client.Send(Get(fields));
    const std::string id = ValueOf(harness.Await(client, "\r\n\r\nhi"), "x-request-id");
    client.Take();
    EXPECT_NE(id, "");
    EXPECT_NE(id, last);
    EXPECT_EQ(id == "a", !fields.empty());
    last = id;
  }
}

TEST(CorrelationTest, WhateverTheGatewayAnswersHasIt) {
  struct Case {
    std::string_view request;
    std::string_view answer;
    bool kept;  // what was not understood is not believed
  };
  constexpr std::string_view kRoutes =
      "- {match: {path: /hi}, respond: {body: hi}}\n"
      "  - {match: {path: /to}, redirect: {to: /hi}}\n"
      "  - {match: {path: /deny}, deny: [\"0.0.0.0/0\"], respond: {body: hi}}\n"
      "  - {match: {path: /get, methods: [GET]}, respond: {body: hi}}";
  for (const Case& c : {
           Case{"GET /hi HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\n\r\n", " 200 ", true},
           Case{"GET /to HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\n\r\n", " 308 ", true},
           Case{"GET /deny HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\n\r\n", " 403 ", true},
           Case{"GET /none HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\n\r\n", " 404 ", true},
           Case{"PUT /get HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\n\r\n", " 405 ", true},
           Case{"GET /%00 HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\n\r\n", " 400 ", true},
           Case{"GET /hi HTTP/1.1\r\nX-Request-Id: a\r\n\r\n", " 400 ", false},
           Case{"GET /hi HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\r\nContent-Length: x\r\n\r\n",
                " 400 ", false},
       }) {
    ProxyHarness harness({.listener = "request_id: keep", .routes = std::string(kRoutes)});
    harness.LogExchanges();
    Wire client = harness.Connect();
    client.Send(c.request);
    ASSERT_TRUE(harness.TurnUntil([&] {
      client.Pull();
      return Contains(client.received(), kHeadEnd);
    })) << c.request;
    const std::string& head = client.received();
    EXPECT_TRUE(Contains(head.substr(0, head.find('\r')), c.answer)) << head;
    const std::string id = ValueOf(head, "x-request-id");
    EXPECT_EQ(id == "a", c.kept) << head;
    EXPECT_TRUE(c.kept || id.size() == 36) << head;
    harness.Advance(LogBatches::kFlushInterval);
    ASSERT_TRUE(harness.TurnUntil([&] { return !harness.log_lines.empty(); })) << c.request;
    EXPECT_TRUE(Contains(harness.log_lines, "\"request_id\":\"" + id + "\"")) << harness.log_lines;
  }
}

// A template that asks where the listener wants none gets one, and everybody the same.
TEST(CorrelationTest, ATemplateGetsOneHoweverOftenItAsks) {
  const Seen seen =
      Proxied("", Get("X-Request-Id: mine\r\n"), kOk,
              "- {match: {path_prefix: /}, upstream: web, request_headers: {set: {x-a: "
              "\"${request_id}\", x-b: \"<${request_id}>\"}}, response_headers: {set: {x-c: "
              "\"${request_id}\"}}}");
  const std::string id = ValueOf(seen.request, "x-a");
  EXPECT_EQ(id.size(), 36u) << seen.request;
  EXPECT_EQ(ValueOf(seen.request, "x-b"), "<" + id + ">");
  EXPECT_EQ(ValueOf(seen.request, "X-Request-Id"), "mine");
  EXPECT_EQ(ValueOf(seen.response, "x-c"), id) << seen.response;
  EXPECT_EQ(ValueOf(seen.response, "x-request-id"), "");
  EXPECT_EQ(IdOf(seen), id);
}

TEST(CorrelationTest, ATemplateHasTheListenersIdAndRulesComeLast) {
  const Seen seen =
      Proxied("request_id: keep", Get("X-Request-Id: a\r\n"), kOk,
              "- {match: {path_prefix: /}, upstream: web, request_headers: {remove: "
              "[x-request-id], set: {x-id: \"${request_id}/${header:x-request-id}\"}},"
              " response_headers: {remove: [x-request-id]}}");
  EXPECT_EQ(ValueOf(seen.request, "x-id"), "a/a") << seen.request;
  EXPECT_EQ(ValueOf(seen.request, "x-request-id"), "");
  EXPECT_EQ(ValueOf(seen.response, "x-request-id"), "") << seen.response;
  EXPECT_EQ(IdOf(seen), "a");
}

TEST(CorrelationTest, AWellFormedTracePasses) {
  for (const std::string_view rule : {"trace: keep", "trace: {sample: 1}"}) {
    const Seen seen = Proxied(std::string(rule), Get("Traceparent: " + std::string(kTraceparent) +
                                                     "\r\ntracestate: a=1\r\ntracestate: b=2\r\n"));
    EXPECT_EQ(ValueOf(seen.request, "traceparent"), kTraceparent) << seen.request;
    EXPECT_TRUE(Contains(seen.request, "\r\ntracestate: a=1\r\ntracestate: b=2\r\n"))
        << seen.request;
    EXPECT_EQ(TraceOf(seen), kTraceId);
    EXPECT_FALSE(Contains(seen.response, "trace")) << seen.response;
    EXPECT_FALSE(seen.log.contains("request_id"));
  }
}

TEST(CorrelationTest, AMalformedTraceIsNone) {
  for (const std::string& fields :
       {std::string("traceparent: evil\r\ntracestate: evil=1\r\n"),
        std::string("TRACEPARENT:\r\nTraceState: evil=1\r\n"),
        "traceparent: " + std::string(kTraceparent) + "-evil\r\ntracestate: evil=1\r\n",
        "traceparent: " + std::string(kTraceparent) + "\r\nTraceparent: evil\r\n",
        "traceparent:\r\nTraceparent: " + std::string(kTraceparent) + "\r\ntracestate: evil=1\r\n",
        "traceparent: " + std::string(kTraceparent) +
            "\r\ntraceparent: " + std::string(kTraceparent) + "\r\ntracestate: evil=1\r\n",
        std::string("tracestate: evil=1\r\n")}) {
    const Seen kept = Proxied("trace: keep", Get(fields));
    EXPECT_FALSE(Contains(kept.request, "evil")) << kept.request;
    EXPECT_FALSE(Contains(kept.request, "traceparent")) << kept.request;
    EXPECT_EQ(TraceOf(kept), "");
    const Seen begun = Proxied("trace: {sample: 1}", Get(fields));
    const std::string traceparent = ValueOf(begun.request, "traceparent");
    EXPECT_FALSE(Contains(begun.request, "evil")) << begun.request;
    EXPECT_EQ(Count(begun.request, "raceparent"), 1u) << begun.request;
    EXPECT_EQ(traceparent.size(), 55u) << begun.request;
    EXPECT_TRUE(traceparent.ends_with("-01")) << traceparent;
    EXPECT_EQ(TraceOf(begun), traceparent.substr(3, 32));
    EXPECT_NE(TraceOf(begun), kTraceId);
  }
}

// The trace goes on without it.
TEST(CorrelationTest, ATracestateThatIsMalformedOrTooLongIsDropped) {
  std::string members;
  for (int i = 0; i < 33; ++i) members += (i == 0 ? "" : ",") + std::string("evil=1");
  const std::string half = "evil=" + std::string(250, 'x') + ",evil=" + std::string(256, 'x');
  for (const std::string& fields :
       {std::string("tracestate: evil\r\n"),
        std::string("tracestate: a=1\r\nTraceState: Evil=1\r\n"), "tracestate: " + members + "\r\n",
        "tracestate: " + half + "\r\ntracestate: " + half + "\r\n"}) {
    for (const std::string_view rule : {"trace: keep", "trace: {sample: 1}"}) {
      const Seen seen = Proxied(std::string(rule),
                                Get("traceparent: " + std::string(kTraceparent) + "\r\n" + fields));
      EXPECT_FALSE(Contains(seen.request, "racestate")) << seen.request;
      EXPECT_FALSE(Contains(seen.request, "TraceState")) << seen.request;
      EXPECT_EQ(ValueOf(seen.request, "traceparent"), kTraceparent) << seen.request;
      EXPECT_EQ(TraceOf(seen), kTraceId);
    }
  }
  const Seen whole = Proxied("trace: keep", Get("traceparent: " + std::string(kTraceparent) +
                                                "\r\ntracestate: " + half + "\r\n"));
  EXPECT_TRUE(Contains(whole.request, "tracestate: " + half + "\r\n")) << whole.request;
  const Seen off = Proxied("", Get("tracestate: evil\r\n"));
  EXPECT_TRUE(Contains(off.request, "tracestate: evil\r\n")) << "as it comes";
}

TEST(CorrelationTest, WhatIsNotSampledHasATraceToo) {
  const Seen seen = Proxied("trace: {sample: 0}", Get(""));
  EXPECT_TRUE(ValueOf(seen.request, "traceparent").ends_with("-00")) << seen.request;
  EXPECT_EQ(TraceOf(seen).size(), 32u);
}

// The traceparent that the upstream was told, and the spans.
struct Traced {
  std::string traceparent;
  std::vector<record::Span> spans;
};

Traced WithSpans(const std::string& trace, std::string_view fields) {
  ProxyHarness harness({.listener = "trace: " + trace});
  Traced traced;
  SpanQueue queue(&harness.loop, harness.shard, [&](SpanQueue::Batch batch) {
    for (const record::Span& span : batch) traced.spans.push_back(span);
  });
  queue.Configure(/*limit=*/100, /*batch=*/1);
  harness.context.spans = &queue;
  Wire client = harness.Connect();
  client.Send(Get(fields));
  Wire upstream = harness.Accept();
  traced.traceparent = ValueOf(harness.Await(upstream, kHeadEnd), "traceparent");
  upstream.Send(kOk);
  harness.Await(client, "\r\n\r\nok");
  return traced;
}

TEST(CorrelationTest, TheUpstreamsParentIsTheSpanOfASampledRequest) {
  for (const std::string& rule : {std::string("keep"), std::string("{sample: 0}")}) {
    const Traced traced = WithSpans(rule, "traceparent: " + std::string(kTraceparent) + "\r\n");
    ASSERT_EQ(traced.spans.size(), 1u);
    const record::Span& span = traced.spans[0];
    EXPECT_EQ(span.trace_id.view(), kTraceId);
    EXPECT_EQ(span.parent_id.view(), "b7ad6b7169203331");
    EXPECT_NE(span.span_id.view(), span.parent_id.view());
    EXPECT_EQ(traced.traceparent,
              "00-" + std::string(kTraceId) + "-" + std::string(span.span_id.view()) + "-01");
  }
}

TEST(CorrelationTest, ATraceThatBeginsHereHasNoParent) {
  const Traced traced = WithSpans("{sample: 1}", "");
  ASSERT_EQ(traced.spans.size(), 1u);
  EXPECT_EQ(traced.spans[0].parent_id.view(), "");
  EXPECT_EQ(traced.spans[0].trace_id.view(), traced.traceparent.substr(3, 32));
  EXPECT_EQ(traced.spans[0].span_id.view(), traced.traceparent.substr(36, 16));
}

TEST(CorrelationTest, WhatIsNotSampledHasNoSpan) {
  const std::string unsampled = std::string(kTraceparent.substr(0, 53)) + "00";
  const Traced kept = WithSpans("keep", "traceparent: " + unsampled + "\r\n");
  EXPECT_TRUE(kept.spans.empty());
  EXPECT_EQ(kept.traceparent, unsampled) << "passes as it came";
  EXPECT_TRUE(WithSpans("{sample: 0}", "").spans.empty());
  EXPECT_TRUE(WithSpans("keep", "").spans.empty());
  EXPECT_TRUE(WithSpans("keep", "traceparent: evil-01\r\n").spans.empty());
  EXPECT_TRUE(WithSpans("off", "traceparent: " + std::string(kTraceparent) + "\r\n").spans.empty());
}

// The clock is the loop's.
TEST(CorrelationTest, AnIdHasTheTimeOfItsRequest) {
  // 2026-01-01T00:00:00Z in milliseconds.
  EXPECT_TRUE(IdOf(Proxied("request_id: create", Get(""))).starts_with("019b76da-a800-7"));
}

}  // namespace
}  // namespace holdfast::proxy
