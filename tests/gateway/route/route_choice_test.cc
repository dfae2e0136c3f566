#include "gateway/route/route_choice.h"

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/http/parser.h"
#include "tests/support/allocation_counter.h"

namespace holdfast::route {
namespace {

using http::PathDoubt;

config::Route RouteFor(std::string_view path, bool exact) {
  config::Route route;
  route.name = path;
  route.match.exact_path = exact;
  route.match.path = path;
  return route;
}

// A table with these prefixes and exact paths, and what it says about one request's path.
class Choosing {
 public:
  Choosing(const std::vector<std::string_view>& prefixes,
           const std::vector<std::string_view>& exact, const http::PathPolicy& policy = {})
      : table_(Config(prefixes, exact)), policy_(policy) {}

  Choice For(std::string_view path) {
    request_.path = path;
    return ChooseRoute(table_, 0, policy_, request_, {.head = &request_}, &form_, &miss_);
  }
  // The name of the route, "none", or "refused".
  std::string_view Route(std::string_view path) {
    const Choice choice = For(path);
    if (choice.doubt != PathDoubt::kNone) return "refused";
    return choice.route == nullptr ? "none" : std::string_view(choice.route->name);
  }
  const route::Route* Match(std::string_view path) {
    return table_.Match(0, "", path, {.head = &request_}, &miss_);
  }

 private:
  static config::Config Config(const std::vector<std::string_view>& prefixes,
                               const std::vector<std::string_view>& exact) {
    config::Config config;
    for (const std::string_view path : prefixes) config.routes.push_back(RouteFor(path, false));
    for (const std::string_view path : exact) config.routes.push_back(RouteFor(path, true));
    for (size_t i = 0; i < config.routes.size(); ++i) {
      config.routes[i].index = static_cast<uint32_t>(i);
    }
    return config;
  }

  RouteTable table_;
  http::PathPolicy policy_;
  http::RequestHead request_;
  http::PathForm form_;
  Miss miss_;
};

class DeniedAdmin : public testing::Test {
 protected:
  Choosing choosing_{{"/", "/admin/"}, {"/admin"}};
};

TEST_F(DeniedAdmin, SpellingsThatResolveToItAreTheDeniedRoutes) {
  for (const std::string_view path :
       {"/admin/secret", "/x/../admin/secret", "/./admin/secret", "/../../admin/secret",
        "//admin/secret", "///admin//secret", "/x//..//../admin/secret", "/%61dmin/secret",
        "/%61%64%6d%69%6E/secret", "/x/%2e%2e/admin/secret", "/x/.%2E/admin/secret", "/admin/.",
        "/admin/..//admin/x", "/a/b/../../admin/secret", "/admin//secret", "/./%61dmin/"}) {
    EXPECT_EQ(choosing_.Route(path), "/admin/") << path;
  }
  for (const std::string_view path :
       {"/admin", "//admin", "/x/../admin", "/%61dmin", "/./admin", "/../admin", "/x//../admin"}) {
    EXPECT_EQ(choosing_.Route(path), "/admin") << path;
  }
}

TEST_F(DeniedAdmin, SpellingsThatSomeReadersResolveToItAreRefused) {
  for (const std::string_view path : {"/x%2f..%2fadmin/secret",
                                      "/x%2F..%2Fadmin%2Fsecret",
                                      "/admin%2fsecret",
                                      "/admin%2f",
                                      "/admin;x=1/secret",
                                      "/admin;/secret",
                                      "/;/admin/secret",
                                      "/x/..;/admin/secret",
                                      "/x/..;a=b/admin/secret",
                                      "/admin;x",
                                      "/admin\\secret",
                                      "/admin%5csecret",
                                      "/x\\..\\admin\\secret",
                                      "/x%5c..%5cadmin/secret",
                                      "/\\admin/secret",
                                      "/%5cadmin/secret",
                                      "/%2fadmin/secret",
                                      "/%2561dmin/secret",
                                      "/x/%252e%252e/admin/secret",
                                      "/x/%252e%252e%252fadmin",
                                      "/admin%252fsecret",
                                      "/admin%255csecret",
                                      "/admin%20",
                                      "/admin%20/secret",
                                      "/admin.",
                                      "/admin./secret",
                                      "/admin%00",
                                      "/admin%00/secret",
                                      "/admin%2500",
                                      "/admin%3Fx",
                                      "/admin%23/x",
                                      "/admin%c0%afsecret",
                                      "/%c1%a1dmin/secret",
                                      "/x/%c0%ae%c0%ae/admin",
                                      "/x/%c0%ae./admin",
                                      "/admin%09",
                                      "/admin%3bx/secret",
                                      "/x/%2e%2e%2fadmin",
                                      "/%",
                                      "/x%zz/../admin",
                                      "/admin%e0%80%af",
                                      "/a;x%2fb;y/..%2fadmin"}) {
    EXPECT_EQ(choosing_.Route(path), "refused") << path;
  }
}

TEST_F(DeniedAdmin, AnHonestPathPassesByteForByte) {
  for (const std::string_view path : {"/",
                                      "/a%20b/c%c3%a9",
                                      "/a%2Fb",
                                      "/api/v4/projects/group%2fname",
                                      "/api/queues/%2F/q",
                                      "/100%25",
                                      "/a%252Fb",
                                      "/x;jsessionid=1A2B",
                                      "/map;a=1;b=2/tile",
                                      "/thumb/http://h/x.png",
                                      "/What%3F",
                                      "/C%23/x",
                                      "/%7euser/~x",
                                      "/.well-known/acme",
                                      "/a/.../b",
                                      "/a.b./c.",
                                      "/{id}|x",
                                      "/a//b",
                                      "/admins",
                                      "/administrator/admin",
                                      "/x/admin/secret",
                                      "/a+b%2Bc",
                                      "/a\\b"}) {
    const Choice choice = choosing_.For(path);
    EXPECT_EQ(choice.doubt, PathDoubt::kNone) << path;
    ASSERT_NE(choice.route, nullptr) << path;
    EXPECT_EQ(choice.route->name, "/") << path;
    EXPECT_EQ(choice.path, path);
  }
}

TEST_F(DeniedAdmin, APathWithDotSegmentsGoesOnWithoutThem) {
  EXPECT_EQ(choosing_.For("/a/../b%2Bc//d/./%65").path, "/b%2Bc/d/e");
  EXPECT_EQ(choosing_.For("//host/x").path, "/host/x");
  EXPECT_EQ(choosing_.For("/secret/../x/.").path, "/x/");
}

TEST(RouteChoiceTest, WhereTheLiteralPathWouldBeAnotherRoutesTheResolvedOneGoesOn) {
  Choosing choosing({"/", "/pub/", "/a/b/"}, {});
  EXPECT_EQ(choosing.For("/%70ub/x%20y").path, "/pub/x%20y");
  EXPECT_EQ(choosing.For("/pub/%70ub").path, "/pub/%70ub");
  EXPECT_EQ(choosing.For("/a//b/c").path, "/a/b/c");
  EXPECT_EQ(choosing.For("/a/b//c").path, "/a/b//c");
}

TEST(RouteChoiceTest, APathThatARouteNamesIsTakenAsItIs) {
  Choosing choosing({"/", "/objects/a%2Fb/", "/m;v=1/"}, {"/login;x"});
  EXPECT_EQ(choosing.Route("/objects/a%2fb/c"), "/objects/a%2Fb/");
  EXPECT_EQ(choosing.Route("/m;v=1/x"), "/m;v=1/");
  EXPECT_EQ(choosing.Route("/login;x"), "/login;x");
  EXPECT_EQ(choosing.Route("/m;v=1/..;/x"), "refused");
}

TEST(RouteChoiceTest, EveryEscapeOfDataIsTheDataToARoute) {
  Choosing choosing({"/", "/caf%C3%A9/", "/a!b/"}, {});
  EXPECT_EQ(choosing.Route("/caf%c3%a9/x"), "/caf%C3%A9/");
  EXPECT_EQ(choosing.Route("/a%21b/x"), "/a!b/");
  EXPECT_EQ(choosing.For("/a%21b/x").path, "/a%21b/x");
}

TEST(RouteChoiceTest, ADeniedPathThatNeedsEscapesIsDeniedInEverySpellingToo) {
  Choosing choosing({"/", "/caf%C3%A9/", "/p%20q/", "/a%7Cb/", "/50%25/"}, {});
  EXPECT_EQ(choosing.Route("/x/../p%20q/s"), "/p%20q/");
  EXPECT_EQ(choosing.Route("/a|b/s"), "/a%7Cb/");
  for (const std::string_view path :
       {"/caf%c3%a9;x/s", "/caf%C3%A9%2fs", "/caf%25c3%25a9/s", "/;x/caf%c3%a9/s", "/p%20q;x=1/s",
        "/p%20q%2Fs", "/p%20q\\s", "/p%2520q/s", "/p%20q%20/s", "/a|b;x/s", "/a%7c%62%5cs",
        "/50%25;/s", "/50%2525/s", "/50%25%2fs"}) {
    EXPECT_EQ(choosing.Route(path), "refused") << path;
  }
  for (const std::string_view path : {"/caf%C3%A8/s", "/p%20;x", "/50%2526/s", "/p%20q2%2Fs"}) {
    EXPECT_EQ(choosing.Route(path), "/") << path;
  }
}

TEST(RouteChoiceTest, WithoutARouteNothingIsHidden) {
  Choosing choosing({"/api/"}, {});
  EXPECT_EQ(choosing.Route("/x/../y"), "none");
  EXPECT_EQ(choosing.Route("/x/../api/y"), "/api/");
  EXPECT_EQ(choosing.Route("/api%2fy"), "refused");
}

TEST(RouteChoiceTest, TheAsteriskIsTheRoot) {
  Choosing choosing({"/"}, {});
  EXPECT_EQ(choosing.Route("*"), "/");
  EXPECT_EQ(choosing.For("*").path, "*");
}

TEST(RouteChoiceTest, AnAbsoluteTargetIsReadLikeAnyOther) {
  Choosing choosing({"/", "/admin/"}, {});
  http::RequestHead head;
  ASSERT_EQ(http::ParseRequestHead("GET http://t.example/x/../admin/secret HTTP/1.1\r\n"
                                   "Host: t.example\r\n\r\n",
                                   {.head_bytes = 1024, .fields = 10, .uri_bytes = 512}, &head),
            http::Refusal::kNone);
  EXPECT_EQ(choosing.Route(head.path), "/admin/");
}

// ---- What another policy makes of the same paths: the route's name, and what is forwarded.

struct Spelling {
  std::string_view path;
  std::string_view strict, merged, off;  // "/admin/ /admin/x": the route, and what is forwarded
};

constexpr Spelling kSpellings[] = {
    {"/x/y", "/ /x/y", "/ /x/y", "/ /x/y"},
    {"/admin/x", "/admin/ /admin/x", "/admin/ /admin/x", "/admin/ /admin/x"},
    {"/x//y", "/ /x//y", "/ /x/y", "/ /x//y"},
    {"/x///y//", "/ /x///y//", "/ /x/y/", "/ /x///y//"},
    {"//x/y", "/ /x/y", "/ /x/y", "/ //x/y"},
    {"/x//%61%2b", "/ /x//%61%2b", "/ /x/a%2b", "/ /x//%61%2b"},
    {"/x/../y", "/ /y", "/ /y", "/ /x/../y"},
    {"/x%2Fy", "/ /x%2Fy", "/ /x%2Fy", "/ /x%2Fy"},
    {"/x;a=1/y", "/ /x;a=1/y", "/ /x;a=1/y", "/ /x;a=1/y"},
    {"/x\\y", "/ /x\\y", "/ /x\\y", "/ /x\\y"},
    // Aliases of what is denied.
    {"//admin/x", "/admin/ /admin/x", "/admin/ /admin/x", "/ //admin/x"},
    {"/admin//x", "/admin/ /admin//x", "/admin/ /admin/x", "/admin/ /admin//x"},
    {"/x/../admin/x", "/admin/ /admin/x", "/admin/ /admin/x", "/ /x/../admin/x"},
    {"/x//../admin/x", "/admin/ /admin/x", "/admin/ /admin/x", "/ /x//../admin/x"},
    {"/%61dmin/x", "/admin/ /admin/x", "/admin/ /admin/x", "/ /%61dmin/x"},
    {"/x/%2e%2E/admin/x", "/admin/ /admin/x", "/admin/ /admin/x", "/ /x/%2e%2E/admin/x"},
    {"/admin%2fx", "refused", "refused", "/ /admin%2fx"},
    {"/x%2F..%2Fadmin/x", "refused", "refused", "/ /x%2F..%2Fadmin/x"},
    {"/admin;a=1/x", "refused", "refused", "/ /admin;a=1/x"},
    {"/x/..;/admin/x", "refused", "refused", "/ /x/..;/admin/x"},
    {"/x\\..\\admin\\x", "refused", "refused", "/ /x\\..\\admin\\x"},
    {"/admin%5cx", "refused", "refused", "/ /admin%5cx"},
    {"/%2561dmin/x", "refused", "refused", "/ /%2561dmin/x"},
    {"/admin%c0%afx", "refused", "refused", "/ /admin%c0%afx"},
    {"/admin%00/x", "refused", "refused", "/ /admin%00/x"},
    {"/%zz/../admin/x", "refused", "refused", "/ /%zz/../admin/x"},
    {"/x%", "refused", "refused", "/ /x%"},
    {"/\\admin/x", "refused", "refused", "/ /\\admin/x"},
};

std::string Outcome(Choosing* choosing, std::string_view path) {
  const Choice choice = choosing->For(path);
  if (choice.doubt != PathDoubt::kNone) return "refused";
  return choice.route->name + " " + std::string(choice.path);
}

TEST(RouteChoicePolicyTest, EachSpellingHasOneOutcomeForEachPolicy) {
  Choosing strict({"/", "/admin/"}, {"/admin"});
  Choosing merged({"/", "/admin/"}, {"/admin"},
                  {.normalize = http::PathNormalization::kMergeSlashes});
  Choosing off({"/", "/admin/"}, {"/admin"}, {.normalize = http::PathNormalization::kOff});
  for (const Spelling& spelling : kSpellings) {
    EXPECT_EQ(Outcome(&strict, spelling.path), spelling.strict) << spelling.path;
    EXPECT_EQ(Outcome(&merged, spelling.path), spelling.merged) << spelling.path;
    EXPECT_EQ(Outcome(&off, spelling.path), spelling.off) << spelling.path;
  }
}

TEST(RouteChoicePolicyTest, AnEscapedSlashIsRefusedWhereNoneIsTaken) {
  for (const auto normalize :
       {http::PathNormalization::kStrict, http::PathNormalization::kMergeSlashes,
        http::PathNormalization::kOff}) {
    Choosing choosing({"/", "/admin/"}, {},
                      {.normalize = normalize, .encoded_slash = http::EncodedSlash::kReject});
    for (const std::string_view path :
         {"/a%2fb", "/a%2Fb", "/%2f", "/%2", "/a/../b%2F", "/%2%2f", "/%252f%2F", "/admin%2fx"}) {
      const bool has_none = path == "/%2";
      const bool off = normalize == http::PathNormalization::kOff;
      const PathDoubt none = off ? PathDoubt::kNone : PathDoubt::kMalformedEscape;
      EXPECT_EQ(choosing.For(path).doubt, has_none ? none : PathDoubt::kEncodedSlash) << path;
    }
    for (const std::string_view path : {"/a/b", "/a%252fb", "/a%20b", "/a%5Cb", "/2f%25"}) {
      EXPECT_EQ(choosing.For(path).doubt, PathDoubt::kNone) << path;
      EXPECT_EQ(choosing.For(path).path, path);
    }
  }
}

TEST(RouteChoicePolicyTest, AnOriginThatNamesWhatOthersResolveIsReachedByteForByte) {
  Choosing choosing({"/a%2Fb/", "/a+b/"}, {}, {.normalize = http::PathNormalization::kOff});
  EXPECT_EQ(choosing.Route("/a%2Fb/x"), "/a%2Fb/");
  EXPECT_EQ(choosing.Route("/a%2fb/x"), "none") << "other bytes";
  EXPECT_EQ(choosing.Route("/a%2Bb/x"), "none");
  EXPECT_EQ(choosing.Route("*"), "none");
}

TEST(RouteChoicePolicyTest, ByteForByteNoPathCostsAnAllocation) {
  Choosing choosing({"/"}, {}, {.normalize = http::PathNormalization::kOff});
  const uint64_t before = support::AllocationCount();
  EXPECT_EQ(choosing.Route("/x/../a%20b//c;d"), "/");
  EXPECT_EQ(support::AllocationCount(), before);
}

TEST(RouteChoiceTest, AnOrdinaryPathCostsNoAllocation) {
  Choosing choosing({"/", "/admin/"}, {});
  const uint64_t before = support::AllocationCount();
  EXPECT_EQ(choosing.Route("/a/b.html"), "/");
  EXPECT_EQ(support::AllocationCount(), before);
}

// ---- Every reader of the forwarded path sees one for the route that was chosen.

// What an origin may make of a path. Written for clearness, apart from what it checks.
struct Reader {
  int decodings;
  bool escaped_slash_divides;
  bool backslash_divides;
  int parameters;  // dropped: 0 never, 1 before decoding, 2 after
  bool cuts;       // at NUL, '?' and '#'
  bool trims;
  bool authority;  // "//host/path" is a URL's
  bool merges;
};

std::string DecodeOnce(const std::string& text, bool slash) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && isxdigit(text[i + 1]) != 0 &&
                        isxdigit(text[i + 2]) != 0;
    const char byte =
        escape ? static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)) : text[i];
    if (escape && (byte != '/' || slash)) {
      out += byte;
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> Segments(const std::string& path) {
  std::vector<std::string> segments(1);
  for (const char byte : path.substr(path.empty() ? 0 : 1)) {
    if (byte == '/') {
      segments.emplace_back();
    } else {
      segments.back() += byte;
    }
  }
  return segments;
}

std::string Joined(const std::vector<std::string>& segments) {
  std::string path;
  for (const std::string& segment : segments) path += "/" + segment;
  return path;
}

std::string WithoutParameters(const std::string& path) {
  std::vector<std::string> segments = Segments(path);
  for (std::string& segment : segments) segment = segment.substr(0, segment.find(';'));
  return Joined(segments);
}

void Trim(std::string* segment) {
  if (segment->find_first_not_of('.') == std::string::npos) return;
  while (!segment->empty() && (segment->back() == '.' || segment->back() == ' ')) {
    segment->pop_back();
  }
}

std::string WithoutDots(const std::string& path, bool merges) {
  const std::vector<std::string> segments = Segments(path);
  std::vector<std::string> kept;
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    const bool dots = segments[i] == "." || segments[i] == "..";
    if (segments[i] == ".." && !kept.empty()) kept.pop_back();
    if (!dots && !(merges && segments[i].empty() && !last)) kept.push_back(segments[i]);
    if (dots && last) kept.emplace_back();
  }
  return Joined(kept);
}

std::string Read(std::string path, const Reader& reader) {
  if (reader.authority && path.starts_with("//")) {
    const size_t slash = path.find('/', 2);
    path = slash == std::string::npos ? "/" : path.substr(slash);
  }
  if (reader.parameters == 1) path = WithoutParameters(path);
  for (int i = 0; i < reader.decodings; ++i) path = DecodeOnce(path, reader.escaped_slash_divides);
  if (reader.cuts) path = path.substr(0, path.find_first_of(std::string_view("?#\0", 3)));
  if (reader.backslash_divides) {
    for (char& byte : path) byte = byte == '\\' ? '/' : byte;
  }
  if (reader.parameters == 2) path = WithoutParameters(path);
  if (reader.trims) {
    std::vector<std::string> segments = Segments(path);
    for (std::string& segment : segments) Trim(&segment);
    path = Joined(segments);
  }
  path = WithoutDots(path, reader.merges);
  for (size_t at; (at = path.find(' ')) != std::string::npos;) path.replace(at, 1, "%20");
  return path;
}

std::string RandomPath(std::mt19937* random) {
  static constexpr std::array<std::string_view, 36> kPieces = {
      "/",    "/",      "/",    "/",     "admin", "admin", "a",   "b",     ".",
      "..",   "%2e",    "%2E.", "%2f",   "%2F",   "\\",    "%5c", ";",     ";x=1",
      "//",   "%61",    "%25",  "%2561", "%20",   "%252f", "%3F", "%3b",   "%252e",
      "dmin", "/admin", "/a/b", "/../",  "%23",   "%2500", "x",   "p%20q", "p%2520q"};
  std::string path = "/";
  const size_t pieces = 1 + (*random)() % 8;
  for (size_t i = 0; i < pieces; ++i) path += kPieces[(*random)() % kPieces.size()];
  return path;
}

Reader RandomReader(std::mt19937* random) {
  const auto either = [&] { return (*random)() % 2 == 0; };
  return {.decodings = static_cast<int>((*random)() % 4),
          .escaped_slash_divides = either(),
          .backslash_divides = either(),
          .parameters = static_cast<int>((*random)() % 3),
          .cuts = either(),
          .trims = either(),
          .authority = either(),
          .merges = either()};
}

TEST(RouteChoiceTest, NoReaderOfTheForwardedPathSeesOneOfAnotherRoute) {
  Choosing choosing({"/", "/admin/", "/a/b/", "/a/b", "/x", "/p%20q/"}, {"/admin", "/a", "/a/b/x"});
  // --gtest_random_seed=N asks for others.
  std::mt19937 random(static_cast<uint32_t>(testing::UnitTest::GetInstance()->random_seed()));
  int forwarded = 0;
  for (int i = 0; i < 4'000; ++i) {
    const std::string path = RandomPath(&random);
    const Choice choice = choosing.For(path);
    if (choice.doubt != PathDoubt::kNone) continue;
    ++forwarded;
    const std::string sent(choice.path);
    EXPECT_FALSE(sent.starts_with("//")) << path;
    for (int j = 0; j < 40; ++j) {
      const Reader reader = RandomReader(&random);
      const std::string seen = Read(sent, reader);
      const Route* route = choosing.Match(seen);
      ASSERT_EQ(route, choice.route)
          << path << " sent as " << sent << " was read as " << seen << ": decodings "
          << reader.decodings << ", parameters " << reader.parameters << ", slash "
          << reader.escaped_slash_divides << ", backslash " << reader.backslash_divides
          << ", trims " << reader.trims << ", cuts " << reader.cuts << ", merges " << reader.merges;
    }
  }
  EXPECT_GT(forwarded, 500);
}

}  // namespace
}  // namespace holdfast::route
