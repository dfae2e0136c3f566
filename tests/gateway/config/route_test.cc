#include "gateway/config/route.h"

#include <chrono>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using http::Method;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(MethodSetTest, HoldsWhatWasAdded) {
  MethodSet set;
  EXPECT_TRUE(set.empty());
  set.Add(Method::kGet);
  EXPECT_FALSE(set.empty());
  EXPECT_TRUE(set.Contains(Method::kGet));
  EXPECT_FALSE(set.Contains(Method::kHead));
}

TEST(MethodSetTest, AnyTokenIsAMethod) {
  MethodSet set;
  set.Add("GET");
  EXPECT_TRUE(set.Contains(http::Method::kGet));
  EXPECT_TRUE(set.others().empty());
  set.Add("PURGE");
  set.Add("PURGE");
  EXPECT_EQ(set.others(), std::vector<std::string>{"PURGE"});
  EXPECT_TRUE(set.Contains(http::Method::kOther, "PURGE"));
  EXPECT_FALSE(set.Contains(http::Method::kOther, "PURGES"));
  EXPECT_FALSE(set.Contains(http::Method::kOther));
  MethodSet more;
  more.Add("BAN");
  EXPECT_FALSE(more.empty());
  EXPECT_FALSE(set.ContainsAll(more));
  more.Add(set);
  EXPECT_TRUE(more.ContainsAll(set));
  EXPECT_EQ(MethodNames(more), (std::vector<std::string>{"GET", "BAN", "PURGE"}));
}

TEST(MethodSetTest, ContainsItsSubsets) {
  MethodSet get;
  get.Add(Method::kGet);
  MethodSet both = get;
  both.Add(Method::kPost);
  EXPECT_TRUE(both.ContainsAll(get));
  EXPECT_TRUE(both.ContainsAll(both));
  EXPECT_FALSE(get.ContainsAll(both));
  get.Add(both);
  EXPECT_EQ(get, both);
}

TEST(MatchTest, NoListenersMeansAllOfThem) {
  Match match;
  EXPECT_EQ(match.ListenerMask(), ~uint64_t{0});
  match.listeners = {0, kMaxListeners - 1};
  EXPECT_EQ(match.ListenerMask(), (uint64_t{1} << 63) | 1);
}

TEST(RouteTest, TheDefaultsOfRoutesAreTheDocumentedOnes) {
  const Route route;
  EXPECT_EQ(route.timeouts.first_byte, seconds(30));
  EXPECT_EQ(route.timeouts.stall, seconds(60));
  EXPECT_EQ(route.timeouts.total, std::nullopt);
  EXPECT_EQ(route.retry.attempts, 1u);
  EXPECT_TRUE(route.retry.connect_failure);
  EXPECT_TRUE(route.retry.reset);
  EXPECT_FALSE(route.retry.unprocessed);
  EXPECT_FALSE(route.retry.gateway_error);
  EXPECT_FALSE(route.retry.first_byte_timeout);
  EXPECT_EQ(route.retry.backoff, milliseconds(25));
  EXPECT_EQ(route.retry.max_backoff, milliseconds(250));
  EXPECT_EQ(route.max_request_body, std::nullopt);
  EXPECT_FALSE(route.buffering.has_value());
  EXPECT_EQ(route.tunnel_idle_timeout, hours(1));
  EXPECT_EQ(route.respond.status, 200);
  EXPECT_EQ(route.redirect.status, 308);
}

}  // namespace
}  // namespace holdfast::config
