#include "gateway/route/conditions.h"

#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::route {
namespace {

using config::ClientScheme;
using config::ValueMatch;
using Kind = ValueMatch::Kind;

http::RequestHead HeadWith(std::vector<std::pair<std::string_view, std::string_view>> fields,
                           std::string_view query = "") {
  http::RequestHead head;
  for (const auto& [name, value] : fields) head.headers.Add({.name = name, .value = value});
  head.query = query;
  return head;
}

bool FieldMeets(const ValueMatch& match,
                std::vector<std::pair<std::string_view, std::string_view>> fields) {
  const http::RequestHead head = HeadWith(std::move(fields));
  return MeetsConditions({.headers = {match}}, "/", {.head = &head});
}

bool QueryMeets(const ValueMatch& match, std::string_view query) {
  const http::RequestHead head = HeadWith({}, query);
  return MeetsConditions({.query = {match}}, "/", {.head = &head});
}

config::PeerSet Peers(std::vector<std::string_view> words) {
  config::PeerSet set;
  for (const std::string_view word : words) EXPECT_TRUE(set.Add(word)) << word;
  return set;
}

TEST(ConditionsTest, WithoutAnyAllIsWell) { EXPECT_TRUE(MeetsConditions({}, "/", {})); }

TEST(ConditionsTest, FieldsAreComparedByNameAndValue) {
  const ValueMatch exact{.name = "x-version", .kind = Kind::kExact, .text = "2"};
  EXPECT_TRUE(FieldMeets(exact, {{"X-Version", "2"}}));
  EXPECT_TRUE(FieldMeets(exact, {{"x-version", "1"}, {"x-version", "2"}})) << "any of them";
  EXPECT_FALSE(FieldMeets(exact, {{"x-version", "20"}}));
  EXPECT_FALSE(FieldMeets(exact, {{"x-versions", "2"}}));
  EXPECT_FALSE(FieldMeets(exact, {}));
  const ValueMatch prefix{.name = "accept", .kind = Kind::kPrefix, .text = "text/"};
  EXPECT_TRUE(FieldMeets(prefix, {{"Accept", "text/html"}}));
  EXPECT_FALSE(FieldMeets(prefix, {{"Accept", "application/json"}}));
  EXPECT_TRUE(FieldMeets({.name = "a", .kind = Kind::kPresent}, {{"A", ""}}));
  EXPECT_FALSE(FieldMeets({.name = "a", .kind = Kind::kPresent}, {{"b", ""}}));
  EXPECT_TRUE(FieldMeets({.name = "a", .kind = Kind::kAbsent}, {{"b", ""}}));
  EXPECT_FALSE(FieldMeets({.name = "a", .kind = Kind::kAbsent}, {{"A", "x"}}));
}

TEST(ConditionsTest, ParametersAreComparedDecoded) {
  const ValueMatch exact{.name = "q", .kind = Kind::kExact, .text = "a b&c"};
  for (const std::string_view query :
       {"q=a+b%26c", "x=1&q=a%20b%26c", "%71=a%20b%26c&y", "q=&q=a+b%26C&q=a+b%26c"}) {
    EXPECT_TRUE(QueryMeets(exact, query)) << query;
  }
  for (const std::string_view query :
       {"", "q", "q=", "q=a+b", "q=a+b%26cd", "Q=a+b%26c", "qq=a+b%26c"}) {
    EXPECT_FALSE(QueryMeets(exact, query)) << query;
  }
  const ValueMatch prefix{.name = "beta", .kind = Kind::kPrefix, .text = "y"};
  EXPECT_TRUE(QueryMeets(prefix, "beta=%79es"));
  EXPECT_FALSE(QueryMeets(prefix, "beta=no"));
  EXPECT_TRUE(QueryMeets({.name = "a", .kind = Kind::kPresent}, "b&a"));
  EXPECT_FALSE(QueryMeets({.name = "a", .kind = Kind::kPresent}, "b=a"));
  EXPECT_TRUE(QueryMeets({.name = "a", .kind = Kind::kAbsent}, "b=a"));
  EXPECT_FALSE(QueryMeets({.name = "a", .kind = Kind::kAbsent}, "%61=1"));
}

TEST(ConditionsTest, WhatIsNoEscapeIsItself) {
  EXPECT_TRUE(QueryMeets({.name = "a", .kind = Kind::kExact, .text = "100%"}, "a=100%"));
  EXPECT_TRUE(QueryMeets({.name = "a", .kind = Kind::kExact, .text = "%zz"}, "a=%zz"));
  EXPECT_TRUE(QueryMeets({.name = "a", .kind = Kind::kExact, .text = "=b"}, "a==b"));
}

TEST(ConditionsTest, AllHaveToBeMet) {
  const http::RequestHead head = HeadWith({{"a", "1"}}, "b=2");
  config::Match match{.headers = {{.name = "a", .kind = Kind::kExact, .text = "1"}},
                      .query = {{.name = "b", .kind = Kind::kExact, .text = "2"}},
                      .clients = Peers({"192.0.2.0/24"}),
                      .scheme = ClientScheme::kHttps};
  const Asking asking{.head = &head, .client = "192.0.2.9", .encrypted = true};
  EXPECT_TRUE(MeetsConditions(match, "/", asking));
  EXPECT_EQ(match.conditions(), 4u);
  EXPECT_FALSE(MeetsConditions(match, "/", {.head = &head, .client = "192.0.2.9"}));
  EXPECT_FALSE(
      MeetsConditions(match, "/", {.head = &head, .client = "198.51.100.1", .encrypted = true}));
  match.query[0].text = "3";
  EXPECT_FALSE(MeetsConditions(match, "/", asking));
}

TEST(ConditionsTest, SchemesAreTheClients) {
  EXPECT_TRUE(MeetsConditions({.scheme = ClientScheme::kHttp}, "/", {.encrypted = false}));
  EXPECT_FALSE(MeetsConditions({.scheme = ClientScheme::kHttp}, "/", {.encrypted = true}));
}

TEST(ConditionsTest, DenyGoesBeforeAllow) {
  config::Route route;
  EXPECT_TRUE(Admits(route, "192.0.2.1"));
  EXPECT_TRUE(Admits(route, "unix"));
  route.allow = Peers({"192.0.2.0/24", "2001:db8::/32"});
  route.deny = Peers({"192.0.2.66"});
  EXPECT_TRUE(Admits(route, "192.0.2.1"));
  EXPECT_TRUE(Admits(route, "2001:db8::1"));
  EXPECT_FALSE(Admits(route, "192.0.2.66"));
  EXPECT_FALSE(Admits(route, "::ffff:192.0.2.66")) << "the same in another spelling";
  EXPECT_FALSE(Admits(route, "198.51.100.1"));
  EXPECT_FALSE(Admits(route, "")) << "nobody knows who";
  EXPECT_FALSE(Admits(route, "unix"));
  route.allow = Peers({"unix"});
  EXPECT_TRUE(Admits(route, "unix"));
}

TEST(ConditionsTest, PatternsAreOfTheWholeValue) {
  const ValueMatch field{
      .name = "x-version", .kind = Kind::kPattern, .pattern = *policy::Pattern::Parse("v[0-9]+")};
  EXPECT_TRUE(FieldMeets(field, {{"X-Version", "v12"}}));
  EXPECT_FALSE(FieldMeets(field, {{"X-Version", "v12 "}}));
  EXPECT_FALSE(FieldMeets(field, {{"X-Version", "av12"}}));
  EXPECT_FALSE(FieldMeets(field, {}));
  const ValueMatch parameter{
      .name = "q", .kind = Kind::kPattern, .pattern = *policy::Pattern::Parse("a b[cd]")};
  EXPECT_TRUE(QueryMeets(parameter, "x=1&q=a+b%63"));
  EXPECT_FALSE(QueryMeets(parameter, "q=a+be"));
  EXPECT_FALSE(QueryMeets(parameter, "q=%61%20b"));
}

TEST(ConditionsTest, CallsOfGrpcArePostsThatSaySo) {
  const config::Match match{.protocol = config::Speech::kGrpc};
  http::RequestHead head;
  head.headers.Add({.name = "content-type",
                    .value = "application/grpc+proto",
                    .id = http::FieldId::kContentType});
  head.method = http::Method::kPost;
  EXPECT_TRUE(MeetsConditions(match, "/", {.method = http::Method::kPost, .head = &head}));
  head.method = http::Method::kGet;
  EXPECT_FALSE(MeetsConditions(match, "/", {.method = http::Method::kGet, .head = &head}));
  const http::RequestHead other;
  EXPECT_FALSE(MeetsConditions(match, "/", {.method = http::Method::kPost, .head = &other}));
  EXPECT_EQ(match.conditions(), 1u);
}

TEST(ConditionsTest, AnExceptionIsMetByAllOfIt) {
  config::Match exception;
  exception.path = "/public";
  exception.methods.Add(http::Method::kGet);
  config::Match match;
  match.exceptions = {exception};
  EXPECT_EQ(match.conditions(), 1u);
  const Asking get{.method = http::Method::kGet};
  EXPECT_FALSE(MeetsConditions(match, "/public", get));
  EXPECT_FALSE(MeetsConditions(match, "/public/x", get));
  EXPECT_TRUE(MeetsConditions(match, "/publication", get));
  EXPECT_TRUE(MeetsConditions(match, "/private", get));
  EXPECT_TRUE(MeetsConditions(match, "/public", {.method = http::Method::kPost}));
}

TEST(ConditionsTest, OneExceptionIsEnough) {
  config::Match by_client;
  by_client.clients = Peers({"192.0.2.0/24"});
  config::Match by_pattern;
  by_pattern.path.clear();
  by_pattern.path_pattern = *policy::Pattern::Parse("/[a-z]+");
  config::Match by_path;
  by_path.exact_path = true;
  by_path.path = "/1";
  config::Match match;
  match.exceptions = {by_client, by_pattern, by_path};
  EXPECT_FALSE(MeetsConditions(match, "/9", {.client = "192.0.2.7"}));
  EXPECT_FALSE(MeetsConditions(match, "/abc", {.client = "198.51.100.1"}));
  EXPECT_FALSE(MeetsConditions(match, "/1", {.client = "198.51.100.1"}));
  EXPECT_TRUE(MeetsConditions(match, "/1/", {.client = "198.51.100.1"}));
}

TEST(ConditionsTest, AnyTokenIsAMethod) {
  config::Match match;
  match.methods.Add("PROPFIND");
  EXPECT_TRUE(MeetsMethod(match, {.method = http::Method::kOther, .method_text = "PROPFIND"}));
  EXPECT_FALSE(MeetsMethod(match, {.method = http::Method::kOther, .method_text = "propfind"}));
  EXPECT_FALSE(MeetsMethod(match, {.method = http::Method::kOther, .method_text = "PURGE"}));
  EXPECT_FALSE(MeetsMethod(match, {.method = http::Method::kGet, .method_text = "GET"}));
  EXPECT_TRUE(MeetsMethod({}, {.method = http::Method::kOther, .method_text = "PURGE"}));
}

}  // namespace
}  // namespace holdfast::route
