#include "gateway/route/route_table.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/allocation_counter.h"

namespace holdfast::route {
namespace {

using http::Method;

config::Match On(std::vector<std::string> hosts, std::string path, bool exact = false) {
  config::Match match;
  match.hosts = std::move(hosts);
  match.path = std::move(path);
  match.exact_path = exact;
  return match;
}

config::Match ForMethods(config::Match match, std::initializer_list<Method> methods) {
  for (const Method method : methods) match.methods.Add(method);
  return match;
}

config::Match ForListeners(config::Match match, std::vector<uint32_t> listeners) {
  match.listeners = std::move(listeners);
  return match;
}

config::Config ConfigWith(const std::vector<config::Match>& matches) {
  config::Config config;
  for (const config::Match& match : matches) {
    config::Route& route = config.routes.emplace_back();
    route.index = static_cast<uint32_t>(config.routes.size() - 1);
    route.match = match;
  }
  return config;
}

// A table and its look-ups in short: the index of the route, -1 for none.
class Table {
 public:
  explicit Table(const std::vector<config::Match>& matches) : table_(ConfigWith(matches)) {}

  int Find(std::string_view host, std::string_view path, Method method = Method::kGet,
           uint32_t listener = 0) {
    const Route* route = table_.Match(listener, host, path, {.method = method}, &miss_);
    return route == nullptr ? -1 : static_cast<int>(route->index);
  }
  const Miss& miss() const { return miss_; }
  const RouteTable& table() const { return table_; }

 private:
  RouteTable table_;
  Miss miss_;
};

TEST(RouteTableTest, WithoutRoutesFindsNothing) {
  Table table({});
  EXPECT_EQ(table.Find("a", "/"), -1);
  EXPECT_EQ(table.miss().reason, Miss::Reason::kNoRoute);
  EXPECT_TRUE(table.miss().allowed.empty());
}

TEST(RouteTableTest, TheRouteIsTheTablesOwn) {
  Table table({On({}, "/"), On({}, "/a")});
  Miss miss;
  EXPECT_EQ(table.table().Match(0, "h", "/a", {}, &miss), &table.table().routes()[1]);
}

TEST(RouteTableTest, MoreConditionsComeBeforeFewer) {
  config::Match plain = On({}, "/a");
  config::Match one = plain;
  one.headers.push_back({.name = "x"});
  config::Match two = one;
  two.query.push_back({.name = "q"});
  config::Match longer = On({}, "/a/b");
  const Table table({plain, one, two, longer});
  const auto find = [&](std::string_view path, bool field, std::string_view query) {
    http::RequestHead head;
    if (field) head.headers.Add({.name = "X", .value = "1"});
    head.query = query;
    Miss miss;
    const Route* route = table.table().Match(0, "h", path, {.head = &head}, &miss);
    return route == nullptr ? -1 : static_cast<int>(route->index);
  };
  EXPECT_EQ(find("/a", false, ""), 0);
  EXPECT_EQ(find("/a", true, ""), 1);
  EXPECT_EQ(find("/a", true, "q"), 2);
  EXPECT_EQ(find("/a/b", true, "q"), 3) << "a longer path comes first";
}

// A method that is not allowed is not told of where the request is another one's anyway.
TEST(RouteTableTest, OnlyRoutesWhoseConditionsAreMetSayWhatIsAllowed) {
  config::Match match = ForMethods(On({}, "/a"), {Method::kPut});
  match.headers.push_back({.name = "x"});
  Table table({match});
  EXPECT_EQ(table.Find("h", "/a"), -1);
  EXPECT_EQ(table.miss().reason, Miss::Reason::kNoRoute);
}

TEST(RouteTableTest, AnExactHostComesBeforeSuffixesAndAny) {
  Table table(
      {On({}, "/"), On({"*.com"}, "/"), On({"*.example.com"}, "/"), On({"a.example.com"}, "/")});
  EXPECT_EQ(table.Find("a.example.com", "/"), 3);
  EXPECT_EQ(table.Find("b.example.com", "/"), 2);
  EXPECT_EQ(table.Find("a.b.example.com", "/"), 2);
  EXPECT_EQ(table.Find("example.com", "/"), 1);
  EXPECT_EQ(table.Find("com", "/"), 0);
  EXPECT_EQ(table.Find("example.org", "/"), 0);
  EXPECT_EQ(table.Find("", "/"), 0);
}

TEST(RouteTableTest, ASuffixNeedsALabelBeforeIt) {
  Table table({On({"*.example.com"}, "/")});
  EXPECT_EQ(table.Find("example.com", "/"), -1);
  EXPECT_EQ(table.Find(".example.com", "/"), -1);
  EXPECT_EQ(table.Find("badexample.com", "/"), -1);
  EXPECT_EQ(table.Find("*.example.com", "/"), 0);
}

TEST(RouteTableTest, AStarIsAnyHost) {
  Table table({On({"*"}, "/")});
  EXPECT_EQ(table.Find("anything", "/"), 0);
  EXPECT_EQ(table.Find("[::1]", "/"), 0);
}

TEST(RouteTableTest, HostsAreComparedWithoutCaseAndTrailingDot) {
  Table table({On({"api.example.com"}, "/"), On({"*.web.example.com"}, "/")});
  EXPECT_EQ(table.Find("API.Example.COM", "/"), 0);
  EXPECT_EQ(table.Find("api.example.com.", "/"), 0);
  EXPECT_EQ(table.Find("A.WEB.example.com.", "/"), 1);
  EXPECT_EQ(table.Find("api.example.com..", "/"), -1);
}

TEST(RouteTableTest, AHostThatIsTooLongForANameTakesAnyHostsRoutes) {
  const std::string longest(255, 'a');
  Table table({On({}, "/"), On({longest}, "/")});
  EXPECT_EQ(table.Find(longest, "/"), 1);
  EXPECT_EQ(table.Find(longest + "a", "/"), 0);
  EXPECT_EQ(table.Find(std::string(100'000, 'a'), "/"), 0);
}

TEST(RouteTableTest, AnExactPathComesBeforePrefixesAndALongPrefixBeforeAShort) {
  Table table({On({}, "/"), On({}, "/v1/"), On({}, "/v1/users"), On({}, "/v1/users", true)});
  EXPECT_EQ(table.Find("h", "/v1/users"), 3);
  EXPECT_EQ(table.Find("h", "/v1/users/7"), 2);
  EXPECT_EQ(table.Find("h", "/v1/use"), 1);
  EXPECT_EQ(table.Find("h", "/v1"), 0);
  EXPECT_EQ(table.Find("h", "/v2"), 0);
}

TEST(RouteTableTest, APrefixIsComparedAsItIs) {
  Table table({On({}, "/v1"), On({}, "/A/")});
  EXPECT_EQ(table.Find("h", "/v1"), 0);
  EXPECT_EQ(table.Find("h", "/v10"), -1);
  EXPECT_EQ(table.Find("h", "/V1"), -1);
  EXPECT_EQ(table.Find("h", "/a/"), -1);
  EXPECT_EQ(table.Find("h", "/%41/"), -1);
  EXPECT_EQ(table.Find("h", ""), -1);
  EXPECT_EQ(table.Find("h", "*"), -1);
}

TEST(RouteTableTest, OfEqualRoutesTheFirstIsTaken) {
  Table table({On({"a"}, "/"), On({"a"}, "/"), On({}, "/x", true), On({}, "/x", true)});
  EXPECT_EQ(table.Find("a", "/"), 0);
  EXPECT_EQ(table.Find("b", "/x"), 2);
}

TEST(RouteTableTest, ALessSpecificHostServesThePathsThatAreLeft) {
  Table table({On({"a.example.com"}, "/v1/"), On({"*.example.com"}, "/v2/"), On({}, "/")});
  EXPECT_EQ(table.Find("a.example.com", "/v1/x"), 0);
  EXPECT_EQ(table.Find("a.example.com", "/v2/x"), 1);
  EXPECT_EQ(table.Find("a.example.com", "/v3/x"), 2);
}

TEST(RouteTableTest, ALessSpecificRouteServesTheMethodsThatAreLeft) {
  Table table({ForMethods(On({"a"}, "/v1/"), {Method::kGet}), On({}, "/")});
  EXPECT_EQ(table.Find("a", "/v1/", Method::kGet), 0);
  EXPECT_EQ(table.Find("a", "/v1/", Method::kPost), 1);
}

TEST(RouteTableTest, SaysWhichMethodsThereAre) {
  Table table({ForMethods(On({}, "/v1/"), {Method::kGet, Method::kHead}),
               ForMethods(On({"a"}, "/v1/", true), {Method::kPut}),
               ForMethods(On({"b"}, "/v1/"), {Method::kDelete})});
  EXPECT_EQ(table.Find("a", "/v1/", Method::kPost), -1);
  EXPECT_EQ(table.miss().reason, Miss::Reason::kMethodNotAllowed);
  EXPECT_EQ(AllowValue(table.miss().allowed), "GET, HEAD, PUT");
  EXPECT_EQ(table.Find("a", "/v2/", Method::kPost), -1);
  EXPECT_EQ(table.miss().reason, Miss::Reason::kNoRoute);
  EXPECT_TRUE(table.miss().allowed.empty());
}

TEST(RouteTableTest, AnUnknownMethodMatchesOnlyAnyMethod) {
  Table table({ForMethods(On({}, "/a"), {Method::kGet}), On({}, "/b")});
  EXPECT_EQ(table.Find("h", "/a", Method::kOther), -1);
  EXPECT_EQ(table.miss().reason, Miss::Reason::kMethodNotAllowed);
  EXPECT_EQ(table.Find("h", "/b", Method::kOther), 1);
}

TEST(RouteTableTest, ARouteIsForItsListenersOnly) {
  Table table({ForListeners(On({"a"}, "/"), {1, 63}), On({}, "/")});
  EXPECT_EQ(table.Find("a", "/", Method::kGet, 0), 1);
  EXPECT_EQ(table.Find("a", "/", Method::kGet, 1), 0);
  EXPECT_EQ(table.Find("a", "/", Method::kGet, 63), 0);
}

TEST(RouteTableTest, OtherListenersRoutesDoNotMakeAMethodAllowed) {
  Table table({ForListeners(ForMethods(On({}, "/"), {Method::kGet}), {1})});
  EXPECT_EQ(table.Find("a", "/", Method::kPost, 0), -1);
  EXPECT_EQ(table.miss().reason, Miss::Reason::kNoRoute);
}

TEST(RouteTableTest, ALookUpAllocatesNothing) {
  const std::string host = std::string(60, 'A') + ".Example.COM.";  // too long for a small string
  Table table({On({"*.example.com"}, "/v1/users/with/a/long/path/of/many/bytes"),
               ForMethods(On({}, "/v1/", true), {Method::kPut})});
  const uint64_t before = support::AllocationCount();
  EXPECT_EQ(table.Find(host, "/v1/users/with/a/long/path/of/many/bytes/7"), 0);
  EXPECT_EQ(table.Find(host, "/v1/users/with/a/long/path"), -1);
  EXPECT_EQ(table.Find(host, "/v1/"), -1);
  EXPECT_EQ(support::AllocationCount(), before);
}

config::Match WithPattern(std::vector<std::string> hosts, std::string_view pattern) {
  config::Match match;
  match.hosts = std::move(hosts);
  match.path.clear();
  match.path_pattern = *policy::Pattern::Parse(pattern);
  return match;
}

TEST(RouteTableTest, APrefixEndsWhereASegmentDoes) {
  Table table({On({}, "/v1"), On({}, "/v1/users/"), On({}, "/")});
  EXPECT_EQ(table.Find("a", "/v1"), 0);
  EXPECT_EQ(table.Find("a", "/v1/"), 0);
  EXPECT_EQ(table.Find("a", "/v1/x"), 0);
  EXPECT_EQ(table.Find("a", "/v1beta"), 2);
  EXPECT_EQ(table.Find("a", "/v1/users"), 0);
  EXPECT_EQ(table.Find("a", "/v1/users/"), 1);
  EXPECT_EQ(table.Find("a", "/v1/users/7"), 1);
  EXPECT_EQ(table.Find("a", "/v1/usersx"), 0);
}

TEST(RouteTableTest, APatternIsBehindAWholePathAndBeforeAPrefix) {
  Table table({On({}, "/users/1/posts"), WithPattern({}, "/users/[0-9]+/.*"),
               WithPattern({}, "/users/.*"), On({}, "/users/9/x", true), On({}, "/")});
  EXPECT_EQ(table.Find("a", "/users/9/x"), 3);
  EXPECT_EQ(table.Find("a", "/users/1/posts"), 1);
  EXPECT_EQ(table.Find("a", "/users/bob"), 2) << "the first in the file that matches";
  EXPECT_EQ(table.Find("a", "/users"), 4);
}

TEST(RouteTableTest, AHostsOwnPrefixIsBeforeAPatternOfAnyHost) {
  Table table({WithPattern({}, "/a.*"), On({"a.test"}, "/a")});
  EXPECT_EQ(table.Find("a.test", "/a/b"), 1);
  EXPECT_EQ(table.Find("a.test", "/ab"), 0);
  EXPECT_EQ(table.Find("b.test", "/a/b"), 0);
}

// From some number on they are tried at once.
TEST(RouteTableTest, ManyPatternsAreLikeFew) {
  std::vector<config::Match> matches;
  for (int i = 0; i < 100; ++i) {
    matches.push_back(WithPattern({}, "/" + std::to_string(i) + "(/.*)?"));
  }
  matches.push_back(WithPattern({}, "/7/.*"));
  matches.push_back(On({}, "/"));
  Table table(matches);
  EXPECT_EQ(table.Find("a", "/7/x"), 7);
  EXPECT_EQ(table.Find("a", "/99"), 99);
  EXPECT_EQ(table.Find("a", "/100"), 101);
}

TEST(RouteTableTest, RoutesWithOnePatternGoByTheirConditions) {
  config::Match get = WithPattern({}, "/x.*");
  get.methods.Add(Method::kGet);
  config::Match post = WithPattern({}, "/x.*");
  post.methods.Add(Method::kPost);
  Table table({get, post});
  EXPECT_EQ(table.Find("a", "/x1", Method::kPost), 1);
  EXPECT_EQ(table.Find("a", "/x1", Method::kPut), -1);
}

// Whatever its limit is now: what is under way does not end with a reload.
TEST(RouteTableTest, WhatIsUnderWayIsCountedOnUnderTheRoutesName) {
  config::Config config = ConfigWith({On({}, "/"), On({}, "/b")});
  config.routes[0].name = "a";
  config.routes[1].name = "b";
  EXPECT_EQ(RouteTable(config).routes()[0].in_flight, nullptr);
  EXPECT_FALSE(RouteTable(config).routes()[0].guarded);
  for (config::Route& route : config.routes) {
    route.max_in_flight = config::MaxInFlight{.requests = 1};
  }
  const RouteTable first(config);
  ASSERT_NE(first.routes()[0].in_flight, nullptr);
  EXPECT_NE(first.routes()[0].in_flight, first.routes()[1].in_flight);
  EXPECT_TRUE(first.routes()[0].guarded);
  config.routes[0].max_in_flight->requests = 5;
  config.routes[1].name = "c";
  const RouteTable second(config, &first);
  EXPECT_EQ(second.routes()[0].in_flight, first.routes()[0].in_flight);
  EXPECT_NE(second.routes()[1].in_flight, first.routes()[1].in_flight);
  config.routes[0].max_in_flight.reset();
  EXPECT_EQ(RouteTable(config, &second).routes()[0].in_flight, nullptr);
}

TEST(AllowValueTest, ListsKnownMethods) {
  config::MethodSet methods;
  EXPECT_EQ(AllowValue(methods), "");
  methods.Add(Method::kPatch);
  methods.Add(Method::kGet);
  methods.Add("PURGE");
  EXPECT_EQ(AllowValue(methods), "GET, PATCH, PURGE");
}

// The documented order, spelled out as a search through all routes.
int Model(const std::vector<config::Match>& matches, std::string_view host, std::string_view path,
          Method method, uint32_t listener) {
  using Rank = std::tuple<int, size_t, bool, size_t, int>;  // the larger the better
  std::vector<Rank> found;
  for (size_t i = 0; i < matches.size(); ++i) {
    const config::Match& match = matches[i];
    if ((match.ListenerMask() >> listener & 1) == 0) continue;
    if (!match.methods.empty() && !match.methods.Contains(method)) continue;
    if (match.exact_path ? path != match.path : !HasPrefix(path, match.path)) continue;
    const auto hosts = match.hosts.empty() ? std::vector<std::string>{"*"} : match.hosts;
    for (const std::string& pattern : hosts) {
      const bool any = pattern == "*";
      const bool suffix = !any && pattern.starts_with("*.");
      if (suffix && !(host.size() > pattern.size() - 1 && host.ends_with(pattern.substr(1))))
        continue;
      if (!any && !suffix && host != pattern) continue;
      found.emplace_back(any      ? 0
                         : suffix ? 1
                                  : 2,
                         pattern.size(), match.exact_path, match.path.size(), -static_cast<int>(i));
    }
  }
  return found.empty() ? -1 : -std::get<4>(*std::ranges::max_element(found));
}

TEST(RouteTableTest, AgreesWithASearchThroughAllRoutes) {
  std::mt19937 random(11);
  const std::vector<std::string> patterns = {"*",     "a",   "b.a", "c.b.a", "*.a",
                                             "*.b.a", "*.c", "d.c", "*.d.c"};
  const std::vector<std::string> hosts = {"a", "b.a", "c.b.a", "d.c.b.a", "c", "d.c", "e.d.c", "x"};
  const auto random_path = [&random] {
    std::string path = "/";
    for (size_t length = random() % 5; length > 0; --length) path += "ab/"[random() % 3];
    return path;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<config::Match> matches(random() % 20);
    for (config::Match& match : matches) {
      for (size_t count = random() % 3; count > 0; --count) {
        match.hosts.push_back(patterns[random() % patterns.size()]);
      }
      match.path = random_path();
      match.exact_path = random() % 3 == 0;
      if (random() % 3 == 0) match.methods.Add(random() % 2 ? Method::kGet : Method::kPost);
      if (random() % 4 == 0) match.listeners = {static_cast<uint32_t>(random() % 2)};
    }
    Table table(matches);
    for (int look_up = 0; look_up < 200; ++look_up) {
      const std::string& host = hosts[random() % hosts.size()];
      const std::string path = random_path();
      const Method method = random() % 2 ? Method::kGet : Method::kPost;
      const auto listener = static_cast<uint32_t>(random() % 2);
      ASSERT_EQ(table.Find(host, path, method, listener),
                Model(matches, host, path, method, listener))
          << host << " " << path << " round " << round;
    }
  }
}

config::Config ConfigWithUpstreams() {
  config::Config config;
  for (const char* name : {"first", "second"}) {
    config::Upstream& upstream = config.upstreams.emplace_back();
    upstream.name = name;
    upstream.endpoints = {{.text = std::string(name) + ".test:81", .host = name, .port = 81}};
  }
  for (const uint32_t upstream : {1u, 0u}) {
    config::Route& route = config.routes.emplace_back();
    route.index = static_cast<uint32_t>(config.routes.size() - 1);
    route.upstream = upstream;
  }
  return config;
}

TEST(RouteClusterTest, ARouteHasWhatItNeedsOfItsUpstream) {
  config::Config config = ConfigWithUpstreams();
  config.upstreams[0].cluster.balancing.policy = pool::BalancePolicy::kMaglev;
  config.upstreams[0].hash = {.source = config::HashKey::Source::kCookie, .name = "id"};
  const RouteTable table(config);
  EXPECT_EQ(table.routes()[0].cluster.name, "second");
  EXPECT_EQ(table.routes()[0].cluster.default_host, "second.test:81");
  EXPECT_FALSE(table.routes()[0].cluster.hash.has_value());
  EXPECT_EQ(table.routes()[1].cluster.name, "first");
  ASSERT_TRUE(table.routes()[1].cluster.hash.has_value());
  EXPECT_EQ(table.routes()[1].cluster.hash->name, "id");
}

TEST(RouteClusterTest, AMirrorIsToldTheHostAsTheRouteWritesIt) {
  config::Config config = ConfigWithUpstreams();
  config.upstreams[0].host = "first.test";
  for (config::Route& route : config.routes) route.mirror = config::Mirror{.upstream = 0};
  config.routes[1].rewrite.host = "inner.test";
  const RouteTable table(config);
  EXPECT_EQ(table.routes()[0].mirror_cluster.name, "first");
  EXPECT_EQ(table.routes()[0].mirror_cluster.host, "first.test");
  EXPECT_EQ(table.routes()[1].mirror_cluster.host, "inner.test");
}

TEST(RouteClusterTest, AnUpstreamWithoutANameIsLocalhost) {
  config::Config config = ConfigWithUpstreams();
  config.upstreams[0].endpoints = {{.text = "unix:/run/web"}};
  EXPECT_EQ(RouteTable(config).routes()[1].cluster.default_host, "localhost");
}

TEST(RouteClusterTest, ARouteThatAnswersItselfHasNone) {
  config::Config config = ConfigWithUpstreams();
  config.routes[0].action = config::Action::kRespond;
  EXPECT_EQ(RouteTable(config).routes()[0].cluster.name, "");
}

// What a limiter tells others of a request of this key.
uint64_t TellsOf(policy::RateLimiter& limiter, std::string_view key) {
  limiter.Take(key, pool::TimePoint{});
  std::vector<policy::SharedSpending::Spent> spent;
  EXPECT_TRUE(limiter.spending()->Drain(10, &spent));
  return spent.empty() ? 0 : spent[0].key;
}

TEST(RouteTableTest, ASharedLimitHasTheSameKeysInEachProcess) {
  config::Config config = ConfigWith({On({}, "/a"), On({}, "/b"), On({}, "/c")});
  config.routes[0].name = "a";
  config.routes[1].name = "b";
  config.routes[0].rate_limit = config.routes[1].rate_limit =
      policy::RateLimitRule{.requests = 1, .shared = policy::SharedLimit{.redis = "r:1"}};
  config.routes[2].rate_limit = policy::RateLimitRule{.requests = 1};
  const RouteTable here(config), there(config);
  const uint64_t told = TellsOf(*here.routes()[0].limiter, "key");
  EXPECT_EQ(TellsOf(*there.routes()[0].limiter, "key"), told);
  EXPECT_NE(TellsOf(*there.routes()[1].limiter, "key"), told) << "which only that route has";
  EXPECT_EQ(here.routes()[2].limiter->spending(), nullptr);
}

}  // namespace
}  // namespace holdfast::route
