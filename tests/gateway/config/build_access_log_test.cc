#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The value begins in column 13 of line 4.
std::string WithLog(std::string_view value) {
  return "listeners: [{bind: 127.0.0.1:8080}]\nroutes: [{name: web, respond: {}},\n"
         "  {name: quiet, access_log: off, match: {path: /q}, respond: {}}]\naccess_log: " +
         std::string(value) + "\n";
}

TEST(BuildAccessLogTest, APlaceIsGivenOnce) {
  EXPECT_EQ(Complaints(WithLog("[{path: /a}, {path: /b}, {path: /a, format: logfmt}]")),
            "f.yaml:4:45: error: path '/a' is given twice; first at line 4\n"
            "  access_log: [{path: /a}, {path: /b}, {path: /a, format: logfmt}]\n"
            "                                              ^\n");
  EXPECT_THAT(Complaints(WithLog("[{}, {path: stdout}]")),
              HasSubstr("path 'stdout' is given twice"));
  EXPECT_EQ(Complaints(WithLog("[{path: stdout}, {path: stderr}]")), "");
}

TEST(BuildAccessLogTest, AFieldIsGivenOnce) {
  EXPECT_THAT(Complaints(WithLog("{fields: [time, status, time]}")),
              HasSubstr("f.yaml:4:37: error: field 'time' is given twice; first at line 4\n"));
}

TEST(BuildAccessLogTest, TheCombinedFormatHasItsOwnFields) {
  EXPECT_THAT(Complaints(WithLog("{format: combined, fields: [time]}")),
              HasSubstr("error: fields: the combined format has its own; json and logfmt take "
                        "them\n"));
  EXPECT_EQ(Complaints(WithLog("{format: logfmt, fields: [time]}")), "");
}

TEST(BuildAccessLogTest, AFilterIsForSomething) {
  for (const char* filter : {"{}", "{slower_than: off}", "{share: off}"}) {
    EXPECT_THAT(Complaints(WithLog("{filter: " + std::string(filter) + "}")),
                HasSubstr("f.yaml:4:22: error: filter: no exchange would have a line"))
        << filter;
  }
  EXPECT_EQ(Complaints(WithLog("{filter: {share: 0}}")), "") << "what fails is told";
}

TEST(BuildAccessLogTest, ItsRoutesAreThere) {
  EXPECT_THAT(Complaints(WithLog("{filter: {routes: [wbe]}}")),
              HasSubstr("f.yaml:4:32: error: route 'wbe' is not defined; did you mean 'web'?\n"));
  EXPECT_THAT(Load(WithLog("{filter: {routes: [none, web]}}")).access_log[0].filter->routes,
              ElementsAre("", "web"));
}

TEST(BuildAccessLogTest, ARouteWithoutLinesIsNamedInVain) {
  EXPECT_THAT(Complaints(WithLog("{filter: {routes: [web, quiet]}}")),
              HasSubstr("f.yaml:4:37: warning: route 'quiet' has access_log: off, so that it has "
                        "no lines\n"));
}

TEST(BuildAccessLogTest, EachTargetOfAListIsLookedAt) {
  EXPECT_THAT(Complaints(WithLog("[{}, {path: /a, filter: {routes: [wbe]}}]")),
              HasSubstr("route 'wbe' is not defined"));
}

}  // namespace
}  // namespace holdfast::config
