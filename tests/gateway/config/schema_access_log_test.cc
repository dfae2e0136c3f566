#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/record/record_fields.h"
#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

using record::LineFormat;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kBefore =
    "listeners: [{bind: 127.0.0.1:8080}]\nroutes: [{name: web, respond: {}}]\naccess_log: ";

std::vector<AccessLog> Logs(std::string_view value) {
  return Load(std::string(kBefore) + std::string(value) + "\n").access_log;
}
std::string Wrong(std::string_view value) {
  return Complaints(std::string(kBefore) + std::string(value) + "\n");
}

TEST(AccessLogShapeTest, IsOffOneTargetOrSeveral) {
  EXPECT_TRUE(Logs("off").empty());
  EXPECT_EQ(Logs("{}").size(), 1u);
  EXPECT_EQ(Logs("{path: stderr}").size(), 1u);
  EXPECT_EQ(Logs("[{path: stderr}]").size(), 1u);
  const std::vector<AccessLog> logs = Logs("[{path: stdout}, {path: /a, format: combined}]");
  ASSERT_EQ(logs.size(), 2u);
  EXPECT_EQ(logs[1].path, "/a");
  EXPECT_EQ(logs[1].format, LineFormat::kCombined);
}

TEST(AccessLogShapeTest, GoesWhereItsPathSays) {
  EXPECT_EQ(Logs("{}")[0].target, AccessLog::Target::kStdout);
  EXPECT_EQ(Logs("{path: stdout}")[0].target, AccessLog::Target::kStdout);
  EXPECT_EQ(Logs("{path: stderr}")[0].target, AccessLog::Target::kStderr);
  EXPECT_EQ(Logs("{path: /a}")[0].target, AccessLog::Target::kFile);
  EXPECT_EQ(Logs("{path: /a}")[0].path, "/a");
}

TEST(AccessLogShapeTest, TakesEveryFormatFieldAndCondition) {
  const AccessLog log = Logs(
      "{format: logfmt, fields: [time, status, duration_us], filter: {status: [404, 5xx], "
      "slower_than: 500ms, routes: [web], share: 0.01}}")[0];
  EXPECT_EQ(log.format, LineFormat::kLogfmt);
  EXPECT_THAT(log.fields, ElementsAre("time", "status", "duration_us"));
  ASSERT_TRUE(log.filter.has_value());
  EXPECT_THAT(log.filter->statuses,
              ElementsAre(record::StatusSpan{404, 404}, record::StatusSpan{500, 599}));
  EXPECT_EQ(log.filter->slower_than, std::chrono::milliseconds(500));
  EXPECT_THAT(log.filter->routes, ElementsAre("web"));
  EXPECT_EQ(log.filter->share, 10'000u);
  EXPECT_FALSE(Logs("{filter: off}")[0].filter.has_value());
  EXPECT_EQ(Logs("{format: json}")[0].format, LineFormat::kJson);
}

TEST(AccessLogShapeTest, EveryFieldOfTheTableMayBeAskedFor) {
  std::string all;
  for (const std::string_view name : record::kRecordFieldNames) {
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  EXPECT_EQ(Logs("{fields: [" + all + "]}")[0].fields.size(), record::kRecordFieldNames.size());
}

TEST(AccessLogShapeTest, SaysWhatWasProbablyMeant) {
  EXPECT_THAT(Wrong("{fields: [time, statsu]}"),
              HasSubstr("f.yaml:3:29: error: expected one of time, listener, client, "));
  EXPECT_THAT(Wrong("{fields: [time, statsu]}"),
              HasSubstr("; found 'statsu'; did you mean 'status'?\n"));
  EXPECT_THAT(Wrong("{format: combine}"),
              HasSubstr("f.yaml:3:22: error: expected one of json, combined, logfmt; found "
                        "'combine'; did you mean 'combined'?\n"));
  EXPECT_THAT(Wrong("{filter: {statsu: [404]}}"), HasSubstr("did you mean 'status'?"));
}

TEST(AccessLogShapeTest, RefusesWhatItCannotBe) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"[]", "a list of 1 to 8 of them, or off; found an empty list"},
      {"on", "a list of 1 to 8 of them, or off; found 'on'"},
      {"[off]", "expected a mapping such as {path: stdout, format: json}; found 'off'"},
      {"[{}, {path: /a}, {path: /b}, {path: /c}, {path: /d}, {path: /e}, {path: /f}, {path: /g}, "
       "{path: /h}]",
       "a list of 1 to 8 of them, or off; found a list"},
      {"{path: relative}", "expected stdout, stderr or an absolute path; found 'relative'"},
      {"{fields: []}", "expected a list of fields such as"},
      {"{fields: all}", "expected a list of fields such as"},
      {"{filter: {status: [600]}}", "expected a status code such as 404"},
      {"{filter: {status: [4x4]}}", "expected a status code such as 404"},
      {"{filter: {status: 404}}", "expected a list of 1 to 64 status codes"},
      {"{filter: {slower_than: 0s}}", "expected a duration such as"},
      {"{filter: {share: 1%}}", "expected a share from 0 to 1 with at most six decimals"},
      {"{filter: {share: 2}}", "expected a share from 0 to 1 with at most six decimals"},
      {"{filter: {share: 0.0000001}}", "expected a share from 0 to 1 with at most six decimals"},
      {"{filter: {routes: []}}", "expected a list of 1 to 64 names of routes"},
      {"{filter: on}",
       "expected a mapping such as {status: [404, 5xx], slower_than: 500ms}, or "
       "off; found 'on'"},
  };
  for (const auto& [value, complaint] : cases) {
    EXPECT_THAT(Wrong(value), HasSubstr(std::string(complaint))) << value;
  }
}

TEST(AccessLogShapeTest, ARouteMayBeLeftOut) {
  const auto route = [](std::string_view keys) {
    return Load("listeners: [{bind: 127.0.0.1:8080}]\nroutes: [{respond: {}" + std::string(keys) +
                "}]\n")
        .routes[0]
        .access_log;
  };
  EXPECT_EQ(route(""), RouteLog::kOn);
  EXPECT_EQ(route(", access_log: on"), RouteLog::kOn);
  EXPECT_EQ(route(", access_log: off"), RouteLog::kOff);
  EXPECT_EQ(Load("listeners: [{bind: 127.0.0.1:8080}]\nroutes: [{respond: {}}]\n"
                 "defaults: {routes: {access_log: off}}\n")
                .routes[0]
                .access_log,
            RouteLog::kOff);
  EXPECT_THAT(Complaints("listeners: [{bind: 127.0.0.1:8080}]\n"
                         "routes: [{respond: {}, access_log: no}]\n"),
              HasSubstr("expected one of on, off; found 'no'; did you mean 'off'?"));
}

}  // namespace
}  // namespace holdfast::config
