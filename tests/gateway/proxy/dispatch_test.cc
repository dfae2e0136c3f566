#include "gateway/proxy/dispatch.h"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/http/parser.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using Kind = Dispatch::Kind;

constexpr std::string_view kConfig =
    "listeners: [{name: edge, bind: 127.0.0.1:8080}]\n"
    "upstreams: {web: {endpoints: [\"127.0.0.1:1\"]}}\n"
    "routes:\n"
    "  - {name: own, match: {path: /own}, respond: {status: 200, body: hi}}\n"
    "  - {name: away, match: {path: /away}, redirect: {to: /there}}\n"
    "  - {name: small, match: {path: /small}, upstream: web, max_request_body: 10}\n"
    "  - {name: get, match: {path_prefix: /get, methods: [GET, OPTIONS]}, upstream: web}\n";

struct Row {
  const char* name;
  std::string request;  // the head, without its end
  Kind kind;
  std::string_view route = {};
  Failure failure = Failure::kNone;
};

class DispatchTest : public testing::TestWithParam<Row> {};

TEST_P(DispatchTest, IsDecidedByTheHeadAlone) {
  const std::shared_ptr<const route::Snapshot> snapshot = ProxyHarness::Load(kConfig);
  std::string bytes = GetParam().request + "\r\nHost: a\r\n\r\n";
  http::RequestHead request;
  ASSERT_EQ(http::ParseRequestHead({bytes.data(), bytes.size()}, {}, &request),
            http::Refusal::kNone);
  http::PathForm form;
  route::Miss miss;
  const Dispatch dispatch =
      DispatchRequest(*snapshot, 0, {.method = request.method, .head = &request}, &form, &miss);
  EXPECT_EQ(dispatch.kind, GetParam().kind);
  EXPECT_EQ(dispatch.failure, GetParam().failure);
  EXPECT_EQ(dispatch.route != nullptr ? std::string_view(dispatch.route->name) : "",
            GetParam().route);
}

std::string ThroughUs() {
  std::string via = "\r\nVia: 1.1 holdfast";
  for (size_t i = 1; i < http::kMaxRoundsThroughUs; ++i) via += ", 1.1 holdfast";
  return via;
}

INSTANTIATE_TEST_SUITE_P(
    All, DispatchTest,
    testing::Values(
        Row{"Connect", "CONNECT a:1 HTTP/1.1", Kind::kRefuse, "", Failure::kUnsupportedMethod},
        Row{"Trace", "TRACE /own HTTP/1.1", Kind::kRefuse, "", Failure::kUnsupportedMethod},
        Row{"Expectation", "GET /own HTTP/1.1\r\nExpect: magic", Kind::kRefuse, "",
            Failure::kUnknownExpectation},
        Row{"Ambiguous", "GET /own%252e%252e/x%2f..%2fown HTTP/1.1", Kind::kRefuse, "",
            Failure::kAmbiguousPath},
        Row{"NoRoute", "GET /else HTTP/1.1", Kind::kNoRoute, "", Failure::kNoRoute},
        Row{"Method", "POST /get HTTP/1.1", Kind::kMethodNotAllowed, "",
            Failure::kMethodNotAllowed},
        Row{"Respond", "GET /own HTTP/1.1", Kind::kRespond, "own"},
        Row{"Redirect", "GET /away HTTP/1.1", Kind::kRedirect, "away"},
        Row{"TooLarge", "POST /small HTTP/1.1\r\nContent-Length: 11", Kind::kRefuse, "small",
            Failure::kBodyTooLarge},
        Row{"JustRight", "POST /small HTTP/1.1\r\nContent-Length: 10", Kind::kProxy, "small"},
        Row{"Proxy", "GET /get HTTP/1.1", Kind::kProxy, "get"},
        Row{"OptionsThatMayNotGoFurther", "OPTIONS /get HTTP/1.1\r\nMax-Forwards: 0",
            Kind::kAnswerOptions, "get"},
        Row{"OptionsThatMay", "OPTIONS /get HTTP/1.1\r\nMax-Forwards: 1", Kind::kProxy, "get"},
        Row{"Loop", "GET /get HTTP/1.1" + ThroughUs(), Kind::kRefuse, "get",
            Failure::kLoopDetected},
        Row{"ALoopThatEndsHere", "GET /own HTTP/1.1" + ThroughUs(), Kind::kRespond, "own"}),
    [](const auto& info) { return info.param.name; });

TEST(DispatchPathTest, ThePathThatGoesOnIsTheOneThatWasMatched) {
  const std::shared_ptr<const route::Snapshot> snapshot = ProxyHarness::Load(kConfig);
  std::string bytes = "GET /x/../get/a HTTP/1.1\r\nHost: a\r\n\r\n";
  http::RequestHead request;
  ASSERT_EQ(http::ParseRequestHead({bytes.data(), bytes.size()}, {}, &request),
            http::Refusal::kNone);
  http::PathForm form;
  route::Miss miss;
  EXPECT_EQ(
      DispatchRequest(*snapshot, 0, {.method = request.method, .head = &request}, &form, &miss)
          .path,
      "/get/a");
}

TEST(DispatchPathTest, EachListenerReadsPathsInItsOwnWay) {
  const std::shared_ptr<const route::Snapshot> snapshot = ProxyHarness::Load(
      "listeners:\n"
      "  - {name: strict, bind: 127.0.0.1:8080}\n"
      "  - {name: merging, bind: 127.0.0.1:8081, path: {normalize: merge_slashes}}\n"
      "  - {name: none, bind: 127.0.0.1:8082, path: {encoded_slash: reject}}\n"
      "upstreams: {web: {endpoints: [\"127.0.0.1:1\"]}}\n"
      "routes: [{upstream: web}]\n");
  const std::string bytes = "GET /a//b%2Fc HTTP/1.1\r\nHost: a\r\n\r\n";
  http::RequestHead request;
  ASSERT_EQ(http::ParseRequestHead({bytes.data(), bytes.size()}, {}, &request),
            http::Refusal::kNone);
  http::PathForm form;
  route::Miss miss;
  const auto dispatch = [&](uint32_t listener) {
    return DispatchRequest(*snapshot, listener, {.method = request.method, .head = &request}, &form,
                           &miss);
  };
  EXPECT_EQ(dispatch(0).path, "/a//b%2Fc");
  EXPECT_EQ(dispatch(1).path, "/a/b%2Fc");
  EXPECT_EQ(dispatch(2).kind, Kind::kRefuse);
  EXPECT_EQ(dispatch(2).failure, Failure::kEncodedSlash);
  EXPECT_EQ(dispatch(2).detail, "The path has an escaped slash (%2F).");
}

TEST(DispatchSchemeTest, NobodyIsLedToAHostWithoutAName) {
  const std::shared_ptr<const route::Snapshot> snapshot = ProxyHarness::Load(
      "listeners: [{name: edge, bind: 127.0.0.1:8080}]\n"
      "routes: [{redirect: {scheme: https}}]\n");
  for (const std::string host : {"", "Host: a\r\n"}) {
    std::string bytes = "GET / HTTP/1.0\r\n" + host + "\r\n";
    http::RequestHead request;
    ASSERT_EQ(http::ParseRequestHead({bytes.data(), bytes.size()}, {}, &request),
              http::Refusal::kNone);
    http::PathForm form;
    route::Miss miss;
    const Dispatch dispatch =
        DispatchRequest(*snapshot, 0, {.method = request.method, .head = &request}, &form, &miss);
    const bool named = host.find('a') != std::string::npos;
    EXPECT_EQ(dispatch.kind, named ? Kind::kRedirect : Kind::kRefuse) << host;
    EXPECT_EQ(dispatch.failure, named ? Failure::kNone : Failure::kNoHost) << host;
  }
}

}  // namespace
}  // namespace holdfast::proxy
