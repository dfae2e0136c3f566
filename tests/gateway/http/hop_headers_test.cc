#include "gateway/http/hop_headers.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

HeaderList List(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  HeaderList list;
  for (const auto& [name, value] : fields) list.Add({name, value, IdentifyField(name), false});
  return list;
}

std::vector<std::string> Kept(const HeaderList& list) {
  std::vector<std::string> names;
  for (const HeaderField& field : list.fields()) {
    if (!field.dropped) names.emplace_back(field.name);
  }
  return names;
}

using Names = std::vector<std::string>;

// RFC 9110 section 7.6.1.
TEST(DropHopHeaders, DropsWhatBelongsToOneHop) {
  HeaderList list = List({{"Host", "a"},
                          {"Connection", "keep-alive"},
                          {"Keep-Alive", "timeout=5"},
                          {"Proxy-Connection", "keep-alive"},
                          {"TE", "gzip"},
                          {"Transfer-Encoding", "chunked"},
                          {"Content-Length", "5"},
                          {"Upgrade", "websocket"},
                          {"HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"},
                          {"Accept", "*/*"},
                          {"Trailer", "X-Sum"}});
  EXPECT_FALSE(DropHopHeaders(&list).te_trailers);
  EXPECT_EQ(Kept(list), (Names{"Host", "Accept", "Trailer"}));
}

// RFC 9440 section 2.4: what they say is between one hop and the next.
TEST(DropHopHeaders, DropsWhatSpeaksOfAClientsCertificate) {
  HeaderList list = List({{"Client-Cert", ":AA==:"},
                          {"client_cert", ":AA==:"},
                          {"CLIENT-CERT-CHAIN", ":AA==:"},
                          {"Client_Cert-Chain", ":AA==:"},
                          {"Client-Certs", "1"},
                          {"ClientCert", "1"},
                          {"X-Client-Cert", "1"}});
  DropHopHeaders(&list);
  EXPECT_EQ(Kept(list), (Names{"Client-Certs", "ClientCert", "X-Client-Cert"}));
}

TEST(DropNamed, DropsWhatMayBeTakenForOneOfTheNames) {
  HeaderList list = List({{"X-Client-Subject", "1"},
                          {"x_client_subject", "1"},
                          {"X.CLIENT-Subject", "1"},
                          {"XSubject", "1"},
                          {"Ssl_Verify", "1"},
                          {"SSL-VERIFY", "1"},
                          {"X-Client-Subject2", "1"},
                          {"X-Client9Subject", "1"}});
  const std::vector<std::string> names = {"X-Client-Subject", "ssl_verify"};
  DropNamed(names, &list);
  EXPECT_EQ(Kept(list), (Names{"XSubject", "X-Client-Subject2", "X-Client9Subject"}));
}

TEST(DropHopHeaders, DropsWhatConnectionNamesBeforeAndAfterIt) {
  HeaderList list = List({{"X-One", "1"},
                          {"Connection", "close, x-one"},
                          {"X-Two", "2"},
                          {"X-One", "again"},
                          {"connection", "X-TWO,,"},
                          {"X-Three", "3"}});
  DropHopHeaders(&list);
  EXPECT_EQ(Kept(list), (Names{"X-Three"}));
}

TEST(DropHopHeaders, ConnectionCannotNameWhatTheGatewayOrEveryRecipientNeeds) {
  HeaderList list = List({});
  Names expected;
  for (std::string_view name : {"Host",
                                "Via",
                                "Forwarded",
                                "X-Forwarded-For",
                                "X-Forwarded-Proto",
                                "X-Forwarded-Host",
                                "X-Forwarded-Port",
                                "X-Forwarded-Prefix",
                                "Date",
                                "Server",
                                "Authorization",
                                "Cookie",
                                "User-Agent",
                                "Expect",
                                "Content-Type",
                                "Content-Encoding",
                                "Content-Range",
                                "Cache-Control",
                                "Set-Cookie",
                                "Origin",
                                "Range",
                                "If-Match",
                                "Vary",
                                "ETag",
                                "WWW-Authenticate",
                                "X-Real-IP",
                                "Retry-After",
                                "Max-Forwards"}) {
    expected.emplace_back(name);
    list.Add({name, "v", IdentifyField(name), false});
    list.Add({"Connection", name, FieldId::kConnection, false});
  }
  DropHopHeaders(&list);
  EXPECT_EQ(Kept(list), expected);
}

TEST(DropHopHeaders, ProxyAuthenticationGoesOnUnlessConnectionNamesIt) {
  HeaderList list = List({{"Proxy-Authorization", "Basic eA=="}, {"Proxy-Authenticate", "Basic"}});
  DropHopHeaders(&list);
  EXPECT_EQ(Kept(list).size(), 2u);
  list = List({{"Proxy-Authorization", "Basic eA=="}, {"Connection", "Proxy-Authorization"}});
  DropHopHeaders(&list);
  EXPECT_EQ(Kept(list), Names{});
}

TEST(DropHopHeaders, TellsWhetherTrailersAreWelcome) {
  for (auto [value, expected] : {std::pair<std::string_view, bool>{"trailers", true},
                                 {"gzip, Trailers", true},
                                 {"gzip;q=0.5", false},
                                 {"trailer", false},
                                 {"", false}}) {
    HeaderList list = List({{"TE", value}});
    EXPECT_EQ(DropHopHeaders(&list).te_trailers, expected) << value;
    EXPECT_EQ(Kept(list), Names{});
  }
}

}  // namespace
}  // namespace holdfast::http
