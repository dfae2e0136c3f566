#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/config/build.h"
#include "tests/gateway/config/route_testing.h"

namespace holdfast::config {
namespace {

using http::Method;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BuildRoutesTest, ReadsEveryKey) {
  const Route route = LoadRoute(
      "  - name: api\n"
      "    match:\n"
      "      listeners: [inner]\n"
      "      hosts: [API.example.com., \"*.api.example.com\", \"*\"]\n"
      "      path_prefix: /v1/\n"
      "      methods: [POST, DELETE]\n"
      "    upstream: api\n"
      "    timeouts: {first_byte: 1s, stall: 2s, total: 3s}\n"
      "    retry: {attempts: 0}\n"
      "    max_request_body: 10MiB\n"
      "    tunnel_idle_timeout: 4s\n");
  EXPECT_EQ(route.index, 0u);
  EXPECT_EQ(route.name, "api");
  EXPECT_EQ(route.match.listeners, std::vector<uint32_t>{1});
  EXPECT_EQ(route.match.hosts,
            (std::vector<std::string>{"api.example.com", "*.api.example.com", "*"}));
  EXPECT_FALSE(route.match.exact_path);
  EXPECT_EQ(route.match.path, "/v1/");
  EXPECT_TRUE(route.match.methods.Contains(Method::kPost));
  EXPECT_TRUE(route.match.methods.Contains(Method::kDelete));
  EXPECT_FALSE(route.match.methods.Contains(Method::kGet));
  EXPECT_EQ(route.action, Action::kUpstream);
  EXPECT_EQ(route.upstream, 1u);
  EXPECT_EQ(route.timeouts.first_byte, seconds(1));
  EXPECT_EQ(route.timeouts.stall, seconds(2));
  EXPECT_EQ(route.timeouts.total, seconds(3));
  EXPECT_EQ(route.retry.attempts, 0u);
  EXPECT_EQ(route.max_request_body, 10u << 20);
  EXPECT_EQ(route.tunnel_idle_timeout, seconds(4));
}

TEST(BuildRoutesTest, ReadsWhoIsAsked) {
  const Route route = LoadRoute(
      "  - upstream: web\n"
      "    forward_auth: {upstream: api, path: /verify?x, copy_request_headers: [cookie],\n"
      "                   copy_response_headers: [x-user], timeout: 1s, fail: open,\n"
      "                   body: 64KiB}\n");
  ASSERT_TRUE(route.forward_auth.has_value());
  EXPECT_EQ(route.forward_auth->upstream, 1u);
  EXPECT_EQ(route.forward_auth->path, "/verify?x");
  EXPECT_EQ(route.forward_auth->copy_request_headers, std::vector<std::string>{"cookie"});
  EXPECT_EQ(route.forward_auth->copy_response_headers, std::vector<std::string>{"x-user"});
  EXPECT_EQ(route.forward_auth->timeout, seconds(1));
  EXPECT_EQ(route.forward_auth->fail, FailMode::kOpen);
  EXPECT_EQ(route.forward_auth->body, 64u << 10);
  EXPECT_EQ(LoadRoute("  - {upstream: web, forward_auth: {upstream: web, body: off}}\n")
                .forward_auth->body,
            std::nullopt);
  EXPECT_FALSE(LoadRoute("  - {upstream: web, forward_auth: off}\n").forward_auth.has_value());
}

TEST(BuildRoutesTest, WhoIsAskedHasToBeThereAndTheOnlyOne) {
  for (const auto& [keys, error] : {
           std::pair{"forward_auth: {path: /v}", "upstream"},
           std::pair{"forward_auth: {upstream: wep}", "did you mean 'web'"},
           std::pair{"forward_auth: {upstream: web, path: v}", "begins with '/'"},
           std::pair{"forward_auth: {upstream: web, copy_response_headers: [host]}", "Host"},
           std::pair{"forward_auth: {upstream: web, fail: maybe}", "closed"},
           std::pair{"forward_auth: {upstream: web, body: 0}", "expected"},
           std::pair{"forward_auth: {upstream: web, body: 1GiB}", "16MiB"},
           std::pair{"forward_auth: {upstream: web}, basic_auth: {file: /x}", "one of"},
       }) {
    const std::string errors = RouteErrors("  - {upstream: web, " + std::string(keys) + "}\n");
    EXPECT_NE(errors.find(error), std::string::npos) << keys << ": " << errors;
  }
}

TEST(BuildRoutesTest, ReadsWhatIsBuffered) {
  const Route route = LoadRoute("  - {upstream: web, buffering: {request: 1MiB}}\n");
  ASSERT_TRUE(route.buffering.has_value());
  EXPECT_EQ(route.buffering->request, 1u << 20);
  EXPECT_FALSE(LoadRoute("  - {upstream: web, buffering: off}\n").buffering.has_value());
  for (const auto& [value, error] : {
           std::pair{"{}", "request"},
           std::pair{"{request: 0}", "expected"},
           std::pair{"{request: 1GiB}", "32MiB"},
           std::pair{"{response: 1MiB}", "unknown key 'response'"},
           std::pair{"on", "such as {request: 1MiB}"},
       }) {
    const std::string errors =
        RouteErrors("  - {upstream: web, buffering: " + std::string(value) + "}\n");
    EXPECT_NE(errors.find(error), std::string::npos) << value << ": " << errors;
  }
}

TEST(BuildRoutesTest, WarnsOfBodiesThatNeverFit) {
  const std::string warnings = Complaints(
      "max_buffered_bytes: 1MiB\nlisteners: [{bind: \":8080\"}]\n"
      "upstreams: {web: {endpoints: [\"127.0.0.1:1\"]}}\n"
      "routes: [{upstream: web, buffering: {request: 1MiB}}]\n");
  EXPECT_NE(warnings.find("f.yaml:4:47: warning: request: max_buffered_bytes has no room"),
            std::string::npos)
      << warnings;
}

TEST(BuildRoutesTest, ReadsHowManyMayBeUnderWay) {
  const Route route = LoadRoute(
      "  - upstream: web\n"
      "    max_in_flight: {requests: 100, queue: {size: 7, timeout: 5s}, shadow: true}\n");
  ASSERT_TRUE(route.max_in_flight.has_value());
  EXPECT_EQ(route.max_in_flight->requests, 100u);
  EXPECT_EQ(route.max_in_flight->queue.size, 7u);
  EXPECT_EQ(route.max_in_flight->queue.timeout, seconds(5));
  EXPECT_TRUE(route.max_in_flight->shadow);
  const Route brief = LoadRoute("  - {upstream: web, max_in_flight: 20}\n");
  ASSERT_TRUE(brief.max_in_flight.has_value());
  EXPECT_EQ(brief.max_in_flight->requests, 20u);
  EXPECT_EQ(brief.max_in_flight->queue.size, 1024u);
  EXPECT_EQ(brief.max_in_flight->queue.timeout, seconds(3));
  EXPECT_FALSE(brief.max_in_flight->shadow);
  EXPECT_FALSE(LoadRoute("  - {upstream: web, max_in_flight: off}\n").max_in_flight.has_value());
}

TEST(BuildRoutesTest, HowManyMayBeUnderWayIsANumber) {
  for (const auto& [value, error] : {
           std::pair{"0", "from 1 to 1000000"},
           std::pair{"many", "from 1 to 1000000"},
           std::pair{"[5]", "{requests: 100, queue: {size: 1024, timeout: 3s}}"},
           std::pair{"{}", "requests"},
           std::pair{"{requests: 0}", "from 1 to 1000000"},
           std::pair{"{requests: off}", "from 1 to 1000000"},
           std::pair{"{requests: 5, queue: 7}", "{size: 1024, timeout: 3s}"},
           std::pair{"{requests: 5, queue: {size: -1}}", "from 0 to 1000000"},
           std::pair{"{requests: 5, queue: {timeout: 0s}}", "from 1ms"},
           std::pair{"{requests: 5, queue: {timeout: off}}", "a duration"},
           std::pair{"{requests: 5, queues: {}}", "did you mean 'queue'"},
           std::pair{"{requests: 5, shadow: maybe}", "true"},
       }) {
    const std::string errors =
        RouteErrors("  - {upstream: web, max_in_flight: " + std::string(value) + "}\n");
    EXPECT_NE(errors.find(error), std::string::npos) << value << ": " << errors;
  }
}

TEST(BuildRoutesTest, ReadsWhereCopiesGo) {
  const Route route = LoadRoute(
      "  - upstream: web\n"
      "    mirror: {upstream: api, share: 0.25, max_in_flight: 7, max_body: 1KiB, timeout: 2s}\n");
  ASSERT_TRUE(route.mirror.has_value());
  EXPECT_EQ(route.mirror->upstream, 1u);
  EXPECT_EQ(route.mirror->share, 250'000u);
  EXPECT_EQ(route.mirror->max_in_flight, 7u);
  EXPECT_EQ(route.mirror->max_body, 1024u);
  EXPECT_EQ(route.mirror->timeout, seconds(2));
  const Route usual = LoadRoute("  - {upstream: web, mirror: {upstream: api, timeout: default}}\n");
  ASSERT_TRUE(usual.mirror.has_value());
  EXPECT_EQ(usual.mirror->share, Mirror::kAll);
  EXPECT_EQ(usual.mirror->max_in_flight, 100u);
  EXPECT_EQ(usual.mirror->max_body, 64u * 1024);
  EXPECT_EQ(usual.mirror->timeout, std::nullopt);
  EXPECT_FALSE(LoadRoute("  - {upstream: web, mirror: off}\n").mirror.has_value());
}

TEST(BuildRoutesTest, WhereCopiesGoHasToBeThere) {
  for (const auto& [keys, error] : {
           std::pair{"{share: 0.5}", "upstream"},
           std::pair{"{upstream: wep}", "did you mean 'web'"},
           std::pair{"{upstream: api, share: 50%}", "a share from 0 to 1"},
           std::pair{"{upstream: api, share: 1.5}", "a share from 0 to 1"},
           std::pair{"{upstream: api, max_in_flight: 0}", "1 to 10000"},
           std::pair{"{upstream: api, max_body: 2MiB}", "1MiB"},
           std::pair{"{upstream: api, timeout: 0s}", "1ms"},
           std::pair{"{upstream: api, percent: 5}", "percent"},
           std::pair{"api", "{upstream: next, share: 0.1}"},
       }) {
    const std::string errors =
        RouteErrors("  - {upstream: web, mirror: " + std::string(keys) + "}\n");
    EXPECT_NE(errors.find(error), std::string::npos) << keys << ": " << errors;
  }
}

TEST(BuildRoutesTest, CopiesForWhoAnswersAnywayAreAskedAbout) {
  for (const auto& [route, asked] : {
           std::pair{"{upstream: web, mirror: {upstream: web}}", true},
           std::pair{"{upstream: web, mirror: {upstream: api}}", false},
           std::pair{"{split: [{upstream: web}, {upstream: api}], mirror: {upstream: api}}", true},
           std::pair{"{split: [{upstream: web}, {upstream: api, weight: 0}], mirror: {upstream: "
                     "api}}",
                     false},
       }) {
    std::string said;
    for (const Diagnostic& diagnostic :
         LoadConfig(WithRoutes("  - " + std::string(route) + "\n"), "f.yaml").diagnostics) {
      said += diagnostic.message + "\n";
    }
    EXPECT_EQ(said.find("the same requests twice") != std::string::npos, asked) << route << said;
  }
}

TEST(BuildRoutesTest, TakesOff) {
  const Route route = LoadRoute(
      "  - {upstream: web, timeouts: {first_byte: off, stall: off, total: off},\n"
      "     max_request_body: off, tunnel_idle_timeout: off, retry: {per_try_timeout: off}}\n");
  EXPECT_EQ(route.timeouts.first_byte, std::nullopt);
  EXPECT_EQ(route.timeouts.stall, std::nullopt);
  EXPECT_EQ(route.timeouts.total, std::nullopt);
  EXPECT_EQ(route.max_request_body, std::nullopt);
  EXPECT_EQ(route.tunnel_idle_timeout, std::nullopt);
  EXPECT_EQ(route.retry.per_try_timeout, std::nullopt);
}

TEST(BuildRoutesTest, ReadsARetryPolicy) {
  const RetryPolicy retry =
      LoadRoute(
          "  - upstream: web\n"
          "    retry: {attempts: 10, on: [unprocessed, gateway_error], statuses: [503, 425, 503],\n"
          "            per_try_timeout: 1s, backoff: 10ms, max_backoff: 10ms}\n")
          .retry;
  EXPECT_EQ(retry.attempts, 10u);
  EXPECT_FALSE(retry.connect_failure);
  EXPECT_FALSE(retry.reset);
  EXPECT_TRUE(retry.unprocessed);
  EXPECT_TRUE(retry.gateway_error);
  EXPECT_FALSE(retry.first_byte_timeout);
  EXPECT_EQ(retry.statuses, (std::vector<uint16_t>{503, 425}));
  EXPECT_EQ(retry.per_try_timeout, seconds(1));
  EXPECT_EQ(retry.backoff, milliseconds(10));
  EXPECT_EQ(retry.max_backoff, milliseconds(10));
}

TEST(BuildRetryTest, StatusesOfGrpcHaveNames) {
  const Route route =
      LoadRoute("  - {upstream: web, retry: {grpc_statuses: [unavailable, resource_exhausted]}}\n");
  EXPECT_EQ(route.retry.grpc_statuses,
            (std::vector{grpc::Status::kUnavailable, grpc::Status::kResourceExhausted}));
  EXPECT_NE(RouteErrors("  - {upstream: web, retry: {grpc_statuses: [unavailible]}}\n")
                .find("unavailable"),
            std::string::npos);
}

TEST(BuildRoutesTest, TheReasonsToRetryReplaceTheDefault) {
  const auto policy = [](std::string_view on) {
    return LoadRoute("  - {upstream: web, retry: {on: [" + std::string(on) + "]}}\n").retry;
  };
  EXPECT_TRUE(LoadRoute("  - {upstream: web, retry: {}}\n").retry.connect_failure);
  EXPECT_FALSE(policy("").connect_failure);
  EXPECT_TRUE(policy("connect_failure").connect_failure);
  EXPECT_TRUE(policy("reset").reset);
  EXPECT_TRUE(policy("first_byte_timeout").first_byte_timeout);
  EXPECT_FALSE(policy("first_byte_timeout").gateway_error);
  EXPECT_EQ(RouteErrors("  - {upstream: web, retry: {on: [unprocesed]}}\n"),
            "8:34 expected one of connect_failure, unprocessed, reset, gateway_error, "
            "first_byte_timeout; found 'unprocesed'; did you mean 'unprocessed'?\n");
}

TEST(BuildRoutesTest, TheOldWordForUnprocessedIsTakenWithAWarning) {
  const LoadResult result = LoadConfig(WithRoutes("  - {upstream: web, retry: {on: [refused]}}\n"
                                                  "  - {match: {path: /a}, upstream: api}\n"),
                                       "f.yaml");
  ASSERT_TRUE(result.config);
  EXPECT_TRUE(result.config->routes[0].retry.unprocessed);
  EXPECT_FALSE(result.config->routes[0].retry.connect_failure);
  EXPECT_EQ(FormatDiagnostics(result.diagnostics),
            "f.yaml:8:34: warning: 'refused' is now called 'unprocessed'; it means the same\n"
            "    - {upstream: web, retry: {on: [refused]}}\n"
            "                                   ^\n");
}

TEST(BuildRoutesTest, BoundsTheRetries) {
  EXPECT_EQ(RouteErrors("  - {upstream: web, retry: {attempts: 11}}\n"),
            "8:39 expected a whole number from 0 to 10; found '11'\n");
  for (const char* status : {"399", "600", "200", "99999999999"}) {
    EXPECT_EQ(
        RouteErrors("  - {upstream: web, retry: {statuses: [" + std::string(status) + "]}}\n"),
        "8:40 expected a whole number from 400 to 599; found '" + std::string(status) + "'\n");
  }
}

TEST(BuildRoutesTest, TheLongestBackoffIsNotShorterThanTheFirst) {
  EXPECT_EQ(LoadRoute("  - {upstream: web, retry: {backoff: 1s}}\n").retry.max_backoff, seconds(1));
  EXPECT_EQ(LoadRoute("  - {upstream: web, retry: {backoff: 0s}}\n").retry.max_backoff,
            milliseconds(250));
  EXPECT_EQ(RouteErrors("  - {upstream: web, retry: {backoff: 1s, max_backoff: 999ms}}\n"),
            "8:55 max_backoff is shorter than backoff, which is 1s\n");
}

TEST(BuildRoutesTest, WithoutMatchTakesEverything) {
  const Route route = LoadRoute("  - upstream: web\n");
  EXPECT_EQ(route.name, "route-1");
  EXPECT_TRUE(route.match.hosts.empty());
  EXPECT_TRUE(route.match.listeners.empty());
  EXPECT_TRUE(route.match.methods.empty());
  EXPECT_EQ(route.match.path, "/");
  EXPECT_FALSE(route.match.exact_path);
}

TEST(BuildRoutesTest, ReadsARespond) {
  const Route route = LoadRoute(
      "  - match: {path: /hello}\n"
      "    respond: {status: 201, body: \"hello\\n\", headers: {content-type: text/plain, x-a: "
      "b}}\n");
  EXPECT_TRUE(route.match.exact_path);
  EXPECT_EQ(route.match.path, "/hello");
  EXPECT_EQ(route.action, Action::kRespond);
  EXPECT_EQ(route.respond.status, 201);
  EXPECT_EQ(route.respond.body, "hello\n");
  ASSERT_EQ(route.respond.headers.size(), 2u);
  EXPECT_EQ(route.respond.headers[0],
            (std::pair<std::string, std::string>("content-type", "text/plain")));
}

TEST(BuildRoutesTest, AResponseThatHasNoContentHasNoBody) {
  EXPECT_EQ(LoadRoute("  - respond: {status: 204}\n").respond.status, 204);
  for (const char* status : {"204", "205", "304"}) {
    EXPECT_EQ(RouteErrors("  - respond: {status: " + std::string(status) + ", body: x}\n"),
              "8:34 a response with status " + std::string(status) + " has no body\n");
  }
}

TEST(BuildRoutesTest, ARespondCannotSplitOrFrameAResponse) {
  EXPECT_EQ(RouteErrors("  - respond: {headers: {x: \"a\\r\\nset-cookie: b\"}}\n"),
            "8:28 expected a field value without control characters and surrounding white space, "
            "or {file: PATH}; "
            "found 'a\\x0d\\nset-cookie: b'\n");
  EXPECT_EQ(RouteErrors("  - respond: {headers: {Content-Length: 5}}\n"),
            "8:25 expected a field name that does not belong to framing or to one hop (such as "
            "Content-Length, Transfer-Encoding, Connection) and is not Date; found "
            "'Content-Length'\n");
}

TEST(BuildRoutesTest, BoundsTheRespond) {
  const auto with_body = [](size_t size) {
    return "  - respond: {body: \"" + std::string(size, 'a') + "\"}\n";
  };
  EXPECT_EQ(LoadRoute(with_body(65536)).respond.body.size(), 65536u);
  EXPECT_EQ(RouteErrors(with_body(65537)).substr(0, 45),
            "8:21 expected a text of at most 64KiB; found ");
  for (const char* status : {"199", "600", "101", "abc"}) {
    EXPECT_EQ(
        RouteErrors("  - respond: {status: " + std::string(status) + "}\n"),
        "8:23 expected a whole number from 200 to 599; found '" + std::string(status) + "'\n");
  }
}

TEST(BuildRoutesTest, ReadsARedirect) {
  const Route route =
      LoadRoute("  - {match: {path_prefix: /old/}, redirect: {status: 301, to: /new/}}\n");
  EXPECT_EQ(route.action, Action::kRedirect);
  EXPECT_EQ(route.redirect.status, 301);
  EXPECT_EQ(route.redirect.to, "/new/");
  EXPECT_EQ(LoadRoute("  - redirect: {to: /new/}\n").redirect.status, 308);
  EXPECT_EQ(RouteErrors("  - redirect: {status: 300, to: /}\n"),
            "8:24 expected one of 301, 302, 303, 307, 308; found '300'\n");
  EXPECT_EQ(RouteErrors("  - redirect: {status: 308}\n"), "8:15 redirect: expected to or scheme\n");
}

TEST(BuildRoutesTest, ARedirectMayLeadToAnotherScheme) {
  const Route route = LoadRoute("  - redirect: {scheme: https, port: 8443}\n");
  EXPECT_EQ(route.redirect.scheme, RedirectScheme::kHttps);
  EXPECT_EQ(route.redirect.port, 8443);
  EXPECT_EQ(route.redirect.to, "");
  EXPECT_EQ(LoadRoute("  - redirect: {scheme: https, to: /new}\n").redirect.to, "/new");
  EXPECT_EQ(RouteErrors("  - redirect: {to: /new, port: 8443}\n"),
            "8:32 port: goes with scheme only\n");
  EXPECT_EQ(RouteErrors("  - redirect: {scheme: https, to: \"https://a.test/\"}\n"),
            "8:35 to: with scheme it is a path, since the host stays\n");
}

TEST(BuildRoutesTest, ARedirectsUrlGetsAPath) {
  const auto target = [](std::string_view to) {
    return LoadRoute("  - redirect: {to: \"" + std::string(to) + "\"}\n").redirect.to;
  };
  EXPECT_EQ(target("https://example.com"), "https://example.com/");
  EXPECT_EQ(target("https://example.com/"), "https://example.com/");
  EXPECT_EQ(target("https://example.com/a"), "https://example.com/a");
  EXPECT_EQ(target("https://example.com?a=/b"), "https://example.com/?a=/b");
  EXPECT_EQ(target("https://example.com#a"), "https://example.com/#a");
}

TEST(BuildRoutesTest, NeedsExactlyOneAction) {
  EXPECT_EQ(RouteErrors("  - match: {path: /}\n"),
            "8:5 expected one of upstream, split, respond, redirect; found none\n");
  EXPECT_EQ(RouteErrors("  - {upstream: web, respond: {}}\n"),
            "8:5 expected one of upstream, split, respond, redirect; found several\n");
}

TEST(BuildRoutesTest, ReadsASplit) {
  const Route route = Load(WithRoutes("  - {split: [{upstream: api, weight: 1000000}, "
                                      "{upstream: web}], split_by: \"cookie:sid\"}\n"))
                          .routes.at(0);
  EXPECT_EQ(route.action, Action::kUpstream);
  ASSERT_EQ(route.split.size(), 2u);
  EXPECT_EQ(route.split[0].upstream, 1u);
  EXPECT_EQ(route.split[0].weight, 1'000'000u);
  EXPECT_EQ(route.split[1].upstream, 0u);
  EXPECT_EQ(route.split[1].weight, 1u) << "the same for all, unless they say otherwise";
  EXPECT_EQ(route.split_by.by, SplitKey::By::kCookie);
  EXPECT_EQ(route.split_by.name, "sid");
}

TEST(BuildRoutesTest, ASplitGoesByChanceOrByAKey) {
  const auto key = [](std::string_view by) {
    return LoadRoute("  - {split: [{upstream: web}]" + std::string(by) + "}\n").split_by;
  };
  EXPECT_EQ(key("").by, SplitKey::By::kRandom);
  EXPECT_EQ(key(", split_by: random").by, SplitKey::By::kRandom);
  EXPECT_EQ(key(", split_by: client").by, SplitKey::By::kClient);
  EXPECT_EQ(key(", split_by: \"header:X-User\"").by, SplitKey::By::kHeader);
  EXPECT_EQ(key(", split_by: \"header:X-User\"").name, "X-User");
}

TEST(BuildRoutesTest, WhatIsWrongWithASplit) {
  const auto errors = [](std::string_view split, std::string_view more = "") {
    return RouteErrors("  - {split: " + std::string(split) + std::string(more) + "}\n");
  };
  EXPECT_EQ(errors("[{upstream: web}, {upstream: wbe}]"),
            "8:42 upstream 'wbe' is not defined; did you mean 'web'?\n");
  EXPECT_EQ(errors("[{upstream: web}, {upstream: api}, {upstream: web}]"),
            "8:59 upstream 'web' is given twice; first at line 8\n");
  EXPECT_EQ(errors("[{upstream: web, weight: 0}, {upstream: api, weight: 0}]"),
            "8:13 split: no upstream would get a request, since every weight is 0\n");
  EXPECT_EQ(errors("[{upstream: web, weight: 1000001}]"),
            "8:38 expected a whole number from 0 to 1000000; found '1000001'\n");
  EXPECT_EQ(errors("[{upstream: web, weight: -1}]"),
            "8:38 expected a whole number from 0 to 1000000; found '-1'\n");
  EXPECT_EQ(errors("[{upstream: web, weight: 10%}]"),
            "8:38 expected a whole number from 0 to 1000000; found '10%'\n");
  EXPECT_EQ(errors("[{weight: 1}]"),
            "8:14 key 'upstream' is missing; expected a mapping such as {upstream: web, weight: "
            "9}\n");
  EXPECT_EQ(errors("[web, api]"),
            "8:14 expected a mapping such as {upstream: web, weight: 9}; found 'web'\n"
            "8:19 expected a mapping such as {upstream: web, weight: 9}; found 'api'\n");
  EXPECT_EQ(errors("{web: 9, api: 1}"),
            "8:13 expected a list of 1 to 32 shares such as {upstream: web, weight: 9}; found a "
            "mapping\n");
  EXPECT_EQ(errors("[]"),
            "8:13 expected a list of 1 to 32 shares such as {upstream: web, weight: 9}; found an "
            "empty list\n");
  std::string many;
  for (int i = 0; i < 33; ++i) many += "{upstream: web}, ";
  EXPECT_TRUE(errors("[" + many + "]").starts_with("8:13 expected a list of 1 to 32 shares"));
  EXPECT_EQ(errors("[{upstream: web}]", ", upstream: web"),
            "8:5 expected one of upstream, split, respond, redirect; found several\n");
  for (const std::string by : {"header", "header:", "cookie:a b", "global", "client_certificate",
                               "path", "client:x", "off"}) {
    EXPECT_EQ(errors("[{upstream: web}]", ", split_by: \"" + by + "\""),
              "8:42 expected random, client, header:NAME or cookie:NAME; found '" + by + "'\n");
  }
  EXPECT_EQ(RouteErrors("  - {upstream: web, split_by: client}\n"),
            "8:31 split_by: goes with split only\n");
}

TEST(BuildRoutesTest, AUserOfRedisHasAPassword) {
  const auto with = [](const std::string& keys) {
    return RouteErrors("  - {upstream: web, rate_limit: {requests: 1, shared: {redis: \"r:1\"" +
                       keys + "}}}\n");
  };
  EXPECT_EQ(with(", username: u, password: p"), "");
  EXPECT_NE(with(", username: u").find("username: goes with password"), std::string::npos);
}

TEST(BuildRoutesTest, LimitsAreSharedInAFewWays) {
  const auto routes = [](size_t ways) {
    std::string text;
    for (size_t i = 0; i < 2 * ways; ++i) {
      text += "  - {match: {path: /" + std::to_string(i) +
              "}, upstream: web, rate_limit: {requests: 1, shared: {redis: \"r:" +
              std::to_string(i / 2 + 1) + "\"}}}\n";
    }
    return RouteErrors(text);
  };
  EXPECT_EQ(routes(policy::kMaxSharedLinks), "");
  const std::string errors = routes(policy::kMaxSharedLinks + 1);
  EXPECT_NE(errors.find("shared: at most 16 different ones in a file"), errors.npos) << errors;
  EXPECT_EQ(std::ranges::count(errors, '\n'), 1) << errors;
}

TEST(BuildRoutesTest, NeedsOnePath) {
  EXPECT_EQ(RouteErrors("  - {match: {path: /a, path_prefix: /b}, upstream: web}\n"),
            "8:20 expected one of path, path_prefix, path_regex; found several\n");
}

TEST(BuildRoutesTest, ReportsReferencesToNothing) {
  EXPECT_EQ(RouteErrors("  - {match: {listeners: [egde, inner]}, upstream: wbe}\n"),
            "8:26 listener 'egde' is not defined; did you mean 'edge'?\n"
            "8:51 upstream 'wbe' is not defined; did you mean 'web'?\n");
}

TEST(BuildRoutesTest, NamesAreUniqueIncludingTheDefaults) {
  EXPECT_EQ(RouteErrors("  - {name: a, upstream: web}\n  - {name: a, upstream: api}\n"),
            "9:12 route 'a' is given twice; first at line 8\n");
  EXPECT_EQ(RouteErrors("  - {name: route-2, upstream: web}\n  - upstream: api\n"),
            "9:5 route 'route-2' is given twice; first at line 8\n");
}

TEST(BuildRoutesTest, WarnsOfARouteThatNeverGetsARequest) {
  EXPECT_EQ(Complaints(WithRoutes("  - {name: a, upstream: web}\n"
                                  "  - {name: b, match: {path_prefix: /}, upstream: api}\n")),
            "f.yaml:9:5: warning: route 'b' never gets a request: route 'a' at line 8 takes the "
            "same hosts, path and methods\n"
            "    - {name: b, match: {path_prefix: /}, upstream: api}\n"
            "      ^\n");
}

TEST(BuildRoutesTest, AListOfNobodyIsNotOneOfEverybody) {
  for (const std::string keys :
       {"allow: []", "match: {clients: []}", "match: {not: [{clients: []}]}",
        "forward_auth: {upstream: api, copy_request_headers: []}"}) {
    EXPECT_NE(RouteErrors("  - {" + keys + ", upstream: web}\n").find("found an empty list"),
              std::string::npos)
        << keys;
  }
  EXPECT_EQ(RouteErrors("  - {deny: [], upstream: web}\n"), "") << "which is nobody";
}

TEST(BuildRoutesTest, WarnsOfKeysThatAreTheClientsWord) {
  const auto warned = [](const std::string& keys) {
    const std::string said = Complaints(WithRoutes("  - {name: a, " + keys + "}\n"));
    return said.find("is what the client says here") != std::string::npos;
  };
  const std::string jwt =
      ", jwt: {jwks: /k, issuer: i, audience: a, algorithms: [ES256], claims_to_headers: "
      "{x-user: sub}}";
  const std::string asked =
      ", forward_auth: {upstream: api, copy_response_headers: [x-user, authorization]}";
  const std::string limit = "upstream: web, rate_limit: {requests: 1, key: \"header:";
  const std::string split = "split: [{upstream: web}], split_by: \"header:";
  for (const std::string& who : {jwt, asked}) {
    EXPECT_TRUE(warned(limit + "X_User\"}" + who)) << who;
    EXPECT_TRUE(warned(split + "x-user\"" + who)) << who;
    EXPECT_FALSE(warned(limit + "x-key\"}" + who)) << who;
    EXPECT_FALSE(warned(limit + "authorization\"}" + who)) << who;
    EXPECT_FALSE(warned("upstream: web, rate_limit: {requests: 1, key: client}" + who)) << who;
  }
  EXPECT_FALSE(warned(limit + "x-user\"}"));
}

TEST(BuildRoutesTest, WarnsOfOptionsWithoutEffect) {
  EXPECT_EQ(Complaints("listeners: [{bind: \":1\"}]\nroutes:\n"
                       "  - {respond: {}, retry: {attempts: 0}}\n"),
            "f.yaml:3:26: warning: retry has no effect on a route without an upstream\n"
            "    - {respond: {}, retry: {attempts: 0}}\n"
            "                           ^\n");
}

// It looks like another proxy's variable, or is a secret with a dollar.
TEST(BuildRoutesTest, WarnsOfWhatIsNoVariableAndDoesNotShowIt) {
  EXPECT_EQ(Complaints(WithRoutes("  - {upstream: web, request_headers: {set: {a: \"pa$word\"}}}\n"
                                  "  - {match: {path: /a}, upstream: api}\n")),
            "f.yaml:8:48: warning: this value is taken as it is; a variable is written ${NAME}\n");
}

TEST(BuildRoutesTest, NoRouteIsCalledAsThoseWithoutOneAre) {
  EXPECT_EQ(RouteErrors("  - {name: none, upstream: web}\n  - upstream: api\n"),
            "8:12 'none' is what requests without a route are called\n");
}

TEST(BuildRoutesTest, WarnsOfATimeThatIsNeverReached) {
  const auto said = [](std::string_view keys) {
    return Complaints(WithRoutes("  - {name: a, upstream: web, " + std::string(keys) + "}\n"));
  };
  EXPECT_NE(said("timeouts: {first_byte: 6s, total: 5s}")
                .find("first_byte is never reached: total is 5s"),
            std::string::npos);
  EXPECT_NE(said("timeouts: {total: 5s}, retry: {per_try_timeout: 6s}")
                .find("per_try_timeout is never reached: total is 5s"),
            std::string::npos);
  EXPECT_EQ(said("timeouts: {total: 5s}").find("never reached"), std::string::npos);
  EXPECT_EQ(said("timeouts: {first_byte: off, total: 5s}").find("never reached"),
            std::string::npos);
}

TEST(BuildHeaderRulesTest, RulesAreTaken) {
  const Route route = LoadRoute(
      "  - {upstream: web, request_headers: {set: {x-a: \"${host}\"}, add: {x-b: c}, "
      "set_if_missing: {x-c: d}, remove: [x-d, cookie]}, response_headers: {remove: [server]}}\n");
  EXPECT_EQ(route.request_headers.set, (policy::HeaderRules::Fields{{"x-a", "${host}"}}));
  EXPECT_EQ(route.request_headers.add, (policy::HeaderRules::Fields{{"x-b", "c"}}));
  EXPECT_EQ(route.request_headers.set_if_missing, (policy::HeaderRules::Fields{{"x-c", "d"}}));
  EXPECT_EQ(route.request_headers.remove, (std::vector<std::string>{"x-d", "cookie"}));
  EXPECT_EQ(route.response_headers.remove, std::vector<std::string>{"server"});
}

TEST(BuildHeaderRulesTest, WhatCannotBeIsTold) {
  const auto errors = [](const std::string& rules) {
    return RouteErrors("  - {upstream: web, request_headers: " + rules + "}\n");
  };
  EXPECT_NE(errors("{set: {host: a}}").find("a field name that does not belong to framing"),
            std::string::npos);
  EXPECT_NE(errors("{remove: [X_Forwarded_For]}"), "");
  EXPECT_NE(errors("{add: {\"a b\": c}}"), "");
  EXPECT_NE(errors("{set: {x-a: \"${nobody}\"}}").find("${nobody} is not known"),
            std::string::npos);
  EXPECT_NE(errors("{set: {x-a: b}, remove: [X_A]}").find("field 'X_A'"), std::string::npos);
  EXPECT_NE(errors("{set: {x-a: \"b\\nc\"}}"), "");
  EXPECT_EQ(errors("{}"), "");
}

TEST(BuildHeaderRulesTest, VariablesOfOtherProxiesAreWarnedOf) {
  const auto warnings = [](const std::string& value) {
    return LoadConfig(WithRoutes("  - {upstream: web, request_headers: {set: {x-a: \"" + value +
                                 "\"}}}\n"),
                      "f.yaml")
        .diagnostics.size();
  };
  const size_t before = warnings("${host}");
  EXPECT_EQ(warnings("$remote_addr"), before + 1);
  EXPECT_EQ(warnings("%[src]"), before + 1);
  EXPECT_EQ(warnings("{{host}}"), before + 1);
  EXPECT_EQ(warnings("costs $5, 100%"), before);
}

TEST(BuildRewriteTest, EachKindIsTaken) {
  const Route prefix = LoadRoute(
      "  - {match: {path_prefix: /a}, rewrite: {path_prefix: /b, query: drop, host: in.test}, "
      "upstream: web}\n");
  EXPECT_EQ(prefix.rewrite.path_prefix, "/b");
  EXPECT_EQ(prefix.rewrite.query, QueryRewrite::kDrop);
  EXPECT_EQ(prefix.rewrite.host, "in.test");
  EXPECT_TRUE(prefix.rewrite.of_target());
  const Route regex = LoadRoute(
      "  - {rewrite: {path_regex: {pattern: \"/u/([0-9]+)\", to: \"/v?id=\\\\1\"}}, upstream: "
      "web}\n");
  ASSERT_TRUE(regex.rewrite.path_regex.has_value());
  EXPECT_EQ(regex.rewrite.path_regex->pattern.text(), "/u/([0-9]+)");
  EXPECT_EQ(regex.rewrite.path_regex->to, "/v?id=\\1");
  EXPECT_EQ(
      LoadRoute("  - {match: {path: /a}, rewrite: {path: \"/b?c\"}, upstream: web}\n").rewrite.path,
      "/b?c");
  EXPECT_FALSE(LoadRoute("  - {rewrite: {host: endpoint}, upstream: web}\n").rewrite.of_target());
}

TEST(BuildRewriteTest, WhatCannotBeIsTold) {
  const auto errors = [](const std::string& rest) {
    return RouteErrors("  - {" + rest + ", upstream: web}\n");
  };
  EXPECT_EQ(errors("rewrite: {path_prefix: /a, path: /b}"),
            "8:15 expected one of path_prefix, path, path_regex; found several\n");
  EXPECT_NE(errors("match: {path: /a}, rewrite: {path_prefix: /b}").find("matches no prefix"),
            std::string::npos);
  EXPECT_NE(errors("match: {path_regex: /a}, rewrite: {path_prefix: /b}").find("matches no prefix"),
            std::string::npos);
  EXPECT_NE(errors("rewrite: {path_regex: {pattern: /a, to: \"/\\\\1\"}}").find(" to: "),
            std::string::npos);
  EXPECT_NE(errors("rewrite: {path_regex: {pattern: \"/(\", to: /a}}").find("missing )"),
            std::string::npos);
  EXPECT_NE(errors("rewrite: {path_regex: {pattern: /a}}").find("key 'to' is missing"),
            std::string::npos);
  for (const std::string wrong : {"{path: a}", "{path_prefix: \"/a?b\"}", "{path: \"/a b\"}",
                                  "{path_regex: {pattern: /a, to: b}}", "{query: some}",
                                  "{host: \"a b\"}", "{host: \"*.a\"}"}) {
    EXPECT_NE(errors("rewrite: " + wrong), "") << wrong;
  }
}

TEST(BuildCorsTest, MethodsAreThoseOfTheRouteUnlessSaid) {
  const Route route = LoadRoute(
      "  - {match: {methods: [GET, PURGE]}, cors: {allow_origins: [\"https://a.test\"]}, "
      "security_headers: strict, upstream: web}\n");
  ASSERT_TRUE(route.cors.has_value());
  EXPECT_EQ(route.cors->allow_methods, (std::vector<std::string>{"GET", "HEAD", "PURGE"}));
  EXPECT_EQ(route.security_headers, policy::SecurityHeaders::kStrict);
  EXPECT_FALSE(LoadRoute("  - upstream: web\n").cors.has_value());
}

TEST(BuildCorsTest, WhatCannotBeIsTold) {
  const auto errors = [](const std::string& cors) {
    return RouteErrors("  - {cors: " + cors + ", upstream: web}\n");
  };
  EXPECT_NE(
      errors("{allow_origins: [\"*\"], allow_credentials: true}").find("not with the origin *"),
      std::string::npos);
  EXPECT_NE(errors("{allow_methods: [GET]}").find("key 'allow_origins' is missing"),
            std::string::npos);
  for (const std::string wrong :
       {"{allow_origins: []}", "{allow_origins: [a.test]}", "{allow_origins: [\"https://a/b\"]}",
        "{allow_origins: [\"*\"], allow_headers: [\"a b\"]}",
        "{allow_origins: [\"*\"], max_age: 2d}"}) {
    EXPECT_NE(errors(wrong), "") << wrong;
  }
}

}  // namespace
}  // namespace holdfast::config
