#include "gateway/http/header_list.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/http/syntax.h"

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
      {"WWW-Authenticate", FieldId::kWwwAuthenticate},
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
// Every token byte in every place: only the two cases of a letter are the same.
TEST(IdentifyField, ComparesEveryByte) {
  for (const auto& [name, id] : KnownNames()) {
    for (size_t i = 0; i < name.size(); ++i) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = name;
        changed[i] = static_cast<char>(byte);
        if (!IsToken(changed)) continue;
        EXPECT_EQ(IdentifyField(changed) == id, EqualsIgnoreCase(changed, name)) << changed;
      }
    }
  }
}

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

TEST(IdentifyField, KnowsWhatSpeaksOfAClientsCertificate) {
  for (std::string_view name : {"Client-Cert", "client-cert", "CLIENT_CERT", "Client.Cert",
                                "Client-Cert-Chain", "client_cert_chain", "Client-Cert_Chain"}) {
    EXPECT_EQ(IdentifyField(name), FieldId::kClientCert) << name;
  }
  for (std::string_view name : {"ClientCert", "Client-Certs", "Client--Cert", "Clientxcert",
                                "X-Client-Cert", "Client-Cert-", "Client-Cert-Chains"}) {
    EXPECT_EQ(IdentifyField(name), FieldId::kOther) << name;
  }
}

TEST(LooksLikeName, ComparesLettersAndTakesOtherSignsForEachOther) {
  EXPECT_TRUE(LooksLikeName("X-A", "x_a"));
  EXPECT_TRUE(LooksLikeName("x!a", "X-A"));
  EXPECT_FALSE(LooksLikeName("xxa", "X-A"));
  EXPECT_FALSE(LooksLikeName("X-A", "Xba"));
  EXPECT_FALSE(LooksLikeName("X-A", "X-AB"));
  EXPECT_FALSE(LooksLikeName("X-1", "X-2"));
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

// Word by word, of which the last two may overlap.
TEST(EqualsIgnoreCase, LooksAtEveryByteOfEveryLength) {
  for (size_t length = 1; length <= 26; ++length) {
    for (size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, 'q');
        text[at] = static_cast<char>(byte);
        const bool same = byte == 'q' || byte == 'Q';
        ASSERT_EQ(EqualsIgnoreCase(text, std::string(length, 'Q')), same) << byte << " at " << at;
      }
    }
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<unsigned char>(byte);
    std::string lower(8, static_cast<char>(c >= 'A' && c <= 'Z' ? c + 0x20 : c));
    EXPECT_TRUE(EqualsIgnoreCase(std::string(8, static_cast<char>(c)), lower)) << byte;
  }
}

TEST(HeaderList, KnowsWhichKindsItHas) {
  HeaderList list;
  EXPECT_FALSE(list.Has(FieldId::kOther));
  list.Add({"Via", "1.0 a", FieldId::kVia});
  list.Add({"WWW-Authenticate", "Basic", FieldId::kWwwAuthenticate});
  EXPECT_TRUE(list.Has(FieldId::kVia));
  EXPECT_TRUE(list.Has(FieldId::kWwwAuthenticate));
  EXPECT_FALSE(list.Has(FieldId::kHost));
  list.Clear();
  EXPECT_FALSE(list.Has(FieldId::kVia));
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
