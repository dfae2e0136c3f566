#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/config/build.h"
#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

// All that is said of two listeners, the first of which reads paths so, line by line.
std::string Said(std::string_view path, std::string_view routes, std::string_view top = "") {
  const std::string text = std::string(top) +
                           "listeners:\n"
                           "  - {name: edge, bind: 127.0.0.1:8080, path: " +
                           std::string(path) +
                           "}\n"
                           "  - {name: inner, bind: 127.0.0.1:8081}\n"
                           "upstreams: {web: {endpoints: [\"web:80\"]}}\n"
                           "routes:\n" +
                           std::string(routes);
  std::string said;
  for (const Diagnostic& diagnostic : LoadConfig(text, "f.yaml").diagnostics) {
    said += std::to_string(diagnostic.position.line) + ":" +
            std::to_string(diagnostic.position.column) + " " + diagnostic.message + "\n";
  }
  return said;
}

std::string OfBytes(const std::string& route) {
  return "2:58 normalize: off compares paths by their bytes: an origin may take others, such as "
         "those with .. or %61, for paths of route '" +
         route + "'\n";
}

constexpr std::string_view kAll = "  - {name: all, upstream: web}\n";

TEST(BuildPathsTest, BytesAreWarnedOfWhereRoutesTellPathsApart) {
  const std::string all(kAll);
  for (const std::string match : {"path_prefix: /a", "path: /a", "path: /", "path_regex: \"/a.*\"",
                                  "not: [{path_prefix: /a}]"}) {
    EXPECT_EQ(
        Said("{normalize: off}", all + "  - {name: a, match: {" + match + "}, respond: {}}\n"),
        OfBytes("a"))
        << match;
  }
  EXPECT_EQ(Said("{normalize: off}", all), "");
  EXPECT_EQ(Said("{normalize: off}", all + "  - {match: {hosts: [a.test]}, upstream: web}\n"), "");
}

TEST(BuildPathsTest, BytesAreWarnedOfWhereARouteGuards) {
  for (const std::string guard : {"deny: [192.0.2.1]", "allow: [192.0.2.0/24]"}) {
    EXPECT_EQ(Said("{normalize: off}", "  - {name: all, " + guard + ", upstream: web}\n"),
              OfBytes("all"))
        << guard;
  }
  EXPECT_NE(Said("{normalize: off}", "  - {name: all, basic_auth: {file: /u}, upstream: web}\n")
                .find(OfBytes("all")),
            std::string::npos);
  EXPECT_EQ(Said("{normalize: off}",
                 "  - {name: a, match: {path: /a}, upstream: web}\n"
                 "  - {name: b, match: {path: /b}, deny: [192.0.2.1], upstream: web}\n"),
            OfBytes("b"))
      << "the one that suffers most is named";
}

TEST(BuildPathsTest, NobodyElseIsWarned) {
  const std::string routes =
      "  - {name: a, match: {path: /a, listeners: [inner]}, deny: [192.0.2.1], upstream: web}\n";
  EXPECT_EQ(Said("{normalize: off}", routes), "") << "it is the other listener's";
  const std::string both = "  - {name: a, match: {path: /a}, deny: [192.0.2.1], upstream: web}\n";
  EXPECT_EQ(Said("{}", both), "");
  EXPECT_EQ(Said("{normalize: strict, encoded_slash: keep}", both), "");
  EXPECT_EQ(Said("{normalize: merge_slashes, encoded_slash: reject}", both), "");
}

TEST(BuildPathsTest, ADefaultIsWarnedOfAsWell) {
  const std::string said = Said("{}", "  - {name: a, match: {path: /a}, upstream: web}\n",
                                "defaults: {listeners: {path: {normalize: \"off\"}}}\n");
  EXPECT_NE(said.find("normalize: off compares paths by their bytes"), std::string::npos) << said;
}

TEST(BuildPathsTest, ByteForByteARouteIsItsMatchedForm) {
  const std::string said =
      Said("{normalize: off}", "  - {name: a, match: {path_prefix: /caf%c3%a9}, upstream: web}\n");
  EXPECT_NE(said.find("6:36 listener 'edge' compares paths by their bytes (normalize: off), and "
                      "these have to be '/caf%C3%A9'\n"),
            std::string::npos)
      << said;
}

TEST(BuildPathsTest, ARewriteThatEveryRequestIsRefusedForIsWarnedOf) {
  for (const std::string rewrite :
       {"path: /a%2Fb", "path_prefix: /a%2f", "path_regex: {pattern: \"/x(.*)\", to: /a%2Fb}"}) {
    const std::string routes =
        "  - {name: a, match: {path_prefix: /}, rewrite: {" + rewrite + "}, upstream: web}\n";
    EXPECT_NE(Said("{encoded_slash: reject}", routes)
                  .find("listener 'edge' refuses what comes out here: encoded_slash: reject\n"),
              std::string::npos)
        << rewrite;
    EXPECT_EQ(Said("{}", routes), "") << rewrite;
  }
  EXPECT_EQ(Said("{encoded_slash: reject}",
                 "  - {name: a, rewrite: {path: \"/a?b=%2F\"}, upstream: web}\n"),
            "");
}

TEST(BuildPathsTest, OtherWordsAreErrors) {
  const auto said = [](std::string_view path) { return Said(path, kAll); };
  EXPECT_NE(said("{normalize: on}").find("2:58 expected one of strict, merge_slashes, off"),
            std::string::npos)
      << said("{normalize: on}");
  EXPECT_NE(said("{encoded_slash: decode}").find("expected one of keep, reject"), std::string::npos)
      << said("{encoded_slash: decode}");
  EXPECT_NE(said("strict").find("expected a mapping such as {normalize: strict, encoded_slash"),
            std::string::npos)
      << said("strict");
  EXPECT_NE(said("{normalise: off}").find("unknown key 'normalise'"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::config
