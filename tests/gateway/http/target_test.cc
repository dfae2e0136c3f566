#include "gateway/http/target.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

TEST(ParseAuthority, TakesHostsWithAndWithoutPorts) {
  struct Case {
    std::string_view text;
    std::string_view host;
    int port;
  };
  for (const Case& c : std::vector<Case>{
           {"example.com", "example.com", -1},
           {"Example.COM:80", "Example.COM", 80},
           {"localhost:0", "localhost", 0},
           {"a:65535", "a", 65535},
           {"a:00080", "a", 80},
           {"10.0.0.7:8080", "10.0.0.7", 8080},
           {"[::1]", "[::1]", -1},
           {"[2001:db8::7]:8443", "[2001:db8::7]", 8443},
           {"a:", "a", -1},
           {"[::1]:", "[::1]", -1},
           {"[::ffff:10.0.0.7]", "[::ffff:10.0.0.7]", -1},
           {"under_score.example", "under_score.example", -1},
           {"sub!$&'()*+;=delims", "sub!$&'()*+;=delims", -1},
       }) {
    const std::optional<Authority> authority = ParseAuthority(c.text);
    ASSERT_TRUE(authority) << c.text;
    EXPECT_EQ(authority->host, c.host);
    EXPECT_EQ(authority->port, c.port) << c.text;
  }
}

TEST(ParseAuthority, TakesNothingElse) {
  const std::string nul("[::1\0]", 6);
  for (std::string_view text : std::vector<std::string_view>{
           "",          ":80",         ":",
           "a::",       "a:65536",     "a:123456",
           "a:-1",      "a:8o",        "a:80:80",
           "a b",       "a,b",         "user@host",
           "a/b",       "a?b",         "a#b",
           "a\\b",      "a\"b",        "%4",
           "%",         "%zz",         "[",
           "[]",        "[::1",        "::1",
           "[::1]80",   "[fe80::1%1]", "[v1.x]",
           "[1.2.3.4]", "[::1]::",     "[:::1]",
           "a]",        "caf\xc3\xa9", "http://a",
           "%41bc",     "a%2etest",    "a%00",
           "a\tb",      nul,           "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
       }) {
    EXPECT_FALSE(ParseAuthority(text)) << text;
  }
}

struct TargetCase {
  std::string_view target;
  Method method;
  TargetForm form;
  std::string_view path;
  std::string_view query;
  bool has_query;
  std::string_view authority;
};

TEST(ParseTarget, TakesTheFourFormsApart) {
  for (const TargetCase& c : std::vector<TargetCase>{
           {"/", Method::kGet, TargetForm::kOrigin, "/", "", false, ""},
           {"/a/b", Method::kPost, TargetForm::kOrigin, "/a/b", "", false, ""},
           {"/?", Method::kGet, TargetForm::kOrigin, "/", "", true, ""},
           {"/a?b=c?d/e", Method::kGet, TargetForm::kOrigin, "/a", "b=c?d/e", true, ""},
           {"//host/a", Method::kGet, TargetForm::kOrigin, "//host/a", "", false, ""},
           {"/%2e%2E/%00", Method::kGet, TargetForm::kOrigin, "/%2e%2E/%00", "", false, ""},
           {"/a|b{c}\"<>\\^`", Method::kGet, TargetForm::kOrigin, "/a|b{c}\"<>\\^`", "", false, ""},
           {"*", Method::kOptions, TargetForm::kAsterisk, "*", "", false, ""},
           {"http://h/a?b", Method::kGet, TargetForm::kAbsolute, "/a", "b", true, "h"},
           {"HTTPS://h:8443", Method::kGet, TargetForm::kAbsolute, "/", "", false, "h:8443"},
           {"http://h?q", Method::kGet, TargetForm::kAbsolute, "/", "q", true, "h"},
           {"http://[::1]:80/", Method::kGet, TargetForm::kAbsolute, "/", "", false, "[::1]:80"},
           {"http://h", Method::kOptions, TargetForm::kAbsolute, "*", "", false, "h"},
           {"http://h/", Method::kOptions, TargetForm::kAbsolute, "/", "", false, "h"},
           {"http://h?", Method::kOptions, TargetForm::kAbsolute, "/", "", true, "h"},
           {"h:443", Method::kConnect, TargetForm::kAuthority, "", "", false, "h:443"},
       }) {
    RequestHead head;
    ASSERT_EQ(ParseTarget(c.target, c.method, &head), Refusal::kNone) << c.target;
    EXPECT_EQ(head.form, c.form) << c.target;
    EXPECT_EQ(head.target, c.target);
    EXPECT_EQ(head.path, c.path) << c.target;
    EXPECT_EQ(head.query, c.query) << c.target;
    EXPECT_EQ(head.has_query, c.has_query) << c.target;
    EXPECT_EQ(head.authority, c.authority) << c.target;
  }
}

TEST(ParseTarget, RefusesByName) {
  struct Case {
    std::string_view target;
    Method method;
    Refusal refusal;
  };
  for (const Case& c : std::vector<Case>{
           {"*", Method::kGet, Refusal::kMalformedTarget},
           {"**", Method::kOptions, Refusal::kMalformedTarget},
           {"a", Method::kGet, Refusal::kMalformedTarget},
           {"example.com/a", Method::kGet, Refusal::kMalformedTarget},
           {"example.com:80", Method::kGet, Refusal::kMalformedTarget},
           {"?a", Method::kGet, Refusal::kMalformedTarget},
           {"http:/a", Method::kGet, Refusal::kMalformedTarget},
           {"://a", Method::kGet, Refusal::kMalformedTarget},
           {"http://", Method::kGet, Refusal::kMalformedTarget},
           {"http:///a", Method::kGet, Refusal::kMalformedTarget},
           {"http://:80/", Method::kGet, Refusal::kMalformedTarget},
           {"http://h:x/", Method::kGet, Refusal::kMalformedTarget},
           {"http://h\\a", Method::kGet, Refusal::kMalformedTarget},
           {"ftp://h/", Method::kGet, Refusal::kUnsupportedScheme},
           {"ws://h/", Method::kGet, Refusal::kUnsupportedScheme},
           {"httpx://h/", Method::kGet, Refusal::kUnsupportedScheme},
           {"http://u@h/", Method::kGet, Refusal::kUserinfoInTarget},
           {"http://u:p@h/", Method::kGet, Refusal::kUserinfoInTarget},
           {"h", Method::kConnect, Refusal::kMalformedTarget},
           {"/", Method::kConnect, Refusal::kMalformedTarget},
           {"u@h:443", Method::kConnect, Refusal::kMalformedTarget},
           {"http://h:443", Method::kConnect, Refusal::kMalformedTarget},
       }) {
    RequestHead head;
    EXPECT_EQ(ParseTarget(c.target, c.method, &head), c.refusal) << c.target;
  }
}

TEST(ParseTarget, LeavesAnAtSignInThePathAlone) {
  RequestHead head;
  EXPECT_EQ(ParseTarget("http://h/@a?b@c", Method::kGet, &head), Refusal::kNone);
  EXPECT_EQ(head.authority, "h");
}

TEST(SameAuthority, FillsInTheDefaultPortAndFoldsCase) {
  EXPECT_TRUE(SameAuthority({"A.example", -1}, {"a.EXAMPLE", 80}, false));
  EXPECT_TRUE(SameAuthority({"a", 443}, {"a", -1}, true));
  EXPECT_FALSE(SameAuthority({"a", -1}, {"a", 443}, false));
  EXPECT_FALSE(SameAuthority({"a", 80}, {"a", 8080}, false));
  EXPECT_FALSE(SameAuthority({"a", -1}, {"b", -1}, false));
}

}  // namespace
}  // namespace holdfast::http
