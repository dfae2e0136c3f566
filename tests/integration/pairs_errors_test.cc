// What clients are told by errors that the gateway answers with, over each pair of protocols.

#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/pair_peers.h"
#include "tests/support/pattern.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unserved_address.h"

namespace holdfast::support {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class PairsErrorsTest : public OverEachPair {
 protected:
  // No route is for anything but /up and below; `pages` as in error_pages.
  void StartWith(const std::string& errors, const std::string& pages = "{}",
                 const std::string& routes = "") {
    Start(
        [](const Asked& asked) {
          return Answered{.status = asked.path == "/up/404" ? 404 : 503, .body = "its own"};
        },
        {.listener = "error_pages: " + pages,
         .route = "match: {path_prefix: /up}, retry: {attempts: 0}",
         .routes = routes,
         .errors = errors});
  }
  Answered Ask(const std::string& path, Fields fields = {}) {
    return client_->Ask({.path = path, .fields = std::move(fields)});
  }

  TempDir dir_;
};
HOLDFAST_OVER_EACH_PAIR(PairsErrorsTest);

TEST_P(PairsErrorsTest, ByDefaultABodyHasTheReasonAndNothingInternal) {
  const RefusingAddress refusing;
  const std::string away = refusing.address().ToString();
  StartBefore(away, {.routes = "- {name: no, match: {path: /no}, deny: [127.0.0.0/8], respond: {}}",
                     .errors = ""});
  EXPECT_EQ(Ask("/no").body, "403 Forbidden\nreason: client_denied\n");
  const Answered answer = Ask("/x");
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.body, "502 Bad Gateway\nreason: connect_refused\n");
  EXPECT_EQ(ValueOf(answer.fields, "content-type"), "text/plain; charset=utf-8");
  for (const auto& [name, value] : answer.fields) {
    EXPECT_THAT(value, Not(HasSubstr(away))) << name;
  }
}

TEST_P(PairsErrorsTest, NothingOfTheRequestComesBack) {
  StartWith("");
  for (const std::string path :
       {"/secret", "/%3Cscript%3E", "/a?<script>alert(1)</script>", "/..;/secret", "/%00secret"}) {
    const Answered answer = NewClient()->Ask({.path = path});  // some refusals end a connection
    EXPECT_TRUE(answer.status == 404 || answer.status == 400) << path << " " << answer.status;
    EXPECT_THAT(answer.body, Not(HasSubstr("secret"))) << path;
    EXPECT_THAT(answer.body, Not(HasSubstr("script"))) << path;
  }
}

TEST_P(PairsErrorsTest, NoneLeavesTheStatus) {
  StartWith("{detail: none}");
  EXPECT_EQ(Ask("/x").body, "404 Not Found\n");
}

TEST_P(PairsErrorsTest, AProblemIsJson) {
  StartWith("{format: problem+json, detail: full}");
  const Answered answer = Ask("/a\"b");
  EXPECT_EQ(ValueOf(answer.fields, "content-type"), "application/problem+json");
  EXPECT_EQ(ValueOf(answer.fields, "content-length"), std::to_string(answer.body.size()));
  const Json json = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  ASSERT_FALSE(json.is_discarded()) << answer.body;
  EXPECT_EQ(json.at("type"), "about:blank");
  EXPECT_EQ(json.at("status"), answer.status);
  EXPECT_TRUE(json.contains("reason")) << answer.body;
}

TEST_P(PairsErrorsTest, PagesAreForTheGatewaysOwnErrorsOnly) {
  const std::string large = Pattern(64 * 1024);
  StartWith("{format: json}",
            "{404: " + dir_.Write("a.html", "<p>Not here.</p>\n") +
                ", 4xx: " + dir_.Write("b.txt", large) + "}",
            "- {name: own, match: {path: /own}, respond: {status: 404, body: \"mine\"}}\n"
            "- {name: no, match: {path: /no}, deny: [127.0.0.0/8], respond: {}}");
  const Answered page = Ask("/x");
  EXPECT_EQ(page.status, 404);
  EXPECT_EQ(page.body, "<p>Not here.</p>\n");
  EXPECT_EQ(ValueOf(page.fields, "content-type"), "text/html; charset=utf-8");
  const Answered denied = Ask("/no");
  EXPECT_EQ(denied.status, 403);
  EXPECT_EQ(ValueOf(denied.fields, "content-type"), "text/plain; charset=utf-8");
  EXPECT_TRUE(denied.body == large) << denied.body.size();
  EXPECT_EQ(Ask("/own").body, "mine");
  EXPECT_EQ(Ask("/up/404").body, "its own");
  EXPECT_EQ(Ask("/up/503").body, "its own");
}

TEST_P(PairsErrorsTest, HeadIsToldHowLongItWouldBe) {
  StartWith("{format: json}", "{404: " + dir_.Write("a.html", "<p>Not here.</p>\n") + "}",
            "- {name: no, match: {path: /no}, deny: [127.0.0.0/8], respond: {}}");
  for (const std::string path : {"/x", "/no"}) {
    const Answered whole = Ask(path);
    const Answered head = client_->Ask({.method = "HEAD", .path = path});
    EXPECT_EQ(head.status, whole.status);
    EXPECT_EQ(head.body, "");
    EXPECT_FALSE(head.broken);
    for (const char* const name : {"content-length", "content-type"}) {
      EXPECT_EQ(ValueOf(head.fields, name), ValueOf(whole.fields, name)) << path << " " << name;
    }
    EXPECT_EQ(ValueOf(head.fields, "content-length"), std::to_string(whole.body.size())) << path;
  }
}

TEST_P(PairsErrorsTest, ACallOfGrpcGetsItsStatusAndNoPage) {
  StartWith("{detail: none}", "{4xx: " + dir_.Write("a.html", "<p>no</p>") + "}");
  const Answered answer =
      client_->Ask({.method = "POST",
                    .path = "/x",
                    .fields = {{"content-type", "application/grpc"}, {"te", "trailers"}},
                    .body = ""});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(ValueOf(answer.fields, "grpc-status"), "12");
  EXPECT_EQ(ValueOf(answer.fields, "grpc-message"), "Not Found");
  EXPECT_EQ(answer.body, "");
}

TEST_P(PairsErrorsTest, AReloadReadsThemAnew) {
  const std::string path = dir_.Write("a.txt", "first");
  StartWith("{}", "{404: " + path + "}");
  EXPECT_EQ(Ask("/x").body, "first");
  const std::string config = ReadFile(gateway_->config_path());
  dir_.Write("a.txt", "second");
  gateway_->Reload(config);
  EXPECT_TRUE(Eventually([&] { return NewClient()->Ask({.path = "/x"}).body == "second"; }));
}

}  // namespace
}  // namespace holdfast::support
