// Spans of sampled requests, as a collector gets them, and what becomes of them where it does not.

#include <signal.h>

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/deadline.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

using nlohmann::json;

constexpr const char* kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* kSpans = "holdfast_spans_total";

// A collector that takes what it is sent, or answers what it is told to, once each.
class Collector {
 public:
  std::string address() const { return upstream_.address(); }
  int requests() const { return upstream_.requests(); }
  int connections() const { return upstream_.accepted(); }
  void AnswerNext(const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(bytes);
  }
  // The spans of all that it has taken, once there are so many.
  std::vector<json> Await(size_t count) {
    EXPECT_TRUE(Eventually([&] { return Spans().size() >= count; })) << Spans().size();
    std::vector<json> spans = Spans();
    EXPECT_EQ(spans.size(), count);
    spans.resize(count);
    return spans;
  }
  std::vector<json> Spans() {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  Message last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  AutoUpstream::Reply Take(const Message& request) {
    const std::lock_guard lock(mutex_);
    last_ = request;
    if (!answers_.empty()) {
      std::string bytes = std::move(answers_.front());
      answers_.pop_front();
      const bool ok = bytes.starts_with("HTTP/1.1 200");
      if (ok) Keep(request.body);
      return {.bytes = std::move(bytes), .close = !ok};
    }
    Keep(request.body);
    return {.bytes = OkResponse("{}", "Content-Type: application/json\r\n")};
  }
  void Keep(const std::string& body) {
    const json parsed = json::parse(body, nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(parsed.is_discarded()) << body;
    if (parsed.is_discarded()) return;
    for (const json& resource : parsed["resourceSpans"]) {
      for (const json& scope : resource["scopeSpans"]) {
        for (const json& span : scope["spans"]) spans_.push_back(span);
      }
    }
  }

  std::mutex mutex_;
  std::vector<json> spans_;
  std::deque<std::string> answers_;
  Message last_;
  AutoUpstream upstream_{[this](const Message& request) { return Take(request); }};
};

std::string Tracing(const std::string& address, const std::string& keys = "interval: 10ms",
                    const std::string& scheme = "http://") {
  return "tracing: {otlp: \"" + scheme + address + "/v1/traces\", " + keys + "}\n";
}

GatewayConfig Traced(const std::string& collector, const std::string& upstream,
                     const std::string& keys = "interval: 10ms") {
  GatewayConfig config{.listener = "trace: keep",
                       .top = Tracing(collector, keys),
                       .drain = "{delay: 0s, timeout: 15s}"};
  if (!upstream.empty()) config.endpoints = {upstream};
  return config;
}

std::string Sampled(const std::string& more = {}) {
  return "traceparent: " + std::string(kTraceparent) + "\r\n" + more;
}

std::map<std::string, std::string> AttributesOf(const json& span) {
  std::map<std::string, std::string> attributes;
  for (const json& attribute : span["attributes"]) {
    const json& value = attribute["value"];
    attributes[attribute["key"]] =
        value.contains("intValue") ? value["intValue"] : value["stringValue"];
  }
  return attributes;
}

int64_t NowNanos() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

TEST(TraceExportTest, ASpanSaysWhatHappened) {
  Collector collector;
  AutoUpstream upstream([](const Message& request) {
    return AutoUpstream::Reply{.bytes = OkResponse(request.Value("traceparent"))};
  });
  GatewayProcess gateway(Traced(collector.address(), upstream.address(),
                                "interval: 10ms, service_name: edge-1, headers: {authorization: "
                                "\"Bearer x\"}"));
  RawClient client(gateway.address());
  const int64_t before = NowNanos();
  const Message answer = client.Get("/a/b?secret=1", Sampled("User-Agent: tester/1\r\n"));
  const json span = collector.Await(1)[0];
  const int64_t after = NowNanos();

  EXPECT_EQ(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(span["parentSpanId"], "b7ad6b7169203331");
  EXPECT_EQ(answer.body,
            "00-0af7651916cd43dd8448eb211c80319c-" + span["spanId"].get<std::string>() + "-01")
      << "the span is the parent of the upstream's";
  EXPECT_EQ(span["name"], "GET web");
  EXPECT_EQ(span["kind"], 2);
  EXPECT_EQ(span["status"], json::object());
  const int64_t start = std::stoll(span["startTimeUnixNano"].get<std::string>());
  const int64_t end = std::stoll(span["endTimeUnixNano"].get<std::string>());
  EXPECT_LE(before, start + 1'000'000'000);
  EXPECT_LE(start, end);
  EXPECT_LE(end, after);
  auto attributes = AttributesOf(span);
  EXPECT_EQ(attributes["http.request.method"], "GET");
  EXPECT_EQ(attributes["url.path"], "/a/b");
  EXPECT_EQ(attributes["url.scheme"], "http");
  EXPECT_EQ(attributes["server.address"], "test");
  EXPECT_EQ(attributes["http.response.status_code"], "200");
  EXPECT_EQ(attributes["client.address"], "127.0.0.1");
  EXPECT_EQ(attributes["http.route"], "web");
  EXPECT_EQ(attributes["network.protocol.version"], "1.1");
  EXPECT_EQ(attributes["user_agent.original"], "tester/1");
  EXPECT_EQ(attributes["holdfast.upstream"], "web");
  EXPECT_EQ(attributes["holdfast.endpoint"], upstream.address());
  EXPECT_EQ(attributes["holdfast.retries"], "0");
  EXPECT_EQ(attributes["holdfast.reason"], "none");

  const Message request = collector.last();
  EXPECT_EQ(request.start_line, "POST /v1/traces HTTP/1.1");
  EXPECT_EQ(request.Value("content-type"), "application/json");
  EXPECT_EQ(request.Value("authorization"), "Bearer x");
  EXPECT_EQ(request.body.find("secret"), request.body.npos) << "no query";
  const json resource = json::parse(request.body)["resourceSpans"][0]["resource"];
  EXPECT_EQ(resource["attributes"][0]["key"], "service.name");
  EXPECT_EQ(resource["attributes"][0]["value"]["stringValue"], "edge-1");
  gateway.AwaitMetric(kSpans, {{"result", "sent"}}, 1);
}

TEST(TraceExportTest, NothingIsThereUnlessItIsConfigured) {
  Collector collector;
  GatewayProcess gateway(GatewayConfig{.listener = "trace: {sample: 1}"});
  RawClient client(gateway.address());
  client.Get("/local", Sampled());
  EXPECT_FALSE(gateway.Scrape().Has(kSpans));
  EXPECT_EQ(collector.connections(), 0);
}

TEST(TraceExportTest, OnlyWhatIsSampledIsSent) {
  Collector collector;
  GatewayConfig config = Traced(collector.address(), {});
  config.listener = "trace: {sample: 0}";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Get("/local");
  client.Get("/local", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n");
  client.Get("/local", "traceparent: garbage-01\r\n");
  client.Get("/local", Sampled("X-A: the-one\r\n"));
  collector.Await(1);
  config.listener = "trace: {sample: 1}";
  gateway.Reload(config.Text());
  RawClient other(gateway.address());
  other.Get("/local");
  const json span = collector.Await(2)[1];
  EXPECT_FALSE(span.contains("parentSpanId")) << "the trace begins here";
  EXPECT_EQ(span["name"], "GET local");
}

TEST(TraceExportTest, AShareIsSampled) {
  Collector collector;
  GatewayConfig config = Traced(collector.address(), {});
  config.listener = "trace: {sample: 0.5}";
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  constexpr int kRequests = 400;
  for (int i = 0; i < kRequests; ++i) client.Get("/local");
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
  const size_t sampled = collector.Spans().size();
  EXPECT_GT(sampled, 100u);
  EXPECT_LT(sampled, 300u);
  std::set<std::string> traces;
  for (const json& span : collector.Spans()) traces.insert(span["traceId"].get<std::string>());
  EXPECT_EQ(traces.size(), sampled);
}

TEST(TraceExportTest, FailuresAreErrors) {
  Collector collector;
  GatewayProcess gateway(Traced(collector.address(), UnusedAddress()));
  RawClient client(gateway.address());
  EXPECT_EQ(client.Get("/", Sampled()).Status(), 502);
  const json span = collector.Await(1)[0];
  EXPECT_EQ(span["status"]["code"], 2);
  auto attributes = AttributesOf(span);
  EXPECT_EQ(attributes["http.response.status_code"], "502");
  EXPECT_EQ(attributes["error.type"], "502");
  EXPECT_EQ(attributes["holdfast.reason"], "connect_refused");
}

TEST(TraceExportTest, WhatClientsSendStaysText) {
  Collector collector;
  GatewayProcess gateway(Traced(collector.address(), {}));
  const std::vector<std::string> agents = {
      "\"}],\"status\":{\"code\":2}}",
      "\\",
      "\xff\xfe\xc3",
      "\xed\xa0\x80 surrogate",
      "tab\there",
      "\xf0\x9f\x98\x80 \xe2\x80\xa8",
      std::string(4000, 'a'),
      std::string(300, '"'),
  };
  for (const std::string& agent : agents) {
    RawClient client(gateway.address());
    client.Get("/local%22%7d", Sampled("User-Agent: " + agent + "\r\n"));
    RawClient other(gateway.address());
    other.Get("/local\"}]", Sampled());
  }
  RawClient client(gateway.address());
  client.Exchange("EV-IL /local HTTP/1.1\r\nHost: test\r\n" + Sampled() + "\r\n");
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_GE(collector.Spans().size(), agents.size() + 1);
  for (const json& span : collector.Spans()) {
    EXPECT_EQ(span["traceId"], "0af7651916cd43dd8448eb211c80319c") << span;
    EXPECT_EQ(span["status"], json::object()) << span;
    auto attributes = AttributesOf(span);
    EXPECT_LE(attributes["user_agent.original"].size(), 2 * 256u);
    EXPECT_NE(span["name"].get<std::string>().substr(0, 5), "EV-IL");
  }
}

TEST(TraceExportTest, TheCollectorMayBeBusy) {
  Collector collector;
  collector.AnswerNext(
      "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
  collector.AnswerNext("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n");
  GatewayProcess gateway(Traced(collector.address(), {}));
  RawClient client(gateway.address());
  client.Get("/local", Sampled());
  collector.Await(1);
  EXPECT_EQ(collector.requests(), 3);
  EXPECT_TRUE(gateway.AwaitStderr("tracing: spans are lost or late at http://"));
  EXPECT_TRUE(gateway.AwaitStderr("takes spans again"));
  gateway.AwaitMetric(kSpans, {{"result", "sent"}}, 1);
}

TEST(TraceExportTest, WhatItRefusesIsDroppedAndCounted) {
  Collector collector;
  collector.AnswerNext("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  GatewayProcess gateway(Traced(collector.address(), {}));
  RawClient client(gateway.address());
  client.Get("/local", Sampled());
  gateway.AwaitMetric(kSpans, {{"result", "dropped_rejected"}}, 1);
  collector.AnswerNext(OkResponse(R"({"partialSuccess":{"rejectedSpans":"1"}})"));
  client.Get("/local", Sampled());
  gateway.AwaitMetric(kSpans, {{"result", "dropped_rejected"}}, 2);
  client.Get("/local", Sampled());
  gateway.AwaitMetric(kSpans, {{"result", "sent"}}, 1);
}

TEST(TraceExportTest, GarbageIsSentAgain) {
  Collector collector;
  collector.AnswerNext("\x16\x03\x01\x02 not HTTP\r\n\r\n");
  GatewayProcess gateway(Traced(collector.address(), {}));
  RawClient client(gateway.address());
  client.Get("/local", Sampled());
  collector.Await(1);
  EXPECT_TRUE(gateway.AwaitStderr("the response is not HTTP/1.1"));
}

TEST(TraceExportTest, ACollectorThatHangsHoldsNobodyUp) {
  ScriptedUpstream collector;  // lets in, and says nothing
  GatewayProcess gateway(
      Traced(collector.address(), {}, "interval: 10ms, timeout: 30s, max_batch: 2, max_queue: 4"));
  RawClient client(gateway.address());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.Get("/local", Sampled()).Status(), 200);
  gateway.AwaitMetric(kSpans, {{"result", "dropped_queue"}}, 46);
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
}

TEST(TraceExportTest, OneThatIsNotThereIsNoMatterEither) {
  GatewayProcess gateway(Traced(UnusedAddress(), {}, "interval: 10ms, max_batch: 2, max_queue: 4"));
  RawClient client(gateway.address());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.Get("/local", Sampled()).Status(), 200);
  gateway.AwaitMetricAtLeast(kSpans, {{"result", "dropped_queue"}}, 1);
  EXPECT_TRUE(gateway.AwaitStderr("connect_refused"));
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
}

TEST(TraceExportTest, ConnectionsAreKept) {
  Collector collector;
  GatewayProcess gateway(Traced(collector.address(), {}));
  RawClient client(gateway.address());
  for (size_t i = 1; i <= 3; ++i) {
    client.Get("/local", Sampled());
    collector.Await(i);
  }
  EXPECT_EQ(collector.connections(), 1);
}

// The collector's TLS is another gateway's.
TEST(TraceExportTest, OverTlsACollectorIsWhoSomebodyVouchesFor) {
  Collector collector;
  Files files;
  const std::string site =
      files.Keyed("site", pool::IssuedBy(pool::TestAuthority(), {.names = {"ip:127.0.0.1"}}));
  GatewayProcess secure(Listener("certificates: [{" + site + "}]") +
                        "upstreams: {web: {endpoints: [\"" + collector.address() +
                        "\"]}}\nroutes: [{match: {path_prefix: /}, upstream: web}]\n");
  GatewayConfig config{.listener = "trace: keep"};
  config.top = Tracing(secure.address(), "interval: 10ms, ca: " + files.Authority(), "https://");
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  for (size_t i = 1; i <= 3; ++i) {
    client.Get("/local", Sampled());
    collector.Await(i);
  }
  EXPECT_EQ(collector.last().start_line, "POST /v1/traces HTTP/1.1");
  EXPECT_EQ(collector.last().Value("host"), secure.address());
  gateway.AwaitMetric(kSpans, {{"result", "sent"}}, 3);
  secure.AwaitMetric("holdfast_client_tls_handshakes_total", {{"result", "ok"}}, 1);
  // Nobody of this machine vouches for it.
  config.top = Tracing(secure.address(), "interval: 10ms", "https://");
  GatewayProcess wary(config);
  RawClient other(wary.address());
  other.Get("/local", Sampled());
  EXPECT_TRUE(wary.AwaitStderr("tracing: spans are lost or late at https://"));
  EXPECT_EQ(collector.Spans().size(), 3u);
}

TEST(TraceExportTest, AFileThatSaysWhoVouchesForTheCollectorMustBeThere) {
  Collector collector;
  const TempDir dir;
  GatewayConfig config = Traced(collector.address(), {});
  GatewayProcess gateway(config);
  config.top = Tracing(collector.address(), "ca: " + dir.Path("ca.pem"), "https://");
  gateway.WriteConfig(config.Text());
  gateway.Signal(SIGHUP);
  EXPECT_TRUE(gateway.AwaitStderr("tracing: " + dir.Path("ca.pem") + ": cannot be read"));
  RawClient client(gateway.address());
  client.Get("/local", Sampled());
  collector.Await(1);
}

TEST(TraceExportTest, AReloadChangesWhereSpansGo) {
  Collector first;
  Collector second;
  GatewayConfig config = Traced(first.address(), {});
  GatewayProcess gateway(config);
  RawClient client(gateway.address());
  client.Get("/local", Sampled());
  first.Await(1);
  config.top = Tracing(second.address());
  gateway.Reload(config.Text());
  client.Get("/local", Sampled());
  second.Await(1);
  config.top = "";
  gateway.Reload(config.Text());
  client.Get("/local", Sampled());
  config.top = Tracing(first.address());
  gateway.Reload(config.Text());
  client.Get("/local", Sampled());
  first.Await(2);
  EXPECT_EQ(second.Spans().size(), 1u) << "off is off";
}

TEST(TraceExportTest, TheLastSpansAreSentInTheDrain) {
  Collector collector;
  GatewayConfig config = Traced(collector.address(), {}, "interval: 60s");
  config.workers = "2";
  GatewayProcess gateway(config);
  for (int i = 0; i < 10; ++i) {
    RawClient client(gateway.address());
    client.Get("/local", Sampled());
  }
  EXPECT_EQ(collector.requests(), 0);
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.WaitExit(), 0);
  EXPECT_EQ(collector.Spans().size(), 10u);
}

TEST(TraceExportTest, NamesAreLookedUp) {
  Collector collector;
  const std::string port = collector.address().substr(collector.address().rfind(':'));
  GatewayProcess gateway(Traced("localhost" + port, {}));
  RawClient client(gateway.address());
  client.Get("/local", Sampled());
  collector.Await(1);
  EXPECT_EQ(collector.last().Value("host"), "localhost" + port);
}

TEST(TraceExportTest, ARequestThatIsSentAgainHasOneSpan) {
  Collector collector;
  ScriptedUpstream upstream;
  GatewayProcess gateway(Traced(collector.address(), upstream.address()));
  RawClient client(gateway.address());
  client.Send(GetRequest("/", Sampled()));
  UpstreamConnection first = upstream.Accept();
  first.Answer(OkResponse("warm"));
  client.Response();
  client.Send(GetRequest("/", Sampled()));
  const Message once = first.Request();
  first.Close();
  UpstreamConnection second = upstream.Accept();
  const Message again = second.Answer(OkResponse("x"));
  client.Response();
  const json span = collector.Await(2)[1];
  EXPECT_EQ(once.Value("traceparent"), again.Value("traceparent"));
  EXPECT_EQ(once.Value("traceparent").substr(36, 16), span["spanId"]);
  EXPECT_EQ(AttributesOf(span)["holdfast.retries"], "1");
}

}  // namespace
}  // namespace holdfast::support
