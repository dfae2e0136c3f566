#include "gateway/config/file_places.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kText =
    "listeners:\n"
    "  - name: edge\n"
    "    tls:\n"
    "      certificates:\n"
    "        - {cert: /a.pem, key: /a.key.old}\n"
    "        - {cert: /b.pem, key: /a.key}\n"
    "  - {name: other, tls: {certificates: [{cert: /a.pem, key: /c.key}]}}\n"
    "upstreams:\n"
    "  web: {tls: {ca: \"/a.pem\"}}\n";

std::string Placed(std::string_view complaints, std::string_view text = kText) {
  return FormatDiagnostics(PlaceComplaints(complaints, text, "f.yaml"));
}

TEST(FilePlacesTest, EachIsFoundWhereItsOwnerNamesIt) {
  EXPECT_EQ(Placed("listener edge: /a.pem: cannot be read"),
            "f.yaml:5:18: error: listener edge: /a.pem: cannot be read\n"
            "          - {cert: /a.pem, key: /a.key.old}\n"
            "                   ^\n");
  EXPECT_EQ(Placed("listener other: /a.pem: it is empty"),
            "f.yaml:7:47: error: listener other: /a.pem: it is empty\n"
            "    - {name: other, tls: {certificates: [{cert: /a.pem, key: /c.key}]}}\n"
            "                                                ^\n");
  EXPECT_TRUE(Placed("upstream web: /a.pem: it is empty").starts_with("f.yaml:9:19: error: "));
}

TEST(FilePlacesTest, SoAreTheFilesOfRoutes) {
  constexpr std::string_view kRoutes =
      "routes:\n"
      "  - {name: a, basic_auth: {file: /users}}\n"
      "  - {jwt: {issuer: i, jwks: /keys}}\n";
  EXPECT_TRUE(Placed("route a: /users: line 1", kRoutes).starts_with("f.yaml:2:34: error: "));
  EXPECT_TRUE(Placed("route route-2: /keys: key 1", kRoutes).starts_with("f.yaml:3:29: error: "));
}

TEST(FilePlacesTest, SoAreThoseOfTheWholeFile) {
  constexpr std::string_view kWhole =
      "access_log: {path: /log/a}\n"
      "tracing: {otlp: \"https://a/x\", ca: /ca.pem}\n";
  EXPECT_TRUE(Placed("access_log: /log/a: no", kWhole).starts_with("f.yaml:1:20: error: "));
  EXPECT_TRUE(Placed("tracing: /ca.pem: it is empty", kWhole).starts_with("f.yaml:2:36: error: "));
}

TEST(FilePlacesTest, AListenerWithoutANameIsFoundByItsBind) {
  EXPECT_EQ(Placed("listener 127.0.0.1:8443: /a.key: cannot be read",
                   "listeners:\n  - bind: 127.0.0.1:8443\n    tls: {key: /a.key}\n"),
            "f.yaml:3:16: error: listener 127.0.0.1:8443: /a.key: cannot be read\n"
            "      tls: {key: /a.key}\n"
            "                 ^\n");
}

TEST(FilePlacesTest, AnothersNameIsNotItsBeginning) {
  EXPECT_TRUE(Placed("listener edge: /a.key: no").starts_with("f.yaml:6:"));
  EXPECT_TRUE(Placed("listener edge: /a.key.old: no").starts_with("f.yaml:5:"));
  EXPECT_TRUE(Placed("listener edge: /b.pem and /a.pem are for a.test").starts_with("f.yaml:6:"));
}

TEST(FilePlacesTest, ErrorPagesAreFoundAndSoAreThoseOfDefaults) {
  constexpr std::string_view text =
      "defaults: {listeners: {error_pages: {5xx: /b.html}}}\n"
      "listeners:\n"
      "  - {name: edge, error_pages: {404: /a.html}}\n";
  EXPECT_TRUE(Placed("listener edge: /a.html: no", text).starts_with("f.yaml:3:37: "));
  EXPECT_TRUE(Placed("listener edge: /b.html: no", text).starts_with("f.yaml:1:43: "));
}

TEST(FilePlacesTest, WhatIsWrongWithADefaultIsToldOnce) {
  constexpr std::string_view text =
      "defaults:\n"
      "  listeners: {tls: {key: /b.key}}\n"
      "  upstreams: {tls: {ca: /ca.pem}}\n"
      "  routes: {basic_auth: {file: /users}}\n"
      "listeners: [{name: a}, {name: b}]\n"
      "upstreams: {x: {}, y: {}}\n"
      "routes: [{name: r}, {name: s}, {name: t, basic_auth: {file: /own}}]\n";
  const auto lines = [&](std::string_view complaints) {
    std::string found;
    for (const Diagnostic& one : PlaceComplaints(complaints, text, "f.yaml")) {
      found += std::to_string(one.position.line) + " " + one.message + "\n";
    }
    return found;
  };
  EXPECT_EQ(lines("listener a: /b.key: no\nlistener b: /b.key: no\nlistener b: /b.key: odd\n"),
            "2 listener a: /b.key: no\n2 listener b: /b.key: odd\n");
  EXPECT_EQ(lines("upstream x: /ca.pem: no\nupstream y: /ca.pem: no\n"),
            "3 upstream x: /ca.pem: no\n");
  EXPECT_EQ(lines("route r: /users: no\nroute s: /users: no\nroute t: /own: no\n"),
            "4 route r: /users: no\n7 route t: /own: no\n");
}

TEST(FilePlacesTest, SoAreTheFilesOfTheAccessLog) {
  EXPECT_TRUE(Placed("access_log: /a.log: no", "access_log: [{path: stdout}, {path: /a.log}]\n")
                  .starts_with("f.yaml:1:37: error: access_log: /a.log: no\n"));
}

TEST(FilePlacesTest, EachLineIsOneAndWhatIsNotFoundHasNoPlace) {
  EXPECT_EQ(Placed("listener edge: certificates: expected at least one\n"
                   "listener gone: /a.pem: cannot be read\nand 3 more"),
            "f.yaml: error: listener edge: certificates: expected at least one\n"
            "f.yaml: error: listener gone: /a.pem: cannot be read\n"
            "f.yaml: error: and 3 more\n");
}

TEST(FilePlacesTest, WhatIsNoConfigurationHasNoPlaces) {
  for (const std::string_view text : {"", "nonsense", "listeners: 7\n", "listeners: [7]\n", "{"}) {
    EXPECT_EQ(Placed("listener edge: /a.pem: no", text),
              "f.yaml: error: listener edge: /a.pem: no\n");
  }
}

TEST(FilePlacesTest, WhatAnIncludedFileNamesIsFoundThere) {
  const support::TempDir dir;
  const std::string main = dir.Write("main.yaml",
                                     "listeners: [{name: a, bind: \":1\"}]\n"
                                     "routes: [{respond: {}}]\n"
                                     "include: part*.yaml\n");
  const std::string part = dir.Write("part.yaml",
                                     "# a part\n"
                                     "listeners:\n"
                                     "  - {name: b, bind: \":2\", tls: {key: /b.key}}\n"
                                     "routes: [{basic_auth: {file: /users}}]\n");
  EXPECT_EQ(FormatDiagnostics(
                PlaceComplaintsIn(main, "listener b: /b.key: no\nroute route-2: /users: no\n")),
            part +
                ":3:38: error: listener b: /b.key: no\n"
                "    - {name: b, bind: \":2\", tls: {key: /b.key}}\n"
                "                                       ^\n" +
                part +
                ":4:30: error: route route-2: /users: no\n"
                "  routes: [{basic_auth: {file: /users}}]\n"
                "                               ^\n");
}

TEST(FilePlacesTest, AFileThatIsGoneHasNone) {
  EXPECT_EQ(FormatDiagnostics(PlaceComplaintsIn("/nowhere/f.yaml", "listener edge: /a.pem: no")),
            "/nowhere/f.yaml: error: listener edge: /a.pem: no\n");
}

}  // namespace
}  // namespace holdfast::config
