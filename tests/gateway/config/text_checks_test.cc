#include "gateway/config/text_checks.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(IsNameTest, TakesPrintableAsciiWithoutQuotes) {
  for (const char* text : {"a", "edge", "0.0.0.0:8080", "unix:/run/x", "api v1", "a/b"}) {
    EXPECT_TRUE(IsName(text)) << text;
  }
  for (const char* text : {"", "a\"b", "a'b", "a\\b", "a\nb", "a\x7f", "\xc3\xa9"}) {
    EXPECT_FALSE(IsName(text)) << text;
  }
  EXPECT_TRUE(IsName(std::string(128, 'a')));
  EXPECT_FALSE(IsName(std::string(129, 'a')));
}

TEST(IsHostPatternTest, TakesHostsSuffixesAndAddresses) {
  for (const char* text : {"*", "example.com", "EXAMPLE.com.", "*.example.com", "*.com",
                           "localhost", "10.0.0.7", "[::1]", "[2001:db8::7]"}) {
    EXPECT_TRUE(IsHostPattern(text)) << text;
  }
}

TEST(IsHostPatternTest, RefusesPortsAndOtherWildcards) {
  for (const char* text :
       {"", "example.com:80", "*.", "*.*", "**", "a.*.com", "www.*", "*example.com", "*.10.0.0",
        "::1", "[10.0.0.7]x", "[::1]:80", "http://a", "a/b", "a b", "10.0.0.300"}) {
    EXPECT_FALSE(IsHostPattern(text)) << text;
  }
}

TEST(CanonicalHostTest, LowersAndDropsTheDot) {
  EXPECT_EQ(CanonicalHost("API.Example.com."), "api.example.com");
  EXPECT_EQ(CanonicalHost("*.Example.COM"), "*.example.com");
  EXPECT_EQ(CanonicalHost("[FD00::1]"), "[fd00::1]");
}

TEST(IsPathTest, BeginsWithASlashAndHasNoQuery) {
  EXPECT_TRUE(IsPath("/"));
  EXPECT_TRUE(IsPath("/v1/a%20b;c=d@e"));
  EXPECT_TRUE(IsPath("/" + std::string(1023, 'a')));
  EXPECT_FALSE(IsPath("/" + std::string(1024, 'a')));
  for (const char* text : {"", "v1", "*", "/a?b", "/a#b", "/a b", "/a\n", "/\xc3\xa9", "/a\x7f"}) {
    EXPECT_FALSE(IsPath(text)) << text;
  }
}

TEST(IsFieldNameTest, TakesTokens) {
  for (const char* text : {"content-type", "X-Custom_1", "cache-control", "!#$%&'*+-.^_`|~"}) {
    EXPECT_TRUE(IsFieldName(text)) << text;
  }
  for (const char* text : {"", "a b", "a:", "a\r\n", "(a)", "a\xc3\xa9", "a\x01", "a/b", "\"a\""}) {
    EXPECT_FALSE(IsFieldName(text)) << text;
  }
}

TEST(IsOriginFormTest, IsAPathThatMayHaveAQuery) {
  for (const char* text : {"/", "/healthz", "/healthz?full=1", "/?", "/a?b?c"}) {
    EXPECT_TRUE(IsOriginForm(text)) << text;
  }
  for (const char* text : {"", "?a", "healthz", "/a#b", "/a?b#c", "/a b", "/a?b c", "/a?\r\nb"}) {
    EXPECT_FALSE(IsOriginForm(text)) << text;
  }
  EXPECT_TRUE(IsOriginForm("/?" + std::string(1022, 'a')));
  EXPECT_FALSE(IsOriginForm("/?" + std::string(1023, 'a')));
}

TEST(IsHostFieldTest, IsAHostAndPerhapsAPort) {
  for (const char* text : {"example.com", "example.com:80", "10.0.0.7", "10.0.0.7:8080", "[::1]",
                           "[::1]:443", "localhost:1"}) {
    EXPECT_TRUE(IsHostField(text)) << text;
  }
  for (const char* text :
       {"", ":80", "example.com:", "example.com:0", "example.com:http", "*", "*.example.com", "::1",
        "[::1]:", "[::1", "a b", "a\r\nb", "a@b", "unix:/run/web"}) {
    EXPECT_FALSE(IsHostField(text)) << text;
  }
}

TEST(IsTokenNameTest, IsAToken) {
  for (const char* text : {"x-user", "Host", "session_id", "a", "!#$%&'*+-.^_`|~9"}) {
    EXPECT_TRUE(IsTokenName(text)) << text;
  }
  for (const char* text : {"", "a b", "a=b", "a;b", "a:", "\"a\"", "caf\xc3\xa9", "a\x01"}) {
    EXPECT_FALSE(IsTokenName(text)) << text;
  }
  EXPECT_TRUE(IsTokenName(std::string(128, 'a')));
  EXPECT_FALSE(IsTokenName(std::string(129, 'a')));
}

TEST(IsFileGlobTest, IsAnyPathWithoutControlBytes) {
  for (const char* text : {"a.yaml", "conf.d/*.yaml", "/etc/[a-z]?", "../a b", "\xc3\xa9"}) {
    EXPECT_TRUE(IsFileGlob(text)) << text;
  }
  using std::string_view_literals::operator""sv;
  for (const std::string_view text : {""sv, "a\0b"sv, "a\nb"sv, "\x7f"sv}) {
    EXPECT_FALSE(IsFileGlob(text)) << text;
  }
  EXPECT_TRUE(IsFileGlob(std::string(4096, 'a')));
  EXPECT_FALSE(IsFileGlob(std::string(4097, 'a')));
}

TEST(LowerCaseTest, ChangesLettersOnly) { EXPECT_EQ(LowerCase("X-User_9\xc3"), "x-user_9\xc3"); }

TEST(IsFieldNameTest, RefusesFramingHopByHopAndDateInAnyCase) {
  for (const char* text : {"Content-Length", "transfer-encoding", "CONNECTION", "Keep-Alive",
                           "Proxy-Connection", "te", "Trailer", "Upgrade", "Date"}) {
    EXPECT_FALSE(IsFieldName(text)) << text;
  }
}

TEST(IsFieldValueTest, CannotSplitAResponse) {
  EXPECT_TRUE(IsFieldValue(""));
  EXPECT_TRUE(IsFieldValue("text/plain; charset=utf-8"));
  EXPECT_TRUE(IsFieldValue("a\tb \xc3\xa9"));
  for (const char* text :
       {"a\r\nset-cookie: b", "a\nb", "a\rb", "a\x01", "a\x7f", " a", "a ", "\ta"}) {
    EXPECT_FALSE(IsFieldValue(text)) << text;
  }
  EXPECT_FALSE(IsFieldValue(std::string_view("a\0b", 3)));
  EXPECT_TRUE(IsFieldValue(std::string(8192, 'a')));
  EXPECT_FALSE(IsFieldValue(std::string(8193, 'a')));
}

TEST(IsRedirectTargetTest, TakesPathsAndUrls) {
  for (const char* text :
       {"/", "/new/", "/new?a=b#c", "https://example.com", "http://example.com/a",
        "https://example.com:8443/a?b", "https://[::1]/"}) {
    EXPECT_TRUE(IsRedirectTarget(text)) << text;
  }
}

TEST(IsRedirectTargetTest, RefusesWhatLeadsElsewhereThanItLooks) {
  for (const char* text : {"", "new/", "//evil.example/", "/\\evil.example", "https://",
                           "https:///a", "https://user@host/", "ftp://a/", "javascript:alert(1)",
                           "/a b", "/a\r\nb", "/\"", "/<", "https:/a"}) {
    EXPECT_FALSE(IsRedirectTarget(text)) << text;
  }
}

TEST(IsLogTargetTest, IsAStreamOrAnAbsolutePath) {
  EXPECT_TRUE(IsLogTarget("stdout"));
  EXPECT_TRUE(IsLogTarget("stderr"));
  EXPECT_TRUE(IsLogTarget("/var/log/access.log"));
  EXPECT_FALSE(IsLogTarget(""));
  EXPECT_FALSE(IsLogTarget("/"));
  EXPECT_FALSE(IsLogTarget("access.log"));
  EXPECT_FALSE(IsLogTarget(std::string_view("/a\0b", 4)));
}

TEST(TextChecksTest, NamesThatAnAuthorityMayVouchFor) {
  for (const char* good :
       {"a.test", "www.Example.com", "a-b.c1.test", "xn--bcher-kva.test", "a.test.", "1.2.3.com"}) {
    EXPECT_TRUE(IsCertifiableName(good)) << good;
  }
  const std::string label(64, 'a');
  for (const std::string& bad :
       {std::string(), std::string("."), std::string("localhost"), std::string("*.a.test"),
        std::string("a..test"), std::string("-a.test"), std::string("a-.test"),
        std::string("a_b.test"), std::string("192.0.2.1"), std::string("[::1]"),
        std::string("a.test/b"), std::string("../a.test"), label + ".test"}) {
    EXPECT_FALSE(IsCertifiableName(bad)) << bad;
  }
}

TEST(TextChecksTest, HttpsUrls) {
  EXPECT_TRUE(IsHttpsUrl("https://ca.test/dir"));
  EXPECT_TRUE(IsHttpsUrl("https://[::1]:14000/dir?a=b"));
  for (const char* bad : {"", "https://", "https://ca.test", "http://ca.test/", "https:///dir",
                          "https://ca.test/a b", "https://ca.test/#a", "https://u@ca.test/"}) {
    EXPECT_FALSE(IsHttpsUrl(bad)) << bad;
  }
}

TEST(TextChecksTest, MailAddresses) {
  EXPECT_TRUE(IsMailAddress("ops+acme@example.com"));
  for (const char* bad : {"", "ops", "@a.test", "ops@", "a@b@c", "a b@c.test", "a@b.test,c@d.test",
                          "mailto:a@b.test", "a@b.test?cc=d"}) {
    EXPECT_FALSE(IsMailAddress(bad)) << bad;
  }
}

TEST(TextChecksTest, FieldsOfRequestIdsHaveNoOtherUse) {
  for (const char* good : {"x-request-id", "X-Correlation-Id", "request_id"}) {
    EXPECT_TRUE(IsRequestIdFieldName(good)) << good;
  }
  for (const char* bad : {"", "a b", "host", "Cookie", "user-agent", "X-Forwarded-Id", "server",
                          "Client-Cert", "TraceParent", "tracestate", "Transfer_Encoding"}) {
    EXPECT_FALSE(IsRequestIdFieldName(bad)) << bad;
  }
}

TEST(TextChecksTest, PeersAreNetworksAndUnix) {
  for (const char* good : {"192.0.2.0/24", "192.0.2.1", "2001:db8::/32", "unix"}) {
    EXPECT_TRUE(IsPeer(good)) << good;
  }
  for (const char* bad : {"", "all", "192.0.2.1/24", "a.test", "unix:/run/x", "192.0.2.0/33"}) {
    EXPECT_FALSE(IsPeer(bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::config
