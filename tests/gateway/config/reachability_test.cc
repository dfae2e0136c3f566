#include "gateway/config/reachability.h"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using http::Method;

Match On(std::vector<std::string> hosts, std::string path, bool exact = false) {
  Match match;
  match.hosts = std::move(hosts);
  match.path = std::move(path);
  match.exact_path = exact;
  return match;
}

Match WithMethods(std::initializer_list<Method> methods) {
  Match match;
  for (const Method method : methods) match.methods.Add(method);
  return match;
}

Match WithListeners(std::vector<uint32_t> listeners) {
  Match match;
  match.listeners = std::move(listeners);
  return match;
}

// Pairs of a route and the earlier one that hides it.
std::vector<std::pair<uint32_t, uint32_t>> Hidden(std::vector<Match> matches) {
  Config config;
  for (Match& match : matches) {
    Route& route = config.routes.emplace_back();
    route.index = static_cast<uint32_t>(config.routes.size() - 1);
    route.match = std::move(match);
  }
  std::vector<std::pair<uint32_t, uint32_t>> found;
  for (const Unreachable& item : FindUnreachable(config))
    found.emplace_back(item.route, item.earlier);
  return found;
}

using Pairs = std::vector<std::pair<uint32_t, uint32_t>>;

TEST(FindUnreachableTest, TheSameHostAndPathAgain) {
  EXPECT_EQ(Hidden({On({"a"}, "/x"), On({"a"}, "/x")}), (Pairs{{1, 0}}));
  EXPECT_EQ(Hidden({On({}, "/"), On({"*"}, "/"), On({}, "/")}), (Pairs{{1, 0}, {2, 0}}));
}

TEST(FindUnreachableTest, AnotherHostPathOrKindOfPathIsReached) {
  EXPECT_EQ(Hidden({On({}, "/"), On({"a"}, "/"), On({"*.a"}, "/")}), Pairs{});
  EXPECT_EQ(Hidden({On({"a"}, "/"), On({"a"}, "/x"), On({"a"}, "/x", true)}), Pairs{});
}

TEST(FindUnreachableTest, EveryHostMustBeTaken) {
  EXPECT_EQ(Hidden({On({"a"}, "/"), On({"a", "b"}, "/")}), Pairs{});
  EXPECT_EQ(Hidden({On({"a"}, "/"), On({"b"}, "/"), On({"a", "b"}, "/")}), (Pairs{{2, 0}}));
  EXPECT_EQ(Hidden({On({"a", "b"}, "/"), On({"b"}, "/")}), (Pairs{{1, 0}}));
}

TEST(FindUnreachableTest, AHostGivenTwiceInOneRouteHidesNothing) {
  EXPECT_EQ(Hidden({On({"a", "a"}, "/")}), Pairs{});
}

TEST(FindUnreachableTest, TheEarlierOneTakesAtLeastTheMethods) {
  const Match get = WithMethods({Method::kGet});
  const Match both = WithMethods({Method::kGet, Method::kPost});
  const Match any;
  EXPECT_EQ(Hidden({get, both}), Pairs{});
  EXPECT_EQ(Hidden({get, any}), Pairs{});
  EXPECT_EQ(Hidden({both, get}), (Pairs{{1, 0}}));
  EXPECT_EQ(Hidden({any, get}), (Pairs{{1, 0}}));
}

TEST(FindUnreachableTest, TheEarlierOneIsOnAtLeastTheListeners) {
  const Match first = WithListeners({0});
  const Match both = WithListeners({0, 1});
  const Match all;
  EXPECT_EQ(Hidden({first, both}), Pairs{});
  EXPECT_EQ(Hidden({first, all}), Pairs{});
  EXPECT_EQ(Hidden({both, first}), (Pairs{{1, 0}}));
  EXPECT_EQ(Hidden({all, first}), (Pairs{{1, 0}}));
}

TEST(FindUnusedUpstreamsTest, WhoIsAskedIsUsed) {
  Config config;
  config.upstreams.resize(2);
  config.routes.resize(1);
  config.routes[0].forward_auth = ForwardAuth{.upstream = 1};
  EXPECT_EQ(FindUnusedUpstreams(config), std::vector<uint32_t>{});
}

TEST(FindUnusedUpstreamsTest, AMirrorIsUsed) {
  Config config;
  config.upstreams.resize(2);
  config.routes.resize(1);
  config.routes[0].mirror = Mirror{.upstream = 1};
  EXPECT_EQ(FindUnusedUpstreams(config), std::vector<uint32_t>{});
  config.routes[0].action = Action::kRespond;
  EXPECT_EQ(FindUnusedUpstreams(config), (std::vector<uint32_t>{0, 1})) << "it gets none";
}

TEST(FindUnusedUpstreamsTest, FindsThoseNoRouteNames) {
  Config config;
  config.upstreams.resize(3);
  config.routes.resize(2);
  config.routes[0].upstream = 1;
  config.routes[1].action = Action::kRespond;
  EXPECT_EQ(FindUnusedUpstreams(config), (std::vector<uint32_t>{0, 2}));
}

// One without a weight waits for it.
TEST(FindUnusedUpstreamsTest, ASplitNamesEachOfItsUpstreams) {
  Config config;
  config.upstreams.resize(4);
  config.routes.resize(1);
  config.routes[0].split = {{.upstream = 1, .weight = 1}, {.upstream = 3, .weight = 0}};
  EXPECT_EQ(FindUnusedUpstreams(config), (std::vector<uint32_t>{0, 2}));
}

}  // namespace
}  // namespace holdfast::config
