#include "gateway/route/rewrite.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::route {
namespace {

using config::QueryRewrite;
using config::Rewrite;
using http::PathDoubt;

http::RequestHead Asking(std::string_view target) {
  http::RequestHead head;
  const size_t mark = target.find('?');
  head.path = target.substr(0, mark);
  head.has_query = mark != std::string_view::npos;
  if (head.has_query) head.query = target.substr(mark + 1);
  return head;
}

std::string Rewritten(const config::Route& route, std::string_view target,
                      const http::PathPolicy& policy = {}) {
  std::string out;
  const PathDoubt doubt = RewriteTarget(route, policy, Asking(target), &out);
  return doubt == PathDoubt::kNone ? out : "refused";
}

config::Route WithPrefix(std::string_view prefix, std::string_view to) {
  config::Route route;
  route.match.path = prefix;
  route.rewrite.path_prefix = std::string(to);
  return route;
}

config::Route WithRegex(std::string_view pattern, std::string_view to) {
  config::Route route;
  route.rewrite.path_regex = {.pattern = *policy::Pattern::Parse(pattern), .to = std::string(to)};
  return route;
}

TEST(RewriteTest, APrefixTakesThePlaceOfAnother) {
  struct Case {
    std::string_view prefix, to, path, expected;
  };
  // Kubernetes' HTTPRoute, ReplacePrefixMatch, has most of these.
  const Case cases[] = {
      {"/foo", "/xyz", "/foo/bar", "/xyz/bar"},
      {"/foo", "/xyz/", "/foo/bar", "/xyz/bar"},
      {"/foo/", "/xyz", "/foo/bar", "/xyz/bar"},
      {"/foo/", "/xyz/", "/foo/bar", "/xyz/bar"},
      {"/foo", "/xyz", "/foo", "/xyz"},
      {"/foo", "/xyz", "/foo/", "/xyz/"},
      {"/foo/", "/xyz", "/foo/", "/xyz/"},
      {"/foo", "/", "/foo/bar", "/bar"},
      {"/foo/", "/", "/foo/bar", "/bar"},
      {"/foo", "/", "/foo", "/"},
      {"/foo", "/", "/foo/", "/"},
      {"/", "/v1", "/a", "/v1/a"},
      {"/", "/v1/", "/", "/v1/"},
      {"/", "/v1", "/", "/v1"},
      {"/foo", "/xyz", "/f%6fo/b%2Fc", "/xyz/b%2Fc"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Rewritten(WithPrefix(c.prefix, c.to), c.path), c.expected)
        << c.prefix << " " << c.to << " " << c.path;
  }
}

TEST(RewriteTest, TheQueryStays) {
  EXPECT_EQ(Rewritten(WithPrefix("/a", "/b"), "/a/x?q=1&r"), "/b/x?q=1&r");
  EXPECT_EQ(Rewritten(WithPrefix("/a", "/b"), "/a/x?"), "/b/x?");
  config::Route dropped = WithPrefix("/a", "/b");
  dropped.rewrite.query = QueryRewrite::kDrop;
  EXPECT_EQ(Rewritten(dropped, "/a/x?q=1"), "/b/x");
  config::Route only;
  only.rewrite.query = QueryRewrite::kDrop;
  EXPECT_EQ(Rewritten(only, "/a//b?q=1"), "/a//b") << "the path stays byte for byte";
}

TEST(RewriteTest, AQueryOfItsOwnComesFirst) {
  config::Route route;
  route.rewrite.path = "/new?fixed=1";
  EXPECT_EQ(Rewritten(route, "/a?q=2"), "/new?fixed=1&q=2");
  EXPECT_EQ(Rewritten(route, "/a"), "/new?fixed=1");
  EXPECT_EQ(Rewritten(route, "/a?"), "/new?fixed=1");
  route.rewrite.query = QueryRewrite::kDrop;
  EXPECT_EQ(Rewritten(route, "/a?q=2"), "/new?fixed=1");
  EXPECT_EQ(Rewritten(WithRegex("/u/([0-9]+)", "/user?id=\\1"), "/u/7?x=1"), "/user?id=7&x=1");
}

TEST(RewriteTest, APatternChangesTheWholePath) {
  const config::Route route = WithRegex("/users/([0-9]+)(/.*)?", "/u/\\1\\2");
  EXPECT_EQ(Rewritten(route, "/users/42"), "/u/42");
  EXPECT_EQ(Rewritten(route, "/users/42/a/b?c"), "/u/42/a/b?c");
  EXPECT_EQ(Rewritten(route, "/other"), "/other");
}

// A path that is the same to an origin is rewritten as well, however it is spelled.
TEST(RewriteTest, AnotherSpellingDoesNotEscapeAPattern) {
  const config::Route route = WithRegex("/a\\+b/(.*)", "/c/\\1");
  EXPECT_EQ(Rewritten(route, "/a+b/x"), "/c/x");
  EXPECT_EQ(Rewritten(route, "/a%2Bb/x"), "/c/x");
  EXPECT_EQ(Rewritten(route, "/%61+b/x"), "/c/x");
}

TEST(RewriteTest, WhatComesOutMeansTheSameToEveryReader) {
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/\\1"), "/x../secret"), "refused");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "\\1"), "/xsecret"), "refused") << "no path at all";
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/\\1"), "/x/evil.test"), "refused");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/\\1"), "/x\\evil.test"), "refused");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/a/\\1"), "/x..%2fsecret"), "refused");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/a/\\1"), "/x..;/secret"), "refused");
  EXPECT_EQ(Rewritten(WithPrefix("/a", "/"), "/a//evil.test"), "refused");
  EXPECT_EQ(Rewritten(WithPrefix("/a/", "/b/"), "/a/\\x"), "/b/\\x");
}

// The reason is that of what comes out, not of what some other path might be.
TEST(RewriteTest, TellsWhyNothingCanBeMadeOfIt) {
  struct Case {
    std::string_view to, path;
    PathDoubt doubt;
  };
  const Case cases[] = {
      {"/\\1", "/x/evil.test", PathDoubt::kRewrittenToHost},
      {"/\\1", "/x/..", PathDoubt::kRewrittenToHost},
      {"/\\1", "/x../secret", PathDoubt::kRewrittenToDots},
      {"\\1", "/xsecret", PathDoubt::kRewrittenToNoPath},
      {"/\\1", "/x\\evil.test", PathDoubt::kHiddenAuthority},
      {"/a/\\1", "/x..%2fsecret", PathDoubt::kHiddenDotSegment},
      {"/a/\\1", "/x%zz", PathDoubt::kMalformedEscape},
      {"/a/\\1", "/xb", PathDoubt::kNone},
  };
  std::string out;
  for (const Case& c : cases) {
    EXPECT_EQ(RewriteTarget(WithRegex("/x(.*)", c.to), {}, Asking(c.path), &out), c.doubt)
        << c.to << " " << c.path;
  }
}

TEST(RewriteTest, SlashesThatMeetAreMergedWhereTheyAre) {
  constexpr http::PathPolicy kMerging = {.normalize = http::PathNormalization::kMergeSlashes};
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/a/\\1"), "/x/y?z//"), "/a//y?z//");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/a/\\1"), "/x/y?z//", kMerging), "/a/y?z//");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/\\1"), "/x/evil.test", kMerging), "/evil.test");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/\\1"), "/x\\evil.test", kMerging), "refused");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/a/\\1"), "/x..%2fsecret", kMerging), "refused");
}

TEST(RewriteTest, WhatIsReadByteForByteIsRewrittenSo) {
  constexpr http::PathPolicy kBytes = {.normalize = http::PathNormalization::kOff};
  EXPECT_EQ(Rewritten(WithPrefix("/a", "/b"), "/a/../%zz//x%", kBytes), "/b/../%zz//x%");
  EXPECT_EQ(Rewritten(WithPrefix("/a%20b/", "/b/"), "/a%20b/%", kBytes), "/b/%");
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "/a/\\1"), "/x..%2fsecret", kBytes), "/a/..%2fsecret");
  const config::Route plus = WithRegex("/a\\+b/(.*)", "/c/\\1");
  EXPECT_EQ(Rewritten(plus, "/a+b/%", kBytes), "/c/%");
  EXPECT_EQ(Rewritten(plus, "/a%2Bb/x", kBytes), "/a%2Bb/x") << "other bytes";
  EXPECT_EQ(Rewritten(WithRegex("/x(.*)", "\\1"), "/xhttp://evil.test/", kBytes), "refused")
      << "no path at all";
}

TEST(RewriteTest, NoEscapedSlashComesOutWhereNoneIsTaken) {
  constexpr http::PathPolicy kNone = {.encoded_slash = http::EncodedSlash::kReject};
  EXPECT_EQ(Rewritten(WithRegex("/x/(.)25(.*)", "/\\1\\2"), "/x/%252Fy"), "/%2Fy");
  EXPECT_EQ(Rewritten(WithRegex("/x/(.)25(.*)", "/\\1\\2"), "/x/%252Fy", kNone), "refused");
}

TEST(RewriteTest, BehindPrefixIsWhatTheRouteLeaves) {
  config::Match match;
  match.path = "/a";
  EXPECT_EQ(BehindPrefix(match, "/a/b"), "/b");
  EXPECT_EQ(BehindPrefix(match, "/%61/b"), "/b");
  EXPECT_EQ(BehindPrefix(match, "/a"), "");
  EXPECT_EQ(BehindPrefix(match, "/a/%"), "/%") << "byte for byte";
  match.exact_path = true;
  EXPECT_EQ(BehindPrefix(match, "/a"), "");
  match.exact_path = false;
  match.path.clear();
  match.path_pattern = *policy::Pattern::Parse("/a.*");
  EXPECT_EQ(BehindPrefix(match, "/a/b"), "");
}

}  // namespace
}  // namespace holdfast::route
