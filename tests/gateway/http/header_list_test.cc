#include "gateway/http/header_list.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

const std::vector<std::pair<std::string, FieldId>>& KnownNames() {
  static const std::vector<std::pair<std::string, FieldId>> names = {
      {"Connection", FieldId::kConnection},
      {"Content-Length", FieldId::kContentLength},
      {"Transfer-Encoding", FieldId::kTransferEncoding},
      {"Host", FieldId::kHost},
      {"Keep-Alive", FieldId::kKeepAlive},
      {"Proxy-Connection", FieldId::kProxyConnection},
      {"TE", FieldId::kTe},
      {"Trailer", FieldId::kTrailer},
      {"Upgrade", FieldId::kUpgrade},
      {"Expect", FieldId::kExpect},
      {"Via", FieldId::kVia},
      {"Forwarded", FieldId::kForwarded},
      {"X-Forwarded-For", FieldId::kXForwardedFor},
      {"X-Forwarded-Proto", FieldId::kXForwardedProto},
      {"X-Forwarded-Host", FieldId::kXForwardedHost},
      {"X-Forwarded-Port", FieldId::kXForwardedPort},
      {"Date", FieldId::kDate},
      {"Server", FieldId::kServer},
      {"Proxy-Authenticate", FieldId::kProxyAuthenticate},
      {"Proxy-Authorization", FieldId::kProxyAuthorization},
      {"Proxy-Authentication-Info", FieldId::kProxyAuthenticationInfo},
      {"Authorization", FieldId::kAuthorization},
      {"Cookie", FieldId::kCookie},
      {"User-Agent", FieldId::kUserAgent},
      {"Retry-After", FieldId::kRetryAfter},
      {"Max-Forwards", FieldId::kMaxForwards},
      {"Content-Type", FieldId::kContentType},
      {"HTTP2-Settings", FieldId::kHttp2Settings},
      {"Alt-Svc", FieldId::kAltSvc},
  };
  return names;
}

TEST(IdentifyField, KnowsEveryNameInAnyCase) {
  for (auto [name, id] : KnownNames()) {
    EXPECT_EQ(IdentifyField(name), id) << name;
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(IdentifyField(name), id) << name;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    EXPECT_EQ(IdentifyField(name), id) << name;
  }
}

TEST(IdentifyField, KnowsNoNeighbourOfAName) {
  for (const auto& [name, id] : KnownNames()) {
    const bool forwarded = name.starts_with("X-Forwarded-");
    const FieldId other = forwarded ? FieldId::kXForwardedOther : FieldId::kOther;
    EXPECT_EQ(IdentifyField(name + "x"), other) << name;
    EXPECT_EQ(IdentifyField(name.substr(0, name.size() - 1)), other) << name;
    for (size_t i = 0; i < name.size(); ++i) {
      std::string changed = name;
      changed[i] = '~';
      const FieldId got = IdentifyField(changed);
      EXPECT_TRUE(got == FieldId::kOther || got == FieldId::kXForwardedOther ||
                  got == FieldId::kLookalike)
          << changed;
    }
  }
  EXPECT_EQ(IdentifyField(""), FieldId::kOther);
  EXPECT_EQ(IdentifyField(std::string(500, 'x')), FieldId::kOther);
}

// What an upstream that turns names into environment variables takes for the real one.
TEST(IdentifyField, TellsLookalikes) {
  for (std::string_view name :
       {"Transfer_Encoding", "content_length", "Content.Length", "KEEP_ALIVE", "Proxy_Connection",
        "HTTP2_Settings", "X_Forwarded_For", "X-Forwarded_Host", "x_forwarded-proto",
        "X_Forwarded_Anything", "X.Forwarded!For"}) {
    EXPECT_EQ(IdentifyField(name), FieldId::kLookalike) << name;
  }
  for (std::string_view name :
       {"Transfer_Encodings", "Content_Lengt", "Content__Length", "ContentxLength", "Content_Type",
        "X_Request_Id", "X_Forwarder_For", "X_Forwarded", "X_Forwarded_", "User_Agent"}) {
    EXPECT_EQ(IdentifyField(name), FieldId::kOther) << name;
  }
}

TEST(IdentifyField, TakesTheWholeForwardedFamily) {
  for (std::string_view name :
       {"X-Forwarded-Prefix", "x-forwarded-ssl", "X-Forwarded-Server", "X-Forwarded-A_B"}) {
    EXPECT_EQ(IdentifyField(name), FieldId::kXForwardedOther) << name;
  }
  for (std::string_view name : {"X-Forwarded-", "X-Forwarder-For", "Y-Forwarded-For"}) {
    EXPECT_EQ(IdentifyField(name), FieldId::kOther) << name;
  }
}

TEST(EqualsIgnoreCase, FoldsAsciiLettersOnly) {
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_TRUE(EqualsIgnoreCase("Keep-Alive", "kEEP-aLIVE"));
  EXPECT_FALSE(EqualsIgnoreCase("close", "closed"));
  EXPECT_FALSE(EqualsIgnoreCase("a-b", "a\rb"));  // '-' is 0x20 above CR, as 'a' is above 'A'
  EXPECT_FALSE(EqualsIgnoreCase("@", "`"));
  EXPECT_FALSE(EqualsIgnoreCase("\xc4", "\xe4"));
}

TEST(HeaderList, FindsTheFirstOfItsKindAndAnyByName) {
  HeaderList list;
  list.Add({"Via", "1.0 a", FieldId::kVia});
  list.Add({"X-Thing", "one", FieldId::kOther});
  list.Add({"via", "1.1 b", FieldId::kVia});
  list.Add({"x-thing", "two", FieldId::kOther});

  ASSERT_NE(list.Find(FieldId::kVia), nullptr);
  EXPECT_EQ(list.Find(FieldId::kVia)->value, "1.0 a");
  EXPECT_EQ(list.Find(FieldId::kHost), nullptr);
  ASSERT_NE(list.FindByName("X-THING"), nullptr);
  EXPECT_EQ(list.FindByName("X-THING")->value, "one");
  EXPECT_EQ(list.FindByName("X-Thin"), nullptr);
}

TEST(HeaderList, ClearKeepsItsMemory) {
  HeaderList list;
  for (int i = 0; i < 50; ++i) list.Add({"A", "b"});
  const HeaderField* before = list.fields().data();
  list.Clear();
  EXPECT_EQ(list.size(), 0u);
  for (int i = 0; i < 50; ++i) list.Add({"A", "b"});
  EXPECT_EQ(list.fields().data(), before);
}

}  // namespace
}  // namespace holdfast::http
