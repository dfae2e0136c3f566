#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "gateway/acme/challenges.h"
#include "tests/gateway/proxy/proxy_harness.h"

// What an authority asks for in clear is answered before routes are looked at.

namespace holdfast::proxy {
namespace {

class ExchangeChallengeTest : public testing::Test {
 protected:
  ExchangeChallengeTest() {
    auto challenges = std::make_shared<acme::Challenges>();
    challenges->tokens["abc"] = "abc.thumbprint";
    harness_.context.challenges = std::move(challenges);
  }
  // The status line and what ends the response to a request for this path.
  std::string Answer(const std::string& line, const std::string& end) {
    Wire client = harness_.Connect();
    client.Send(line + " HTTP/1.1\r\nHost: anything\r\n\r\n");
    return harness_.Await(client, end);
  }

  ProxyHarness harness_{{.routes = "- {name: all, match: {path_prefix: /}, respond: {body: own}}"}};
};

TEST_F(ExchangeChallengeTest, ATokenIsAnsweredWithItsAuthorization) {
  const std::string answer =
      Answer("GET /.well-known/acme-challenge/abc", "\r\n\r\nabc.thumbprint");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: application/octet-stream\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Content-Length: 14\r\n"), std::string::npos);
  EXPECT_TRUE(harness_.AtRest());
}

TEST_F(ExchangeChallengeTest, HeadIsAnsweredWithoutIt) {
  const std::string answer = Answer("HEAD /.well-known/acme-challenge/abc", "\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 14\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ExchangeChallengeTest, AllElseIsTheRoutes) {
  for (const char* line :
       {"GET /.well-known/acme-challenge/abd", "GET /.well-known/acme-challenge/",
        "POST /.well-known/acme-challenge/abc", "GET /", "GET /.well-known/acme-challenge/%61bc"}) {
    EXPECT_TRUE(Answer(line, "\r\n\r\nown").ends_with("own")) << line;
  }
}

TEST_F(ExchangeChallengeTest, OnceWithdrawnATokenIsNobodys) {
  harness_.context.challenges = nullptr;
  EXPECT_TRUE(Answer("GET /.well-known/acme-challenge/abc", "\r\n\r\nown").ends_with("own"));
}

}  // namespace
}  // namespace holdfast::proxy
