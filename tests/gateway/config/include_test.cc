#include "gateway/config/include.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/config/load.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kMain = "etc/main.yaml";

// Files by their paths, in the place of this machine's. A glob ends with '*' and finds what begins
// with the rest.
using Files = std::map<std::string, std::string>;

FileAccess AccessTo(const Files& files) {
  return {.find = [&files](const std::string& glob) -> absl::StatusOr<std::vector<std::string>> {
            if (glob == "etc/secret/*") return absl::UnavailableError("a folder is locked");
            std::vector<std::string> paths;
            for (const auto& [path, text] : files) {
              if (path.starts_with(glob.substr(0, glob.size() - 1))) paths.push_back(path);
            }
            return paths;
          },
          .read = [&files](const std::string& path, size_t) -> absl::StatusOr<std::string> {
            const auto file = files.find(path);
            if (file == files.end()) return absl::NotFoundError("No such file or directory");
            return file->second;
          }};
}

LoadResult LoadWith(std::string_view main, const Files& files) {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "PORT") return "8081";
    if (name == "FOLDER") return "parts";
    return std::nullopt;
  };
  return LoadConfig(main, kMain, environment, AccessTo(files));
}

Config LoadedWith(std::string_view main, const Files& files) {
  LoadResult result = LoadWith(main, files);
  EXPECT_EQ(FormatDiagnostics(result.diagnostics), "");
  EXPECT_TRUE(result.config.has_value());
  return result.config ? *std::move(result.config) : Config{};
}

std::string ComplaintsWith(std::string_view main, const Files& files) {
  const LoadResult result = LoadWith(main, files);
  return FormatDiagnostics(result.diagnostics);
}

std::vector<std::string> RouteNames(const Config& config) {
  std::vector<std::string> names;
  for (const Route& route : config.routes) names.push_back(route.name);
  return names;
}

using Names = std::vector<std::string>;

std::string OneRoute(const std::string& name) {
  return "routes: [{name: " + name + ", match: {path: /" + name + "}, respond: {}}]\n";
}

// A listener and a route, and what else it has, which begins at line 3.
std::string Whole(const std::string& lines) {
  return "listeners: [{name: edge, bind: 127.0.0.1:8080}]\n" + OneRoute("own") + lines;
}

TEST(IncludeTest, ItsEntriesComeAfterTheFilesOwn) {
  const Files files = {{"etc/conf.d/a.yaml",
                        "listeners: [{name: inner, bind: \"127.0.0.1:${PORT}\"}]\n"
                        "upstreams: {web: {endpoints: [\"127.0.0.1:1\"]}}\n"
                        "routes:\n  - {name: web, match: {path_prefix: /w}, upstream: web}\n"}};
  const Config config = LoadedWith(Whole("include: conf.d/a.yaml\n"), files);
  ASSERT_EQ(config.listeners.size(), 2u);
  EXPECT_EQ(config.listeners[0].name, "edge");
  EXPECT_EQ(config.listeners[1].name, "inner");
  EXPECT_EQ(config.listeners[1].bind.text, "127.0.0.1:8081");
  ASSERT_EQ(config.upstreams.size(), 1u);
  EXPECT_EQ(config.upstreams[0].name, "web");
  EXPECT_EQ(RouteNames(config), (Names{"own", "web"}));
}

TEST(IncludeTest, ThereNeedBeNothingElseInTheFile) {
  const Files files = {{"etc/all.yaml", Whole("")}};
  EXPECT_EQ(RouteNames(LoadedWith("include: all.yaml\n", files)), Names{"own"});
}

TEST(IncludeTest, GlobsAreTakenInOrderAndFilesByTheirNames) {
  const Files files = {{"etc/r/10.yaml", OneRoute("ten")},
                       {"etc/r/9.yaml", OneRoute("nine")},
                       {"etc/r/B.yaml", OneRoute("capital")},
                       {"etc/r/a.yaml", OneRoute("small")},
                       {"etc/first.yaml", OneRoute("first")}};
  EXPECT_EQ(RouteNames(LoadedWith(Whole("include: [first.yaml, r/*]\n"), files)),
            (Names{"own", "first", "ten", "nine", "capital", "small"}));
  EXPECT_EQ(RouteNames(LoadedWith(Whole("include: [r/*, first.yaml]\n"), files)),
            (Names{"own", "ten", "nine", "capital", "small", "first"}));
}

TEST(IncludeTest, AGlobWithWildcardsMayFindNothingAndAPathMayNot) {
  EXPECT_EQ(RouteNames(LoadedWith(Whole("include: conf.d/*\n"), {})), Names{"own"});
  EXPECT_EQ(ComplaintsWith(Whole("include:\n  - conf.d/*\n  - gone.yaml\n"), {}),
            "etc/main.yaml:5:5: error: 'etc/gone.yaml' cannot be read: No such file or directory\n"
            "    - gone.yaml\n"
            "      ^\n");
}

TEST(IncludeTest, PathsAreRelativeToTheFilesFolderUnlessTheyAreAbsolute) {
  const Files files = {{"/far/a.yaml", OneRoute("far")}, {"etc/../b.yaml", OneRoute("near")}};
  EXPECT_EQ(RouteNames(LoadedWith(Whole("include: [/far/a.yaml, ../b.yaml]\n"), files)),
            (Names{"own", "far", "near"}));
}

TEST(IncludeTest, TheGlobMayNameAVariable) {
  const Files files = {{"etc/parts/a.yaml", OneRoute("a")}};
  EXPECT_EQ(RouteNames(LoadedWith(Whole("include: \"${FOLDER}/*\"\n"), files)),
            (Names{"own", "a"}));
}

TEST(IncludeTest, TheDefaultsOfTheFileHoldInAll) {
  const Files files = {{"etc/a.yaml", OneRoute("a")}};
  const Config config =
      LoadedWith(Whole("include: a.yaml\ndefaults: {routes: {max_request_body: 1KiB}}\n"), files);
  EXPECT_EQ(config.routes[0].max_request_body, 1024u);
  EXPECT_EQ(config.routes[1].max_request_body, 1024u);
}

TEST(IncludeTest, AnEmptyFileBringsNothing) {
  const Files files = {{"etc/a.yaml", "# later\n"}, {"etc/b.yaml", "routes: []\n"}};
  EXPECT_EQ(RouteNames(LoadedWith(Whole("include: [a.yaml, b.yaml]\n"), files)), Names{"own"});
}

TEST(IncludeTest, AnErrorNamesItsFileAndShowsItsLine) {
  const Files files = {
      {"etc/a.yaml", OneRoute("a")},
      {"etc/b.yaml", "# b\n\nroutes:\n  - match: {path: /b}\n    respond: {statuz: 404}\n"}};
  EXPECT_EQ(
      ComplaintsWith(Whole("include: [a.yaml, b.yaml]\nworkers: 0\n"), files),
      "etc/main.yaml:4:10: error: expected a whole number from 1 to 1024, or auto; found '0'\n"
      "  workers: 0\n"
      "           ^\n"
      "etc/b.yaml:5:15: error: unknown key 'statuz'; did you mean 'status'?\n"
      "      respond: {statuz: 404}\n"
      "                ^\n");
}

TEST(IncludeTest, AMissingVariableIsToldWhereItIsNamed) {
  const Files files = {{"etc/a.yaml", "listeners:\n  - {bind: \"${NONE}\"}\n"}};
  EXPECT_TRUE(ComplaintsWith(Whole("include: a.yaml\n"), files)
                  .starts_with("etc/a.yaml:2:12: error: the environment has no variable 'NONE'"));
}

TEST(IncludeTest, ATextThatIsNoYamlIsToldAloneAndWhereItIs) {
  const Files files = {{"etc/a.yaml", "routes:\n  - {upstream: web\n"},
                       {"etc/b.yaml", "upstreams: {a: 1, a: 2}\n"},
                       {"etc/c.yaml", std::string("routes:\n  - \x01\n")}};
  const std::string complaints =
      ComplaintsWith(Whole("include: [a.yaml, b.yaml, c.yaml]\n"), files);
  EXPECT_NE(complaints.find("etc/a.yaml:"), std::string::npos) << complaints;
  EXPECT_NE(complaints.find("etc/b.yaml:1:19: error: key 'a' is given twice; first at line 1"),
            std::string::npos)
      << complaints;
  EXPECT_NE(complaints.find("etc/c.yaml:2:5: error: control character"), std::string::npos)
      << complaints;
  EXPECT_EQ(complaints.find("is not defined"), std::string::npos) << complaints;
}

TEST(IncludeTest, WhatIsGivenTwiceIsToldWithBothPlaces) {
  struct Case {
    std::string main;
    std::string included;
    std::string_view complaint;
  };
  const Case cases[] = {
      {"", OneRoute("own"),
       "etc/a.yaml:1:17: error: route 'own' is given twice; first at line 2 of etc/main.yaml"},
      {"upstreams:\n  web: {endpoints: [\"a.test:1\"]}\n",
       "upstreams:\n  web: {endpoints: [\"b.test:1\"]}\n",
       "etc/a.yaml:2:3: error: upstream 'web' is given twice; first at line 4 of etc/main.yaml"},
      {"", "listeners: [{name: edge, bind: 127.0.0.1:8081}]\n",
       "etc/a.yaml:1:20: error: listener 'edge' is given twice; first at line 1 of etc/main.yaml"},
      {"", "listeners: [{name: b, bind: 127.0.0.1:8080}]\n",
       "etc/a.yaml:1:29: error: address '127.0.0.1:8080' is given twice; first at line 1 of "
       "etc/main.yaml"},
      {"", "\nroutes: [{match: {path: /own}, respond: {}}]\n",
       "etc/a.yaml:2:10: warning: route 'route-2' never gets a request: route 'own' at line 2 of "
       "etc/main.yaml takes"},
      {"",
       "routes:\n  - {name: b, match: {path: /b}, respond: {}}\n"
       "  - {name: b, match: {path: /c}, respond: {}}\n",
       "etc/a.yaml:3:12: error: route 'b' is given twice; first at line 2\n"},
  };
  for (const Case& one : cases) {
    const std::string complaints =
        ComplaintsWith(Whole(one.main + "include: a.yaml\n"), {{"etc/a.yaml", one.included}});
    EXPECT_TRUE(complaints.find(one.complaint) != std::string::npos)
        << "expected " << one.complaint << "\nfound " << complaints;
  }
}

TEST(IncludeTest, TheOtherKeysBelongInTheMainFile) {
  struct Case {
    std::string_view included;
    std::string_view complaint;
  };
  const Case cases[] = {
      {"workers: 2\n",
       "etc/a.yaml:1:1: error: 'workers' belongs in 'etc/main.yaml', which includes this file; "
       "expected listeners, upstreams or routes\n"},
      {"routes: []\ndefaults: {routes: {}}\n",
       "etc/a.yaml:2:1: error: 'defaults' belongs in 'etc/main.yaml'"},
      {"include: b.yaml\n",
       "etc/a.yaml:1:1: error: a file that is included cannot include others; 'etc/main.yaml' "
       "can\n"},
      {"routez: []\n", "etc/a.yaml:1:1: error: unknown key 'routez'; did you mean 'routes'?\n"},
      {"nothing: []\n",
       "etc/a.yaml:1:1: error: unknown key 'nothing'; expected listeners, upstreams or routes\n"},
      {"- {respond: {}}\n",
       "etc/a.yaml:1:1: error: this is no mapping; expected listeners, upstreams or routes\n"},
      {"routes: {a: 1}\n", "etc/a.yaml:1:9: error: expected a list of routes\n"},
      {"listeners:\n", "error: expected a list of listeners\n"},
      {"upstreams: [1]\n", "etc/a.yaml:1:12: error: expected a mapping of upstreams\n"},
  };
  for (const Case& one : cases) {
    const std::string complaints =
        ComplaintsWith(Whole("include: a.yaml\n"), {{"etc/a.yaml", std::string(one.included)}});
    EXPECT_TRUE(complaints.find(one.complaint) != std::string::npos)
        << "expected " << one.complaint << "\nfound " << complaints;
    EXPECT_EQ(complaints.find("error: "), complaints.rfind("error: ")) << complaints;
  }
}

TEST(IncludeTest, AFileIsIncludedOnceAndNeverByItself) {
  const Files files = {{"etc/main.yaml", ""}, {"etc/a.yaml", OneRoute("a")}};
  const std::string twice = ComplaintsWith(Whole("include:\n  - a.yaml\n  - ./a*\n"),
                                           {{"etc/a.yaml", ""}, {"etc/./a.yaml", ""}});
  EXPECT_TRUE(twice.starts_with(
      "etc/main.yaml:5:5: error: file 'etc/./a.yaml' is given twice; first at line 4\n"))
      << twice;
  const std::string itself = ComplaintsWith(Whole("include: \"*\"\n"), files);
  EXPECT_TRUE(
      itself.starts_with("etc/main.yaml:3:10: error: 'etc/main.yaml' is this file, which "
                         "cannot include itself\n"))
      << itself;
}

TEST(IncludeTest, WhatGlobsHaveFoundIsNoted) {
  const auto notes = [](const std::string& include, const Files& files) {
    return FormatDiagnostics(LoadWith(Whole("include: " + include + "\n"), files).notes);
  };
  const Files files = {{"etc/p/a.yaml", OneRoute("a")}, {"etc/p/b.yaml", ""}};
  EXPECT_TRUE(
      notes("p/*", files)
          .starts_with(
              "etc/main.yaml:3:10: note: 'p/*' finds 2 files: 'etc/p/a.yaml', 'etc/p/b.yaml'\n"))
      << notes("p/*", files);
  EXPECT_TRUE(notes("[p/b*, q/*]", files)
                  .starts_with("etc/main.yaml:3:11: note: 'p/b*' finds 1 file: 'etc/p/b.yaml'\n"));
  EXPECT_NE(notes("[p/b*, q/*]", files).find("note: 'q/*' finds no file\n"), std::string::npos);
  EXPECT_EQ(notes("p/a.yaml", files), "") << "it is there, or that is an error";
  Files many;
  for (int i = 10; i < 50; ++i) many["etc/p/" + std::to_string(i)] = "";
  EXPECT_NE(notes("p/*", many).find("finds 40 files: 'etc/p/10', "), std::string::npos);
  EXPECT_NE(notes("p/*", many).find("'etc/p/29' and 20 more\n"), std::string::npos);
}

TEST(IncludeTest, WhatIsNoGlobIsRefused) {
  for (const std::string value :
       {"", "[]", "\"\"", "{a: b}", "[[a]]", "[a.yaml, \"b\\0c\"]", "\"a\\nb\""}) {
    const std::string complaints =
        ComplaintsWith(Whole("include: " + value + "\n"), {{"etc/a.yaml", ""}});
    EXPECT_NE(complaints.find(": error: expected "), std::string::npos) << value << complaints;
  }
}

TEST(IncludeTest, AFolderThatCannotBeReadIsAnError) {
  const std::string complaints = ComplaintsWith(Whole("include: secret/*\n"), {});
  EXPECT_TRUE(complaints.starts_with(
      "etc/main.yaml:3:10: error: cannot look for 'secret/*': a folder is locked\n"))
      << complaints;
}

TEST(IncludeTest, ANameThatATerminalWouldObeyIsNotShown) {
  const std::string complaints =
      ComplaintsWith(Whole("include: d/*\n"), {{"etc/d/\x1b[31m", "routez: 1\n"}});
  EXPECT_TRUE(complaints.starts_with(
      "etc/main.yaml:3:10: error: the name of the file 'etc/d/\\x1b[31m' is no plain text\n"))
      << complaints;
}

TEST(IncludeTest, ThereIsAMostOfFiles) {
  Files files;
  for (size_t i = 0; i < kMaxIncludedFiles; ++i) files["etc/d/" + std::to_string(i)] = "";
  EXPECT_TRUE(LoadWith(Whole("include: d/*\n"), files).config.has_value());
  files["etc/e"] = "";
  for (const std::string globs : {"[d/*, e]", "[e, d/*]"}) {
    const std::string complaints = ComplaintsWith(Whole("include: " + globs + "\n"), files);
    EXPECT_NE(complaints.find("too many files; at most 1000 are included"), std::string::npos)
        << complaints;
  }
}

TEST(IncludeTest, TheBoundsAreForAllFilesTogether) {
  const std::string half(kMaxYamlBytes / 2, '#');
  EXPECT_TRUE(LoadWith(Whole("include: d/*\n"), {{"etc/d/a", half}}).config.has_value());
  const std::string large =
      ComplaintsWith(Whole("include: d/*\n"), {{"etc/d/a", half}, {"etc/d/b", half}});
  EXPECT_EQ(large,
            "etc/d/b: error: the file and those before it are too large; at most 16777216 "
            "bytes\n");
  std::string values = "routes:\n";
  for (size_t i = 0; i < kMaxYamlNodes / 2; ++i) values += "- a\n";
  const std::string many =
      ComplaintsWith(Whole("include: d/*\n"), {{"etc/d/a", values}, {"etc/d/b", values}});
  EXPECT_TRUE(many.starts_with("etc/d/b:")) << many.substr(0, 200);
  EXPECT_NE(many.find("too many values; at most 1000000"), std::string::npos);
}

TEST(IncludeTest, AllErrorsTogetherHaveOneBound) {
  Files files;
  for (int i = 0; i < 30; ++i) files["etc/d/" + std::to_string(i)] = "routez: []\n";
  const LoadResult result = LoadWith(Whole("include: d/*\n"), files);
  EXPECT_EQ(result.diagnostics.size(), Report::kMaxErrors + 1);
  EXPECT_EQ(result.diagnostics.back().message, "errors not shown: 10");
}

// The loader is given to texts of anybody; those name no files.
TEST(IncludeTest, ATextThatIsNoFileReadsNone) {
  for (const std::string glob : {"/etc/passwd", "/etc/*", "a.yaml"}) {
    const LoadResult result = LoadConfig(Whole("include: " + glob + "\n"), "demo");
    EXPECT_EQ(FormatDiagnostics(result.diagnostics),
              "demo:3:10: error: only a configuration that is a file can include others\n"
              "  include: " +
                  glob + "\n           ^\n");
  }
}

}  // namespace
}  // namespace holdfast::config
