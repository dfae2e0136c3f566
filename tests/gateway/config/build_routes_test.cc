#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/config/build.h"
#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

using http::Method;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The warning about upstreams without a route is beside the point here.
Route LoadRoute(std::string_view route) {
  LoadResult result = LoadConfig(WithRoutes(route), "f.yaml");
  EXPECT_TRUE(result.config) << FormatDiagnostics(result.diagnostics);
  return result.config ? result.config->routes.at(0) : Route{};
}

// The errors alone, without the source lines.
std::string RouteErrors(std::string_view routes) {
  std::string errors;
  for (const Diagnostic& diagnostic : LoadConfig(WithRoutes(routes), "f.yaml").diagnostics) {
    if (diagnostic.severity != Severity::kError) continue;
    errors += std::to_string(diagnostic.position.line) + ":" +
              std::to_string(diagnostic.position.column) + " " + diagnostic.message + "\n";
  }
  return errors;
}

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

TEST(BuildRoutesTest, GetBringsHead) {
  const MethodSet methods =
      LoadRoute("  - {match: {methods: [GET]}, upstream: web}\n").match.methods;
  EXPECT_TRUE(methods.Contains(Method::kGet));
  EXPECT_TRUE(methods.Contains(Method::kHead));
  const MethodSet head = LoadRoute("  - {match: {methods: [HEAD]}, upstream: web}\n").match.methods;
  EXPECT_FALSE(head.Contains(Method::kGet));
}

TEST(BuildRoutesTest, KnowsTheNameOfEachMethod) {
  const std::pair<const char*, Method> names[] = {
      {"GET", Method::kGet},     {"HEAD", Method::kHead},     {"POST", Method::kPost},
      {"PUT", Method::kPut},     {"DELETE", Method::kDelete}, {"OPTIONS", Method::kOptions},
      {"TRACE", Method::kTrace}, {"PATCH", Method::kPatch}};
  for (const auto& [name, method] : names) {
    const std::string text = "  - {match: {methods: [" + std::string(name) + "]}, upstream: web}\n";
    EXPECT_TRUE(LoadRoute(text).match.methods.Contains(method)) << name;
    EXPECT_EQ(http::MethodName(method), name);
  }
  EXPECT_EQ(RouteErrors("  - {match: {methods: [CONNECT]}, upstream: web}\n"),
            "8:24 expected one of GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH; found "
            "'CONNECT'\n");
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
            "8:28 expected a field value without control characters and surrounding white space; "
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
            "8:5 expected one of upstream, respond, redirect; found none\n");
  EXPECT_EQ(RouteErrors("  - {upstream: web, respond: {}}\n"),
            "8:5 expected one of upstream, respond, redirect; found several\n");
}

TEST(BuildRoutesTest, NeedsOnePath) {
  EXPECT_EQ(RouteErrors("  - {match: {path: /a, path_prefix: /b}, upstream: web}\n"),
            "8:20 expected one of path, path_prefix; found both\n");
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

TEST(BuildRoutesTest, WarnsOfOptionsWithoutEffect) {
  EXPECT_EQ(Complaints("listeners: [{bind: \":1\"}]\nroutes:\n"
                       "  - {respond: {}, retry: {attempts: 0}}\n"),
            "f.yaml:3:26: warning: retry has no effect on a route without an upstream\n"
            "    - {respond: {}, retry: {attempts: 0}}\n"
            "                           ^\n");
}

std::string RouteWarnings(std::string_view match) {
  std::string text;
  const std::string routes = "  - {match: " + std::string(match) + ", upstream: web}\n";
  for (const Diagnostic& diagnostic : LoadConfig(WithRoutes(routes), "f.yaml").diagnostics) {
    if (diagnostic.message.find("upstream 'api'") != std::string::npos) continue;
    text += diagnostic.message + "\n";
  }
  return text;
}

TEST(BuildRoutesTest, PathsAreBroughtIntoTheFormThatIsMatched) {
  EXPECT_EQ(LoadRoute("  - {match: {path: /%61/%c3%a9}, upstream: web}\n").match.path, "/a/%C3%A9");
  EXPECT_EQ(LoadRoute("  - {match: {path_prefix: /.}, upstream: web}\n").match.path, "/.");
}

TEST(BuildRoutesTest, WarnsOfPathsThatAreNotMatchedAsTheyAreWritten) {
  EXPECT_EQ(RouteWarnings("{path_prefix: /a//b/../c/}"),
            "'/a//b/../c/' is matched as '/a/c/': dot and empty segments are resolved\n");
  EXPECT_EQ(RouteWarnings("{path: /a%zz}"),
            "'/a%zz' matches no request: those with %00 or a malformed escape in their path are "
            "refused\n");
}

TEST(BuildRoutesTest, WarnsOfWhatIsAPatternElsewhere) {
  EXPECT_EQ(RouteWarnings("{path_prefix: \"/api/*\"}"),
            "'*' stands for itself: paths have no patterns; path_prefix '/api/' takes all that "
            "begin so\n");
  for (const std::string_view path : {"/api/**", "/a/{id}/b", "/a/.*", "/(.*)", "/*/b"}) {
    EXPECT_NE(RouteWarnings("{path: \"" + std::string(path) + "\"}").find("stands for itself"),
              std::string::npos)
        << path;
  }
  EXPECT_EQ(RouteWarnings("{path_prefix: \"/v1/*x\"}"), "");
  EXPECT_EQ(RouteWarnings("{path_prefix: \"/v1/x:cancel\"}"), "");
}

TEST(BuildRoutesTest, WarnsOfAMethodThatNoRouteGets) {
  EXPECT_EQ(RouteWarnings("{methods: [GET, TRACE]}"),
            "TRACE matches no request: it is answered 501 before routes are looked at\n");
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

TEST(BuildConditionsTest, ConditionsAreTaken) {
  const Route route = LoadRoute(
      "  - {match: {headers: {x-version: {exact: \"2\"}, x-debug: {present: true}}, query: {beta: "
      "{prefix: y}, old: {absent: true}}, clients: [192.0.2.0/24, unix], scheme: https},\n"
      "     upstream: web, allow: [192.0.2.0/25], deny: [192.0.2.66]}\n");
  using Kind = ValueMatch::Kind;
  EXPECT_EQ(route.match.headers,
            (std::vector<ValueMatch>{{.name = "x-version", .kind = Kind::kExact, .text = "2"},
                                     {.name = "x-debug", .kind = Kind::kPresent, .text = ""}}));
  EXPECT_EQ(route.match.query,
            (std::vector<ValueMatch>{{.name = "beta", .kind = Kind::kPrefix, .text = "y"},
                                     {.name = "old", .kind = Kind::kAbsent, .text = ""}}));
  EXPECT_EQ(route.match.clients.ranges().size(), 1u);
  EXPECT_TRUE(route.match.clients.unix_peers());
  EXPECT_EQ(route.match.scheme, ClientScheme::kHttps);
  EXPECT_EQ(route.match.conditions(), 6u);
  EXPECT_EQ(route.allow.ranges().size(), 1u);
  EXPECT_EQ(route.deny.ranges().size(), 1u);
}

TEST(BuildConditionsTest, WhatCannotBeIsTold) {
  for (const std::string wrong :
       {"match: {headers: {x: {}}}", "match: {headers: {x: {exact: a, prefix: b}}}",
        "match: {headers: {\"a b\": {present: true}}}", "match: {headers: {x: {present: false}}}",
        "match: {query: {x: {regex: a}}}", "match: {query: {\"\": {present: true}}}",
        "match: {clients: [everybody]}", "match: {scheme: ftp}", "allow: [192.0.2.1/24]",
        "deny: unix"}) {
    EXPECT_NE(RouteErrors("  - {" + wrong + ", upstream: web}\n"), "") << wrong;
  }
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

}  // namespace
}  // namespace holdfast::config
