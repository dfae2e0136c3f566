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

TEST(BuildMatchTest, GetBringsHead) {
  const MethodSet methods =
      LoadRoute("  - {match: {methods: [GET]}, upstream: web}\n").match.methods;
  EXPECT_TRUE(methods.Contains(Method::kGet));
  EXPECT_TRUE(methods.Contains(Method::kHead));
  const MethodSet head = LoadRoute("  - {match: {methods: [HEAD]}, upstream: web}\n").match.methods;
  EXPECT_FALSE(head.Contains(Method::kGet));
}

TEST(BuildMatchTest, KnowsTheNameOfEachMethod) {
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
            "8:24 expected a method such as GET or PROPFIND, in capitals; found 'CONNECT'\n");
}

TEST(BuildMatchTest, PathsAreBroughtIntoTheFormThatIsMatched) {
  EXPECT_EQ(LoadRoute("  - {match: {path: /%61/%c3%a9}, upstream: web}\n").match.path, "/a/%C3%A9");
  EXPECT_EQ(LoadRoute("  - {match: {path_prefix: /a}, upstream: web}\n").match.path, "/a");
}

TEST(BuildMatchTest, WarnsOfPathsThatAreNotMatchedAsTheyAreWritten) {
  EXPECT_EQ(MatchComplaints("{path_prefix: /a//b/../c/}"),
            "'/a//b/../c/' is matched as '/a/c/': dot and empty segments are resolved\n");
  EXPECT_EQ(MatchComplaints("{path_prefix: /.}"),
            "'/.' is matched as '/': dot and empty segments are resolved\n");
  EXPECT_EQ(MatchComplaints("{path: /a%zz}"),
            "'/a%zz' matches no request: those with %00 or a malformed escape in their path are "
            "refused\n");
}

TEST(BuildMatchTest, WarnsOfWhatIsAPatternElsewhere) {
  EXPECT_EQ(MatchComplaints("{path_prefix: \"/api/*\"}"),
            "'*' stands for itself; path_prefix '/api/' takes all that begin so, path_regex takes "
            "patterns\n");
  for (const std::string_view path : {"/api/**", "/a/{id}/b", "/a/.*", "/(.*)", "/*/b"}) {
    EXPECT_NE(MatchComplaints("{path: \"" + std::string(path) + "\"}").find("stands for itself"),
              std::string::npos)
        << path;
  }
  EXPECT_EQ(MatchComplaints("{path_prefix: \"/v1/*x\"}"), "");
  EXPECT_EQ(MatchComplaints("{path_prefix: \"/v1/x:cancel\"}"), "");
}

TEST(BuildMatchTest, WarnsOfAMethodThatNoRouteGets) {
  EXPECT_EQ(MatchComplaints("{methods: [GET, TRACE]}"),
            "TRACE matches no request: it is answered 501 before routes are looked at\n");
}

TEST(BuildMatchTest, AnyTokenInCapitalsIsAMethod) {
  const Route route = LoadRoute("  - {match: {methods: [PROPFIND, X-1]}, upstream: web}\n");
  EXPECT_EQ(route.match.methods.others(), (std::vector<std::string>{"PROPFIND", "X-1"}));
  EXPECT_EQ(MatchComplaints("{methods: [PROPFIND]}"), "");
  EXPECT_EQ(MatchComplaints("{methods: [PSOT]}"),
            "'PSOT' is taken as a method; did you mean 'POST'?\n");
  for (const std::string wrong : {"get", "Get", "\"G T\"", "\"\"", "CONNECT"}) {
    EXPECT_NE(MatchComplaints("{methods: [" + wrong + "]}").find("expected a method such as"),
              std::string::npos)
        << wrong;
  }
}

TEST(BuildMatchTest, APatternTakesThePlaceOfAPath) {
  const Match match =
      LoadRoute("  - {match: {path_regex: \"/users/([0-9]+)\"}, upstream: web}\n").match;
  EXPECT_EQ(match.path_pattern.text(), "/users/([0-9]+)");
  EXPECT_EQ(match.path, "");
  EXPECT_FALSE(match.exact_path);
  EXPECT_NE(MatchComplaints("{path: /a, path_regex: /b}")
                .find("expected one of path, path_prefix, path_regex"),
            std::string::npos);
  EXPECT_NE(MatchComplaints("{path_prefix: /a, path_regex: /b}").find("expected one of"),
            std::string::npos);
  EXPECT_NE(MatchComplaints("{path_regex: \"/a(\"}").find("missing ): /a("), std::string::npos);
  EXPECT_NE(MatchComplaints("{path_regex: \"users/.*\"}").find("begins with '/'"),
            std::string::npos);
  EXPECT_EQ(MatchComplaints("{path_regex: \"^/users/.*$\"}"), "");
  for (const std::string fine :
       {"(/a|/b)", "(?:/a|/b)", "(?i)/a", "(?i:/a)", "(?P<id>/a)", "^(?s)(/a.*)$", ".*"}) {
    EXPECT_EQ(MatchComplaints("{path_regex: \"" + fine + "\"}").find("begins with '/'"),
              std::string::npos)
        << fine;
  }
  for (const std::string none : {"(?i)users", "(?:users|shops)/.*", "(?P<id>users)", "^a"}) {
    EXPECT_NE(MatchComplaints("{path_regex: \"" + none + "\"}").find("begins with '/'"),
              std::string::npos)
        << none;
  }
}

TEST(BuildMatchTest, ExceptionsAreMatchesOfTheirOwn) {
  const Match match = LoadRoute(
                          "  - {match: {not: [{path_prefix: /pub}, {path: /x, methods: [GET]}, "
                          "{path_regex: \"/y.*\", clients: [unix]}]}, upstream: web}\n")
                          .match;
  ASSERT_EQ(match.exceptions.size(), 3u);
  EXPECT_EQ(match.exceptions[0].path, "/pub");
  EXPECT_TRUE(match.exceptions[1].exact_path);
  EXPECT_TRUE(match.exceptions[1].methods.Contains(Method::kHead));
  EXPECT_EQ(match.exceptions[2].path_pattern.text(), "/y.*");
  EXPECT_EQ(match.conditions(), 3u);
  for (const std::string wrong : {"[]", "[{}]", "{path: /x}", "[{path: x}]", "[{hosts: [a]}]",
                                  "[{path: /a, path_prefix: /b}]", "[{headers: {x: {}}}]",
                                  "[{path_regex: \"(\"}]", "[{not: [{path: /a}]}]"}) {
    EXPECT_NE(MatchComplaints("{not: " + wrong + "}"), "") << wrong;
  }
}

TEST(BuildMatchTest, ConditionsAreTaken) {
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

TEST(BuildMatchTest, WhatCannotBeIsTold) {
  for (const std::string wrong :
       {"match: {headers: {x: {}}}", "match: {headers: {x: {exact: a, prefix: b}}}",
        "match: {headers: {\"a b\": {present: true}}}", "match: {headers: {x: {present: false}}}",
        "match: {query: {x: {regex: \"(\"}}}", "match: {query: {\"\": {present: true}}}",
        "match: {clients: [everybody]}", "match: {scheme: ftp}", "allow: [192.0.2.1/24]",
        "deny: unix"}) {
    EXPECT_NE(RouteErrors("  - {" + wrong + ", upstream: web}\n"), "") << wrong;
  }
}

}  // namespace
}  // namespace holdfast::config
