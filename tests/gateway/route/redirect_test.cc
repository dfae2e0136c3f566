#include "gateway/route/redirect.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::route {
namespace {

std::string Location(std::string_view prefix, std::string_view to, std::string_view target) {
  config::Route route;
  route.action = config::Action::kRedirect;
  route.match.path = prefix;
  route.redirect.to = to;
  http::RequestHead head;
  const size_t mark = target.find('?');
  head.path = target.substr(0, mark);
  head.has_query = mark != std::string_view::npos;
  if (head.has_query) head.query = target.substr(mark + 1);
  return RedirectLocation(route, head);
}

TEST(RedirectLocationTest, AppendsWhatFollowsThePrefix) {
  EXPECT_EQ(Location("/old/", "/new/", "/old/a/b"), "/new/a/b");
  EXPECT_EQ(Location("/old/", "/new/", "/old/"), "/new/");
  EXPECT_EQ(Location("/", "https://example.com/", "/a"), "https://example.com/a");
  EXPECT_EQ(Location("/v1", "/v2/", "/v1/a"), "/v2/a");
  EXPECT_EQ(Location("/v1", "/v2/", "/v1"), "/v2/");
}

TEST(RedirectLocationTest, KeepsTheQuery) {
  EXPECT_EQ(Location("/old/", "/new/", "/old/a?b=c&d"), "/new/a?b=c&d");
  EXPECT_EQ(Location("/old/", "/new", "/old/a?b=c"), "/new?b=c");
  EXPECT_EQ(Location("/old/", "/new/", "/old/?"), "/new/?");
}

TEST(RedirectLocationTest, WithoutAFinalSlashTheTargetIsTheWholePath) {
  EXPECT_EQ(Location("/old/", "/new", "/old/a/b"), "/new");
}

TEST(RedirectLocationTest, AQueryOrFragmentOfItsOwnIsSentAsItIs) {
  EXPECT_EQ(Location("/old/", "/new?x=/", "/old/a?b"), "/new?x=/");
  EXPECT_EQ(Location("/old/", "/new#top/", "/old/a?b"), "/new#top/");
}

TEST(RedirectLocationTest, AnExactPathHasNothingBehindIt) {
  config::Route route;
  route.match.exact_path = true;
  route.match.path = "/old";
  route.redirect.to = "/new/";
  http::RequestHead head;
  head.path = "/old";
  EXPECT_EQ(RedirectLocation(route, head), "/new/");
}

TEST(RedirectLocationTest, ACraftedPathCannotLeadToAnotherHost) {
  EXPECT_EQ(Location("/old/", "/", "/old//evil.example/a"), "/evil.example/a");
  EXPECT_EQ(Location("/old", "/", "/old//evil.example"), "/evil.example");
  EXPECT_EQ(Location("/old/", "/", "/old/\\evil.example"), "/evil.example");
  EXPECT_EQ(Location("/old/", "/", "/old///"), "/");
  EXPECT_EQ(Location("/old/", "/new/", "/old//evil.example"), "/new//evil.example");
}

TEST(RedirectLocationTest, APathShorterThanThePrefixAppendsNothing) {
  EXPECT_EQ(Location("/old/", "/new/", "*"), "/new/");
}

TEST(RedirectLocationTest, ASchemeKeepsTheHostAndWithoutATargetThePath) {
  config::Route route;
  route.match.path = "/";
  route.redirect.scheme = config::RedirectScheme::kHttps;
  http::RequestHead head;
  head.host = "a.test";
  head.authority = "a.test:8080";
  head.path = "/x//y";
  head.has_query = true;
  head.query = "q";
  EXPECT_EQ(RedirectLocation(route, head), "https://a.test/x//y?q");
  route.redirect.port = 8443;
  EXPECT_EQ(RedirectLocation(route, head), "https://a.test:8443/x//y?q");
  route.redirect.to = "/new?";
  EXPECT_EQ(RedirectLocation(route, head), "https://a.test:8443/new?");
  route.redirect = {.scheme = config::RedirectScheme::kHttp};
  head.host = "[::1]";
  head.path = "*";
  head.has_query = false;
  EXPECT_EQ(RedirectLocation(route, head), "http://[::1]");
}

}  // namespace
}  // namespace holdfast::route
