#include "gateway/http/connection_auth.h"

#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

bool Authenticates(std::string_view name, std::string_view value) {
  HeaderList list;
  list.Add({"Date", "Sun, 06 Nov 1994 08:49:37 GMT", FieldId::kDate, false});
  list.Add({name, value, IdentifyField(name), false});
  return AuthenticatesConnection(list);
}

TEST(ConnectionAuth, TheSchemesThatOutliveTheirRequestAreKnown) {
  for (const std::string_view name :
       {"Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate"}) {
    for (const std::string_view value : {"NTLM", "ntlm", "NTLM TlRMTVNTUAABAAAA", "Negotiate",
                                         "Negotiate oYG2MIGz", "nEGOTIATE\tx", "Nego2 abc"}) {
      EXPECT_TRUE(Authenticates(name, value)) << name << ": " << value;
    }
  }
}

TEST(ConnectionAuth, AmongSeveralChallengesToo) {
  EXPECT_TRUE(Authenticates("WWW-Authenticate", "Basic realm=\"a\", Negotiate"));
  EXPECT_TRUE(Authenticates("www-authenticate", "Negotiate,NTLM"));
}

TEST(ConnectionAuth, ThoseOfASingleRequestAreNot) {
  for (const std::string_view value : {"", "Basic dTpw", "Bearer NTLM", "Digest username=\"ntlm\"",
                                       "NTLMv2 x", "Negotiated x", "Basic realm=\"Negotiate\""}) {
    EXPECT_FALSE(Authenticates("Authorization", value)) << value;
    EXPECT_FALSE(Authenticates("WWW-Authenticate", value)) << value;
  }
}

TEST(ConnectionAuth, OtherFieldsSayNothing) {
  EXPECT_FALSE(Authenticates("X-Authenticate", "NTLM"));
  EXPECT_FALSE(Authenticates("Authentication-Info", "NTLM"));
  EXPECT_FALSE(Authenticates("User-Agent", "Negotiate"));
  EXPECT_FALSE(AuthenticatesConnection(HeaderList()));
}

}  // namespace
}  // namespace holdfast::http
