#include "gateway/policy/cors.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

http::RequestHead RequestWith(const Fields& fields, http::Method method = http::Method::kGet) {
  http::RequestHead head;
  head.method = method;
  for (const auto& [name, value] : fields) {
    head.headers.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
  }
  return head;
}

std::string Text(const http::ResponseHead& head) {
  std::string text;
  for (const http::HeaderField& field : head.headers.fields()) {
    if (field.dropped) continue;
    text += std::string(field.name) + ": " + std::string(field.value) + "\n";
  }
  return text;
}

std::string Applied(const Cors& cors, const Fields& request, const Fields& response = {}) {
  const http::RequestHead asked = RequestWith(request);
  http::ResponseHead head;
  for (const auto& [name, value] : response) head.headers.Add({.name = name, .value = value});
  const CorsRules rules(cors);
  rules.Apply(asked, &head);
  return Text(head);
}

std::string Preflight(const Cors& cors, const Fields& request) {
  const http::RequestHead asked = RequestWith(request, http::Method::kOptions);
  http::ResponseHead head;
  const CorsRules rules(cors);
  rules.AnswerPreflight(asked, &head);
  return Text(head);
}

constexpr std::string_view kPreflightVary =
    "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\n";

TEST(CorsTest, AllowedOriginsAreToldBack) {
  const Cors cors{.allow_origins = {"https://app.example.com", "https://*.example.org"}};
  EXPECT_EQ(Applied(cors, {{"Origin", "https://app.example.com"}}),
            "Vary: Origin\nAccess-Control-Allow-Origin: https://app.example.com\n");
  EXPECT_EQ(Applied(cors, {{"Origin", "https://a.b.example.org"}}),
            "Vary: Origin\nAccess-Control-Allow-Origin: https://a.b.example.org\n");
  EXPECT_EQ(Applied(cors, {}), "Vary: Origin\n") << "a cache must not take it for all origins";
}

TEST(CorsTest, NobodyElseIs) {
  const Cors cors{.allow_origins = {"https://app.example.com", "https://*.example.org"}};
  for (const std::string_view origin : {"https://app.example.com.evil.test",
                                        "https://evil.test",
                                        "http://app.example.com",
                                        "https://app.example.com:8443",
                                        "https://app.example.com/",
                                        "null",
                                        "*",
                                        "https://example.org",
                                        "https://.example.org",
                                        "https://evil.test/.example.org",
                                        "https://evil.test#.example.org",
                                        "https://evil.test?.example.org",
                                        "https://evil@a.example.org",
                                        "https://a.example.org.evil.test",
                                        "https://evil.test%00.example.org",
                                        "https://evil.test\\.example.org",
                                        "https://a.example.org:1",
                                        "https://appxexample.com",
                                        "https://evilexample.org",
                                        "https://[::1].example.org",
                                        "https://app.example.com, https://evil.test"}) {
    const std::string text = Applied(cors, {{"Origin", origin}});
    if (origin == "https://.example.org") continue;  // no browser has such an origin
    EXPECT_EQ(text, "Vary: Origin\n") << origin;
  }
  EXPECT_EQ(
      Applied(cors, {{"Origin", "https://app.example.com"}, {"Origin", "https://app.example.com"}}),
      "Vary: Origin\n");
}

TEST(CorsTest, AllOriginsNeedNoVary) {
  EXPECT_EQ(Applied({.allow_origins = {"*"}}, {{"Origin", "https://a.test"}}),
            "Access-Control-Allow-Origin: *\n");
  EXPECT_EQ(Applied({.allow_origins = {"*"}}, {}), "Access-Control-Allow-Origin: *\n")
      << "a cache may give it to any page";
}

TEST(CorsTest, WhatTheServiceSaysOfItGivesWay) {
  const Cors cors{.allow_origins = {"https://a.test"},
                  .allow_methods = {},
                  .allow_headers = {},
                  .expose_headers = {"X-A", "X-B"},
                  .allow_credentials = true};
  EXPECT_EQ(Applied(cors, {{"Origin", "https://a.test"}},
                    {{"access-control-allow-origin", "*"},
                     {"Access-Control-Allow-Credentials", "true"},
                     {"X-A", "1"}}),
            "X-A: 1\nVary: Origin\nAccess-Control-Allow-Origin: https://a.test\n"
            "Access-Control-Allow-Credentials: true\n"
            "Access-Control-Expose-Headers: X-A, X-B\n");
  EXPECT_EQ(Applied(cors, {{"Origin", "https://b.test"}},
                    {{"Access-Control-Allow-Origin", "https://b.test"},
                     {"Access-Control-Allow-Credentials", "true"}}),
            "Vary: Origin\n");
}

TEST(CorsTest, TheOriginIsTheClientsWhateverTheServiceIsTold) {
  http::RequestHead asked = RequestWith({{"Origin", "https://a.test"}});
  asked.headers.fields()[0].dropped = true;
  asked.headers.Add({.name = "origin", .value = "https://inside.test"});
  http::ResponseHead head;
  const CorsRules rules({.allow_origins = {"https://a.test"}});
  rules.Apply(asked, &head);
  EXPECT_EQ(Text(head), "Vary: Origin\nAccess-Control-Allow-Origin: https://a.test\n");
}

TEST(CorsTest, VaryIsSaidOnce) {
  const Cors cors{.allow_origins = {"https://a.test"}};
  EXPECT_EQ(Applied(cors, {}, {{"vary", "accept, ORIGIN"}}), "vary: accept, ORIGIN\n");
  EXPECT_EQ(Applied(cors, {}, {{"Vary", "*"}}), "Vary: *\n");
  EXPECT_EQ(Applied(cors, {}, {{"Vary", "Original"}}), "Vary: Original\nVary: Origin\n");
}

TEST(CorsTest, APreflightRequestIsOneThatAsks) {
  const auto is = [](const Fields& fields, http::Method method) {
    return IsPreflight(RequestWith(fields, method));
  };
  const Fields asks = {{"Origin", "https://a.test"}, {"Access-Control-Request-Method", "PUT"}};
  EXPECT_TRUE(is(asks, http::Method::kOptions));
  EXPECT_FALSE(is(asks, http::Method::kGet));
  EXPECT_FALSE(is({{"Origin", "https://a.test"}}, http::Method::kOptions));
  EXPECT_FALSE(is({{"Access-Control-Request-Method", "PUT"}}, http::Method::kOptions));
  EXPECT_FALSE(is({{"Origin", "https://a.test"}, {"Access-Control-Request-Method", "P UT"}},
                  http::Method::kOptions));
}

TEST(CorsTest, APreflightRequestIsAnswered) {
  const Cors cors{.allow_origins = {"https://a.test"},
                  .allow_methods = {"GET", "PUT"},
                  .allow_headers = {"X-Token"}};
  const Fields asks = {{"Origin", "https://a.test"},
                       {"Access-Control-Request-Method", "PUT"},
                       {"Access-Control-Request-Headers", "x-other"}};
  EXPECT_EQ(Preflight(cors, asks), std::string(kPreflightVary) +
                                       "Access-Control-Allow-Origin: https://a.test\n"
                                       "Access-Control-Allow-Methods: GET, PUT\n"
                                       "Access-Control-Allow-Headers: X-Token\n"
                                       "Access-Control-Max-Age: 600\n");
  EXPECT_EQ(
      Preflight(cors, {{"Origin", "https://b.test"}, {"Access-Control-Request-Method", "PUT"}}),
      kPreflightVary);
  EXPECT_NE(Preflight({.allow_origins = {"*"}}, asks).find("Methods: GET, HEAD, POST\n"),
            std::string::npos);
}

TEST(CorsTest, AStarAllowsWhatIsAskedFor) {
  const Cors cors{.allow_origins = {"https://a.test"},
                  .allow_methods = {"*"},
                  .allow_headers = {"*"},
                  .expose_headers = {},
                  .allow_credentials = true,
                  .max_age = std::chrono::seconds(5)};
  const Fields asks = {{"Origin", "https://a.test"},
                       {"Access-Control-Request-Method", "PROPFIND"},
                       {"Access-Control-Request-Headers", "x-a, x-b"}};
  EXPECT_EQ(Preflight(cors, asks), std::string(kPreflightVary) +
                                       "Access-Control-Allow-Origin: https://a.test\n"
                                       "Access-Control-Allow-Credentials: true\n"
                                       "Access-Control-Allow-Methods: PROPFIND\n"
                                       "Access-Control-Allow-Headers: x-a, x-b\n"
                                       "Access-Control-Max-Age: 5\n");
  const std::string odd = Preflight(cors, {{"Origin", "https://a.test"},
                                           {"Access-Control-Request-Method", "PUT"},
                                           {"Access-Control-Request-Headers", "a: b"}});
  EXPECT_EQ(odd.find("Allow-Headers"), std::string::npos) << odd;
}

TEST(CorsTest, OriginsHaveASchemeAndAHostAlone) {
  for (const std::string_view good : {"*", "https://a.test", "http://localhost:3000",
                                      "https://*.a.test", "app://x", "https://[::1]:8080"}) {
    EXPECT_TRUE(IsOriginPattern(good)) << good;
  }
  for (const std::string_view bad :
       {"", "a.test", "https://", "https://a.test/", "https://a.test/x", "https://*", "https://*a",
        "https://a.*.test", "*.a.test", "https://u@a.test", "https://a b", "null", "://a"}) {
    EXPECT_FALSE(IsOriginPattern(bad)) << bad;
  }
}

TEST(CorsTest, WithoutOriginsItDoesNothing) {
  EXPECT_FALSE(CorsRules().active());
  EXPECT_TRUE(CorsRules({.allow_origins = {"*"}}).active());
}

}  // namespace
}  // namespace holdfast::policy
