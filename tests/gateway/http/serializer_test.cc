#include "gateway/http/serializer.h"

#include <ctime>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/http/hop_headers.h"
#include "gateway/http/parser.h"

namespace holdfast::http {
namespace {

std::string Take(pool::Buffer* buffer) {
  std::string text(buffer->Linearize(buffer->size()));
  buffer->Clear();
  return text;
}

class SerializerTest : public ::testing::Test {
 protected:
  // What the upstream gets for these bytes of a client.
  std::string Forward(const std::string& bytes, const ForwardedFacts& facts) {
    EXPECT_EQ(RefusalName(ParseRequestHead(bytes, {}, &request_)), "none") << bytes;
    ForwardedFacts with_te = facts;
    with_te.te_trailers = DropHopHeaders(&request_.headers).te_trailers;
    SerializeRequestHead(request_, with_te, &buffer_);
    return Take(&buffer_);
  }
  // What the client gets for these bytes of an upstream.
  std::string Answer(const std::string& bytes, const ResponseFraming& framing,
                     std::string_view via_name = "holdfast") {
    EXPECT_EQ(RefusalName(ParseResponseHead(bytes, {}, Method::kGet, &response_)), "none");
    DropHopHeaders(&response_.headers);
    SerializeResponseHead(response_, framing, via_name, &buffer_);
    return Take(&buffer_);
  }

  pool::SlabPool pool_;
  pool::Buffer buffer_{&pool_};
  RequestHead request_;
  ResponseHead response_;
};

constexpr ForwardedFacts kUntrusted{.client_ip = "192.0.2.1"};
constexpr ForwardedFacts kTrusted{.client_ip = "192.0.2.1", .trust_client = true};

TEST_F(SerializerTest, ARequestKeepsItsBytesAndGainsWhatAGatewayAdds) {
  EXPECT_EQ(Forward("GET /a?b HTTP/1.1\r\nACCEPT: */*\r\nHost: Example.com:81\r\n"
                    "x-lower:  v  w \r\nConnection: keep-alive\r\n\r\n",
                    kUntrusted),
            "GET /a?b HTTP/1.1\r\nHost: Example.com:81\r\nACCEPT: */*\r\nx-lower: v  w\r\n"
            "Via: 1.1 holdfast\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
            "X-Forwarded-Host: Example.com:81\r\n\r\n");
}

TEST_F(SerializerTest, ARequestIsFramedAnew) {
  EXPECT_EQ(Forward("POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 007\r\n\r\n", kUntrusted),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\nVia: 1.1 holdfast\r\n"
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n");
  EXPECT_EQ(Forward("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n"
                    "Trailer: X-Sum\r\n\r\n",
                    kUntrusted),
            "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n"
            "Via: 1.1 holdfast\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
            "X-Forwarded-Host: a\r\n\r\n");
}

TEST_F(SerializerTest, TheTargetIsInOriginOrAsteriskForm) {
  const auto line = [&](const std::string& request_line) {
    const std::string text = Forward(request_line + "\r\nHost: h\r\n\r\n", kUntrusted);
    return text.substr(0, text.find("\r\nVia"));
  };
  EXPECT_EQ(line("GET http://H:80/a?b HTTP/1.1"), "GET /a?b HTTP/1.1\r\nHost: H:80");
  EXPECT_EQ(line("GET http://h?b HTTP/1.1"), "GET /?b HTTP/1.1\r\nHost: h");
  EXPECT_EQ(line("GET /? HTTP/1.1"), "GET /? HTTP/1.1\r\nHost: h");
  EXPECT_EQ(line("OPTIONS * HTTP/1.1"), "OPTIONS * HTTP/1.1\r\nHost: h");
  EXPECT_EQ(line("OPTIONS http://h HTTP/1.1"), "OPTIONS * HTTP/1.1\r\nHost: h");
  EXPECT_EQ(line("PROPFIND /%2e%2e//x HTTP/1.1"), "PROPFIND /%2e%2e//x HTTP/1.1\r\nHost: h");
}

TEST_F(SerializerTest, AnUntrustedClientSaysNothingAboutEarlierHops) {
  EXPECT_EQ(Forward("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
                    "x-forwarded-proto: https\r\nX-Forwarded-Host: evil\r\n"
                    "X-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /p\r\nX_Forwarded_For: 1\r\n"
                    "Forwarded: for=10.0.0.1\r\nVia: 1.0 fred\r\n\r\n",
                    kUntrusted),
            "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred\r\nVia: 1.1 holdfast\r\n"
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n");
}

TEST_F(SerializerTest, ATrustedClientIsBelievedAndAppendedTo) {
  EXPECT_EQ(Forward("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n"
                    "x-forwarded-proto: https\r\nX-Forwarded-Host: b\r\n"
                    "X-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /p\r\n"
                    "X-Forwarded-For:\r\nX-FORWARDED-FOR: 10.0.0.3\r\n"
                    "Forwarded: for=10.0.0.1\r\n\r\n",
                    kTrusted),
            "GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-proto: https\r\nX-Forwarded-Host: b\r\n"
            "X-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /p\r\nVia: 1.1 holdfast\r\n"
            "X-Forwarded-For: 10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.1\r\n\r\n");
}

// Nobody who can be trusted spells them so, and a CGI-like upstream could not tell them from the
// gateway's own.
// The fields behind Via of a request with all of them.
TEST_F(SerializerTest, WhatIsNotWrittenGoesOnFromTrustedClientsOnly) {
  const std::string request =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: b\r\nX-Forwarded-Port: 443\r\nForwarded: for=10.0.0.1\r\n\r\n";
  ForwardedFacts facts = kTrusted;
  facts.written = {};
  facts.via_name = "";
  const std::string others =
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 443\r\n";
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(Forward(request, facts), start + "X-Forwarded-For: 10.0.0.1\r\n" + others + "\r\n");
  facts.believed = FieldId::kForwarded;
  EXPECT_EQ(Forward(request, facts), start + others + "Forwarded: for=10.0.0.1\r\n\r\n");
  facts.believed = FieldId::kOther;
  EXPECT_EQ(Forward(request, facts), start + others + "\r\n") << "neither list is believed";
  facts.trust_client = false;
  EXPECT_EQ(Forward(request, facts), start + "\r\n");
}

TEST_F(SerializerTest, ThePortIsWrittenWhereItIsKnown) {
  ForwardedFacts facts = kUntrusted;
  facts.via_name = "";
  facts.written = {ForwardedField::kPort};
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 1\r\n\r\n";
  EXPECT_EQ(Forward(request, facts), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  facts.port = 8443;
  EXPECT_EQ(Forward(request, facts), "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 8443\r\n\r\n");
  facts.trust_client = true;
  EXPECT_EQ(Forward(request, facts), request);
}

TEST_F(SerializerTest, ForwardedIsWrittenAndAppendedTo) {
  ForwardedFacts facts{.client_ip = "2001:db8::1",
                       .scheme = "https",
                       .written = {ForwardedField::kForwarded},
                       .via_name = ""};
  const std::string request =
      "GET / HTTP/1.1\r\nHost: a:81\r\nForwarded: for=10.0.0.1\r\n"
      "Forwarded: for=10.0.0.2;host=b\r\n\r\n";
  const std::string ours = "for=\"[2001:db8::1]\";host=\"a:81\";proto=https\r\n\r\n";
  EXPECT_EQ(Forward(request, facts), "GET / HTTP/1.1\r\nHost: a:81\r\nForwarded: " + ours);
  facts.trust_client = true;
  facts.believed = FieldId::kForwarded;
  facts.origin = "10.0.0.1";
  EXPECT_EQ(
      Forward(request, facts),
      "GET / HTTP/1.1\r\nHost: a:81\r\nForwarded: for=10.0.0.1, for=10.0.0.2;host=b, " + ours);
}

// A trusted client's word in the field that is not believed may be anybody's.
TEST_F(SerializerTest, AListThatIsNotBelievedIsWrittenAnew) {
  const std::string request =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n"
      "Forwarded: for=6.6.6.6\r\n\r\n";
  ForwardedFacts facts{.client_ip = "192.0.2.1",
                       .trust_client = true,
                       .origin = "2001:db8::7",
                       .believed = FieldId::kOther,
                       .written = {ForwardedField::kFor, ForwardedField::kForwarded},
                       .via_name = ""};
  EXPECT_EQ(Forward(request, facts),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 2001:db8::7, 192.0.2.1\r\n"
            "Forwarded: for=\"[2001:db8::7]\", for=192.0.2.1;host=a;proto=http\r\n\r\n");
  facts.believed = FieldId::kForwarded;
  EXPECT_EQ(Forward(request, facts),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 2001:db8::7, 192.0.2.1\r\n"
            "Forwarded: for=6.6.6.6, for=192.0.2.1;host=a;proto=http\r\n\r\n");
  facts.origin = "";  // It speaks for itself.
  facts.believed = FieldId::kOther;
  EXPECT_EQ(Forward(request, facts),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n"
            "Forwarded: for=192.0.2.1;host=a;proto=http\r\n\r\n");
}

TEST_F(SerializerTest, LookalikesGoNowhere) {
  for (const ForwardedFacts& facts : {kTrusted, kUntrusted}) {
    EXPECT_EQ(
        Forward("POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n"
                "Content_Length: 7\r\nX_Forwarded_For: 10.0.0.1\r\nX_Forwarded_Proto: https\r\n"
                "Keep_Alive: 5\r\nProxy_Connection: close\r\nX_Mine: kept\r\n"
                "Content-Length: 5\r\n\r\n",
                facts),
        Forward("POST / HTTP/1.1\r\nHost: a\r\nX_Mine: kept\r\nContent-Length: 5\r\n\r\n", facts));
  }
}

TEST_F(SerializerTest, WhoTheClientIsIsSaidByTheGatewayAlone) {
  ForwardedFacts facts = kTrusted;
  facts.identity = "Client-Cert: :AA==:\r\n";
  const std::string text = Forward(
      "GET / HTTP/1.1\r\nHost: a\r\nClient-Cert: :BB==:\r\nclient_cert_chain: :BB==:\r\n\r\n",
      facts);
  EXPECT_NE(text.find("\r\nClient-Cert: :AA==:\r\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("BB"), std::string::npos) << text;
}

// RFC 3986 section 6.2.3.
TEST_F(SerializerTest, TheColonOfAnEmptyPortStaysHere) {
  const std::string_view request = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(Forward("GET /x HTTP/1.1\r\nHost: a:\r\n\r\n", kUntrusted),
            Forward(std::string(request), kUntrusted));
  EXPECT_EQ(Forward("GET http://a:/x HTTP/1.1\r\nHost: a:80\r\n\r\n", kUntrusted),
            Forward(std::string(request), kUntrusted));
}

// RFC 9110 section 7.6.2.
TEST_F(SerializerTest, MaxForwardsIsOneLess) {
  const auto forwarded = [&](std::string_view method, std::string_view fields) {
    const std::string text =
        Forward(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n",
                kUntrusted);
    const size_t at = text.find("Max-Forwards");
    return at == text.npos ? std::string() : text.substr(at, text.find("\r\n", at) - at);
  };
  EXPECT_EQ(forwarded("OPTIONS", "Max-Forwards: 10\r\n"), "Max-Forwards: 9");
  EXPECT_EQ(forwarded("TRACE", "max-forwards: 1\r\n"), "Max-Forwards: 0");
  EXPECT_EQ(forwarded("OPTIONS", "Max-Forwards: 7\r\nMax-Forwards: 3\r\n"), "Max-Forwards: 2");
  EXPECT_EQ(forwarded("OPTIONS", "Max-Forwards: 99999999999999999999\r\n"),
            "Max-Forwards: 4294967294");
  EXPECT_EQ(forwarded("OPTIONS", "Max-Forwards: many\r\n"), "Max-Forwards: many");
  EXPECT_EQ(forwarded("GET", "Max-Forwards: 10\r\n"), "Max-Forwards: 10");
}

TEST_F(SerializerTest, ATrustedClientThatSaysNothingIsFilledIn) {
  EXPECT_EQ(Forward("GET / HTTP/1.1\r\nHost: a\r\n\r\n", kTrusted),
            Forward("GET / HTTP/1.1\r\nHost: a\r\n\r\n", kUntrusted));
}

TEST_F(SerializerTest, APeerWithoutAnAddressAddsNone) {
  EXPECT_EQ(
      Forward("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n", {.via_name = ""}),
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n");
  EXPECT_EQ(Forward("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
                    {.trust_client = true, .via_name = ""}),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: http\r\n"
            "X-Forwarded-Host: a\r\n\r\n");
}

// RFC 9110 section 7.6.3: Via tells the version received; section 10.1.1: the expectation of an
// HTTP/1.0 client is not passed on.
TEST_F(SerializerTest, AnHttp10RequestGoesOnAsHttp11) {
  EXPECT_EQ(Forward("GET / HTTP/1.0\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n\r\n",
                    {.client_ip = "::1", .scheme = "https", .default_host = "web:80"}),
            "GET / HTTP/1.1\r\nHost: web:80\r\nVia: 1.0 holdfast\r\nX-Forwarded-For: ::1\r\n"
            "X-Forwarded-Proto: https\r\n\r\n");
  EXPECT_EQ(Forward("GET / HTTP/1.0\r\n\r\n", {.client_ip = "::1"}),
            "GET / HTTP/1.1\r\nHost: \r\nVia: 1.0 holdfast\r\nX-Forwarded-For: ::1\r\n"
            "X-Forwarded-Proto: http\r\n\r\n");
}

TEST_F(SerializerTest, ExpectContinueGoesOn) {
  const std::string text =
      Forward("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", kUntrusted);
  EXPECT_NE(text.find("\r\nExpect: 100-continue\r\n"), std::string::npos);
}

TEST_F(SerializerTest, AnUpgradeGoesOnWithItsProtocol) {
  EXPECT_EQ(Forward("GET /chat HTTP/1.1\r\nHost: a\r\nupgrade: websocket\r\n"
                    "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: eA==\r\n\r\n",
                    kUntrusted),
            "GET /chat HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: eA==\r\nVia: 1.1 holdfast\r\n"
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
            "Connection: upgrade\r\nupgrade: websocket\r\n\r\n");
}

TEST_F(SerializerTest, AnUpgradeToH2cDoesNotGoOn) {
  EXPECT_EQ(Forward("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
                    "Connection: Upgrade, HTTP2-Settings\r\n\r\n",
                    kUntrusted),
            Forward("GET / HTTP/1.1\r\nHost: a\r\n\r\n", kUntrusted));
}

TEST_F(SerializerTest, TrailersAreAskedForWhenTheClientTakesThem) {
  std::string text = Forward("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers, gzip\r\n\r\n", kUntrusted);
  EXPECT_TRUE(text.ends_with("\r\nTE: trailers\r\nConnection: te\r\n\r\n")) << text;
  text = Forward(
      "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      kUntrusted);
  EXPECT_TRUE(text.ends_with("TE: trailers\r\nConnection: upgrade, te\r\nUpgrade: x\r\n\r\n"))
      << text;
}

TEST_F(SerializerTest, FieldsTheGatewayWritesAreNeverCopied) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n"
      "Upgrade: x\r\n\r\n";
  ASSERT_EQ(ParseRequestHead(bytes, {}, &request_), Refusal::kNone);
  SerializeRequestHead(request_, {.via_name = ""}, &buffer_);  // without DropHopHeaders
  EXPECT_EQ(Take(&buffer_),
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-Forwarded-Proto: http\r\n"
            "X-Forwarded-Host: a\r\n\r\n");
}

TEST_F(SerializerTest, AHeadLargerThanASlabIsWrittenWhole) {
  const std::string value(20000, 'v');
  const std::string text =
      Forward("GET / HTTP/1.1\r\nHost: a\r\nBig: " + value + "\r\n\r\n", kUntrusted);
  EXPECT_NE(text.find("\r\nBig: " + value + "\r\n"), std::string::npos);
}

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

TEST_F(SerializerTest, AResponseKeepsItsBytesAndIsFramedAnew) {
  EXPECT_EQ(Answer("HTTP/1.0 200 Very OK\r\nserver: x\r\nContent-Length: 05\r\nKeep-Alive: 3\r\n"
                   "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nSET-cookie: a\r\n\r\n",
                   {.body = BodyKind::kLength, .content_length = 5, .date = kDate}),
            "HTTP/1.1 200 Very OK\r\nserver: x\r\nSET-cookie: a\r\nContent-Length: 5\r\n"
            "Via: 1.0 holdfast\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

// Neighbours that stay are copied together: whoever stands between them, and how each was written,
// must not show.
TEST_F(SerializerTest, EveryMixtureOfFieldsIsWrittenTheSameWay) {
  constexpr std::string_view kLines[] = {"A: b\r\n",  "C:d\r\n",           "E: \tf\r\n",
                                         "G: h \r\n", "Keep-Alive: 1\r\n", "I:\r\n"};
  constexpr std::string_view kWritten[] = {"A: b\r\n", "C: d\r\n", "E: f\r\n",
                                           "G: h\r\n", "",         "I: \r\n"};
  constexpr int kKinds = std::size(kLines);
  for (int number = 0; number < kKinds * kKinds * kKinds; ++number) {
    std::string input = "HTTP/1.1 200 OK\r\n";
    std::string expected = input;
    for (int rest = number, n = 0; n < 3; rest /= kKinds, ++n) {
      input += kLines[rest % kKinds];
      expected += kWritten[rest % kKinds];
    }
    EXPECT_EQ(Answer(input + "\r\n", {}, ""), expected + "\r\n");
  }
}

TEST_F(SerializerTest, AValueOfAnyLengthIsCopiedWhole) {
  for (size_t length = 1; length < 80; ++length) {
    std::string value;
    for (size_t i = 0; i < length; ++i) value += static_cast<char>('!' + i % 90);
    const std::string head = "HTTP/1.1 200 " + value + "\r\nA: " + value + "\r\n";
    EXPECT_EQ(Answer("HTTP/1.1 200 " + value + "\r\nA:" + value + "\r\n\r\n", {}, ""),
              head + "\r\n");
  }
}

TEST_F(SerializerTest, AResponsesOwnDateStays) {
  EXPECT_EQ(Answer("HTTP/1.1 204\r\nDate: then\r\n\r\n", {.date = kDate}, ""),
            "HTTP/1.1 204 \r\nDate: then\r\n\r\n");
  EXPECT_EQ(Answer("HTTP/1.1 103 x\r\n\r\n", {}, ""), "HTTP/1.1 103 x\r\n\r\n");
}

TEST_F(SerializerTest, EachWayOfFramingAResponse) {
  const std::string chunked = "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n";
  EXPECT_EQ(Answer(chunked, {.body = BodyKind::kChunked}, ""),
            "HTTP/1.1 200 x\r\nTrailer: T\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(
      Answer(chunked, {.client_version = Version::kHttp10, .body = BodyKind::kUntilClose}, ""),
      "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n");
  const std::string empty = "HTTP/1.1 200 x\r\n\r\n";
  EXPECT_EQ(Answer(empty, {.content_length = 70, .send_length = true}, ""),
            "HTTP/1.1 200 x\r\nContent-Length: 70\r\n\r\n");
  EXPECT_EQ(Answer(empty, {.close = true}, ""), "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(Answer(empty, {.client_version = Version::kHttp10, .keep_alive_10 = true}, ""),
            "HTTP/1.1 200 x\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(Answer(empty, {}, ""), empty);
}

TEST_F(SerializerTest, SwitchingProtocolsGoesOnWithItsProtocol) {
  EXPECT_EQ(Answer("HTTP/1.1 426 No\r\nUpgrade: x\r\n\r\n", {.close = true, .upgrade = true}, ""),
            "HTTP/1.1 426 No\r\nConnection: upgrade, close\r\nUpgrade: x\r\n\r\n");
  EXPECT_EQ(Answer("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: x\r\n\r\n",
                   {.upgrade = true}, ""),
            "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\nConnection: upgrade\r\n"
            "Upgrade: websocket\r\n\r\n");
}

TEST_F(SerializerTest, ChunkedNeverGoesToAnHttp10Client) {
  response_.status = 200;
  EXPECT_DEATH(SerializeResponseHead(
                   response_, {.client_version = Version::kHttp10, .body = BodyKind::kChunked}, "",
                   &buffer_),
               "kChunked");
}

TEST_F(SerializerTest, WritesTheChunkedCoding) {
  AppendChunkHeader(26, &buffer_);
  AppendChunkEnd(&buffer_);
  AppendChunkHeader(SIZE_MAX, &buffer_);
  EXPECT_EQ(Take(&buffer_), "1a\r\n\r\nffffffffffffffff\r\n");
  AppendLastChunk(nullptr, &buffer_);
  EXPECT_EQ(Take(&buffer_), "0\r\n\r\n");
  HeaderList trailers;
  AppendLastChunk(&trailers, &buffer_);
  EXPECT_EQ(Take(&buffer_), "0\r\n\r\n");
  trailers.Add({"X-Sum", "abc", FieldId::kOther, false});
  trailers.Add({"Content-Length", "5", FieldId::kContentLength, true});
  AppendLastChunk(&trailers, &buffer_);
  EXPECT_EQ(Take(&buffer_), "0\r\nX-Sum: abc\r\n\r\n");
  EXPECT_DEATH(AppendChunkHeader(0, &buffer_), "bytes > 0");
}

TEST(FormatDate, WritesTheStandardsExample) {
  char out[kDateBytes];
  FormatDate(784111777, out);
  EXPECT_EQ(std::string_view(out, kDateBytes), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(FormatDate, AgreesWithTheCLibrary) {
  // Every third day or so for 300 years, at changing times, and the days around leap days.
  std::vector<int64_t> times = {0,          951782399,  951782400,   951868800,
                                4107542399, 4107542400, 253402300799};
  for (int64_t t = 0; t < int64_t{300} * 366 * 86400; t += 271828) times.push_back(t);
  for (int64_t t : times) {
    char got[kDateBytes];
    FormatDate(t, got);
    const time_t seconds = t;
    tm parts;
    gmtime_r(&seconds, &parts);
    char expected[64];
    const size_t n = strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ASSERT_EQ(std::string_view(got, kDateBytes), std::string_view(expected, n)) << t;
  }
}

}  // namespace
}  // namespace holdfast::http
