// Every rule of the framing policy, by name: for each refusal at least one message that breaks it,
// and for the near ones a message beside it that does not. The chunked coding's are in
// chunked_decoder_test.cc.

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/http/head_check.h"
#include "gateway/http/parser.h"

namespace holdfast::http {
namespace {

constexpr HeadLimits kLimits{.head_bytes = 4096, .fields = 10, .uri_bytes = 256};

struct Case {
  std::string head;
  Refusal refusal;
};

// With the request line and Host that a case is not about.
Case Fields(std::string_view fields, Refusal refusal) {
  return {"POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n", refusal};
}
Case Line(std::string_view line, Refusal refusal) {
  return {std::string(line) + "\r\nHost: a\r\n\r\n", refusal};
}
Case Host(std::string_view target, std::string_view host_lines, Refusal refusal) {
  return {"GET " + std::string(target) + " HTTP/1.1\r\n" + std::string(host_lines) + "\r\n",
          refusal};
}

std::string WithNul(std::string text) {
  text[text.find('@')] = '\0';
  return text;
}

std::string ManyFields(size_t n) {
  std::string fields;
  for (size_t i = 0; i < n; ++i) fields += "A: b\r\n";
  return fields;
}

std::string ManyOptions(size_t n) {
  std::string options = "Connection: a";
  for (size_t i = 1; i < n; ++i) options += ",a";
  return options + "\r\n";
}

std::vector<Case> StartLineCases() {
  return {
      Line("GET / HTTP/1.1", Refusal::kNone),
      Line("GET / HTTP/1.0", Refusal::kNone),
      Line("GET / HTTP/1.2", Refusal::kNone),
      Line("M-SEARCH / HTTP/1.1", Refusal::kNone),
      Line("SOURCE / HTTP/1.1", Refusal::kNone),
      Line("DESCRIBE / HTTP/1.1", Refusal::kNone),
      Line("PRI / HTTP/1.1", Refusal::kNone),
      Line("get / HTTP/1.1", Refusal::kNone),
      Line("!#$%&'*+-.^_`|~ / HTTP/1.1", Refusal::kNone),
      Line(std::string(kMaxMethodBytes, 'M') + " / HTTP/1.1", Refusal::kNone),
      Line(std::string(kMaxMethodBytes + 1, 'M') + " / HTTP/1.1", Refusal::kMethodTooLong),
      {"\r\n", Refusal::kMalformedStartLine},
      Line("GET /", Refusal::kMalformedStartLine),
      Line("GET", Refusal::kMalformedStartLine),
      Line("", Refusal::kMalformedStartLine),
      Line(" GET / HTTP/1.1", Refusal::kMalformedStartLine),
      Line("GET  / HTTP/1.1", Refusal::kMalformedStartLine),
      Line("GET /  HTTP/1.1", Refusal::kMalformedStartLine),
      Line("GET\t/ HTTP/1.1", Refusal::kMalformedStartLine),
      Line("GET / HTTP/1.1 ", Refusal::kMalformedStartLine),
      Line("GET / HTTP/1.1\t", Refusal::kMalformedStartLine),
      Line("GET / HTTP /1.1", Refusal::kMalformedStartLine),
      Line("GET /a b HTTP/1.1", Refusal::kMalformedStartLine),
      Line("GET / HTTP/1", Refusal::kMalformedStartLine),
      Line("GET / HTTP/1.", Refusal::kMalformedStartLine),
      Line("GET / HTTP/01.1", Refusal::kMalformedStartLine),
      Line("GET / HTTP/1.10", Refusal::kMalformedStartLine),
      Line("GET / HTTP/1,1", Refusal::kMalformedStartLine),
      Line("GET / http/1.1", Refusal::kMalformedStartLine),
      Line("GET / HTPP/1.1", Refusal::kMalformedStartLine),
      Line("GET / ICE/1.0", Refusal::kMalformedStartLine),
      Line("SETUP / RTSP/1.0", Refusal::kMalformedStartLine),
      Line("G@T / HTTP/1.1", Refusal::kMalformedStartLine),
      Line("G\xc3\x89T / HTTP/1.1", Refusal::kMalformedStartLine),
      Line("GET / HTTP/2.0", Refusal::kUnsupportedVersion),
      Line("GET / HTTP/0.9", Refusal::kUnsupportedVersion),
      Line("GET / HTTP/3.1", Refusal::kUnsupportedVersion),
      {"PRI * HTTP/2.0\r\n\r\n", Refusal::kLooksLikeHttp2},
      Line("GET /\t HTTP/1.1", Refusal::kTargetBytes),
      Line("GET /\x1f HTTP/1.1", Refusal::kTargetBytes),
      Line("GET /\x7f HTTP/1.1", Refusal::kTargetBytes),
      Line("GET /caf\xc3\xa9 HTTP/1.1", Refusal::kTargetBytes),
      Line("GET /caf%C3%A9 HTTP/1.1", Refusal::kNone),
      Line("GET /a#b HTTP/1.1", Refusal::kFragmentInTarget),
      Line("GET # HTTP/1.1", Refusal::kFragmentInTarget),
      Line("GET a HTTP/1.1", Refusal::kMalformedTarget),
      Line("GET * HTTP/1.1", Refusal::kMalformedTarget),
      Line("OPTIONS * HTTP/1.1", Refusal::kNone),
      Line("CONNECT a:443 HTTP/1.1", Refusal::kNone),
      Line("CONNECT / HTTP/1.1", Refusal::kMalformedTarget),
      Line("GET ftp://a/ HTTP/1.1", Refusal::kUnsupportedScheme),
      Line("GET http://u:p@a/ HTTP/1.1", Refusal::kUserinfoInTarget),
      Line("GET /" + std::string(255, 'x') + " HTTP/1.1", Refusal::kNone),
      Line("GET /" + std::string(256, 'x') + " HTTP/1.1", Refusal::kUriTooLong),
  };
}

std::vector<Case> ByteCases() {
  return {
      Fields("A: b\r\n", Refusal::kNone),
      Fields("A:\r\n", Refusal::kNone),
      Fields("A: \t b \t \r\n", Refusal::kNone),
      Fields("A: b\tc\r\n", Refusal::kNone),
      Fields("A: caf\xc3\xa9\xff\r\n", Refusal::kNone),
      Fields("A: b\rc\r\n", Refusal::kBareCr),
      Fields("A: b\r\rB: c\r\n", Refusal::kBareCr),
      Fields("A: b\r\r\n", Refusal::kBareCr),
      Fields("A:\rTransfer-Encoding: chunked\r\n", Refusal::kBareCr),
      Fields("\rZGET /evil: HTTP/1.1\r\n", Refusal::kBareCr),
      Fields("A\r: b\r\n", Refusal::kBareCr),
      Line("GET / HTTP/1.1\r", Refusal::kBareCr),
      Line("GET\r / HTTP/1.1", Refusal::kBareCr),
      {"GET / HTTP/1.1\rHost: a\r\r", Refusal::kBareCr},
      Fields("A: b\nC: d\r\n", Refusal::kBareLf),
      Fields("A: b\n", Refusal::kBareLf),
      Fields("A:\nTransfer-Encoding: chunked\r\n", Refusal::kBareLf),
      Fields("A\n: b\r\n", Refusal::kBareLf),
      Fields("\n", Refusal::kBareLf),
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", Refusal::kBareLf},
      {"GET /\nHost: a\r\n\r\n", Refusal::kBareLf},
      {WithNul("GET /@ HTTP/1.1\r\nHost: a\r\n\r\n"), Refusal::kNul},
      {WithNul("GE@T / HTTP/1.1\r\nHost: a\r\n\r\n"), Refusal::kNul},
      {WithNul("GET / HTTP/1.1\r\nHo@st: a\r\n\r\n"), Refusal::kNul},
      {WithNul("GET / HTTP/1.1\r\nHost: a@\r\n\r\n"), Refusal::kNul},
      Fields("A: b\x01\r\n", Refusal::kControlByte),
      Fields("A: \x0b"
             "b\r\n",
             Refusal::kControlByte),
      Fields("A: \x7f\r\n", Refusal::kControlByte),
      Fields("Transfer-Encoding: \x0b"
             "chunked\r\n",
             Refusal::kControlByte),
      Fields("A: b\r\n c\r\n", Refusal::kObsFold),
      Fields("A: b\r\n\tc\r\n", Refusal::kObsFold),
      Fields("A: b\r\n Content-Length: 5\r\n", Refusal::kObsFold),
      Fields("A: b\r\n \r\n", Refusal::kObsFold),
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", Refusal::kObsFold},
      Fields("Content-Length : 5\r\n", Refusal::kSpaceBeforeColon),
      Fields("A\t: b\r\n", Refusal::kSpaceBeforeColon),
      Fields("A \t : b\r\n", Refusal::kSpaceBeforeColon),
      Fields("A\r\n", Refusal::kMissingColon),
      Fields("Connection\r\nA: b\r\n", Refusal::kMissingColon),
      Fields(": b\r\n", Refusal::kEmptyFieldName),
      Fields("A b: c\r\n", Refusal::kMalformedFieldName),
      Fields("A(: c\r\n", Refusal::kMalformedFieldName),
      Fields("A\x01: c\r\n", Refusal::kMalformedFieldName),
      Fields("A\xc3\xa9: c\r\n", Refusal::kMalformedFieldName),
      Fields("\"A\": c\r\n", Refusal::kMalformedFieldName),
      Fields(ManyFields(9), Refusal::kNone),
      Fields(ManyFields(10), Refusal::kTooManyFields),
      Fields(ManyOptions(kMaxConnectionOptions), Refusal::kNone),
      Fields(ManyOptions(kMaxConnectionOptions + 1), Refusal::kTooManyConnectionOptions),
      Fields("A: " + std::string(4000, 'x') + "\r\n", Refusal::kNone),
      Fields("A: " + std::string(4096, 'x') + "\r\n", Refusal::kHeadTooLarge),
      {"GET / HTTP/1.1\r\nHost: a\r\n", Refusal::kIncompleteHead},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", Refusal::kIncompleteHead},
      {"", Refusal::kIncompleteHead},
  };
}

std::vector<Case> HostCases() {
  return {
      Host("/", "", Refusal::kMissingHost),
      Host("http://a/", "", Refusal::kMissingHost),
      {"GET / HTTP/1.0\r\n\r\n", Refusal::kNone},
      {"GET / HTTP/1.2\r\n\r\n", Refusal::kMissingHost},
      Host("/", "Host: a\r\nHost: a\r\n", Refusal::kRepeatedHost),
      Host("/", "Host: a\r\nA: b\r\nhost: b\r\n", Refusal::kRepeatedHost),
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Refusal::kRepeatedHost},
      Host("/", "Host:\r\n", Refusal::kMalformedHost),
      Host("/", "Host: \t \r\n", Refusal::kMalformedHost),
      {"GET / HTTP/1.0\r\nHost:\r\n\r\n", Refusal::kMalformedHost},
      Host("/", "Host: a b\r\n", Refusal::kMalformedHost),
      Host("/", "Host: a, b\r\n", Refusal::kMalformedHost),
      Host("/", "Host: u@a\r\n", Refusal::kMalformedHost),
      Host("/", "Host: %61.test\r\n", Refusal::kMalformedHost),
      Host("/", "Host: a/b\r\n", Refusal::kMalformedHost),
      Host("/", "Host: http://a\r\n", Refusal::kMalformedHost),
      Host("/", "Host: a:65536\r\n", Refusal::kMalformedHost),
      Host("/", "Host: a:65535\r\n", Refusal::kNone),
      Host("/", "Host: [::1\r\n", Refusal::kMalformedHost),
      Host("/", "Host: [::1]:80\r\n", Refusal::kNone),
      Host("/", "Host: a:\r\n", Refusal::kNone),
      Host("/", "Host: [::1]:\r\n", Refusal::kNone),
      Host("/", "Host: :\r\n", Refusal::kMalformedHost),
      Host("/", "Host: a::\r\n", Refusal::kMalformedHost),
      Host("http://a:/x", "Host: a\r\n", Refusal::kNone),
      Host("http://a/x", "Host: a:\r\n", Refusal::kNone),
      Host("http://a:/x", "Host: a:80\r\n", Refusal::kNone),
      Host("http://a:/x", "Host: a:81\r\n", Refusal::kHostMismatch),
      Host("http://:/x", "Host: a\r\n", Refusal::kMalformedTarget),
      {"CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", Refusal::kMalformedTarget},
      Host("http://a/", "Host: a\r\n", Refusal::kNone),
      Host("http://a:80/", "Host: A\r\n", Refusal::kNone),
      Host("https://a/", "Host: a:443\r\n", Refusal::kNone),
      Host("http://a/", "Host: b\r\n", Refusal::kHostMismatch),
      Host("http://a/", "Host: a:81\r\n", Refusal::kHostMismatch),
      Host("http://a:443/", "Host: a\r\n", Refusal::kHostMismatch),
      Host("http://a/", "Host: \r\n", Refusal::kMalformedHost),
      {"CONNECT a:443 HTTP/1.1\r\nHost: b\r\n\r\n", Refusal::kNone},
  };
}

std::vector<Case> BodyCases() {
  return {
      Fields("Content-Length: 5\r\n", Refusal::kNone),
      Fields("content-LENGTH:5 \r\n", Refusal::kNone),
      Fields("Content-Length: 0\r\n", Refusal::kNone),
      // White space around a value may be a tab (RFC 9110 section 5.5).
      Fields("Content-Length: 5\t\r\n", Refusal::kNone),
      Fields("Content-Length:\t5\r\n", Refusal::kNone),
      Fields("Content-Length: \t5 \t\r\n", Refusal::kNone),
      Fields("A: \tb\tc\t\r\nContent-Length: 5\t\r\nB:\t\r\n", Refusal::kNone),
      Fields("Transfer-Encoding:\tchunked \t\r\n", Refusal::kNone),
      Fields("Connection: \tclose\t\r\nUpgrade:\tx\t\r\n", Refusal::kNone),
      Fields("Content-Length: 5\t5\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: 5\t,5\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: 5\t\r\nContent-Length: 5\t\r\n", Refusal::kRepeatedContentLength),
      Fields("Content-Length: 5\t\r\nTransfer-Encoding: chunked\t\r\n",
             Refusal::kLengthAndEncoding),
      Fields("Transfer-Encoding: Chunked \r\n", Refusal::kNone),
      Fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Refusal::kLengthAndEncoding),
      Fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Refusal::kLengthAndEncoding),
      Fields("Transfer-Encoding:\r\nContent-Length: 5\r\n", Refusal::kLengthAndEncoding),
      Fields("Transfer-Encoding: identity\r\nContent-Length: 0\r\n", Refusal::kLengthAndEncoding),
      Fields("Content-Length: 5\r\nContent-Length: 5\r\n", Refusal::kRepeatedContentLength),
      Fields("Content-Length: 5\r\nA: b\r\nContent-Length: 6\r\n", Refusal::kRepeatedContentLength),
      Fields("Content-Length: 5, 5\r\n", Refusal::kRepeatedContentLength),
      Fields("Content-Length: 5,6\r\n", Refusal::kRepeatedContentLength),
      Fields("Content-Length:\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: +5\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: -5\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: 0x5\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: 5 5\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: 5;\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: five\r\n", Refusal::kMalformedContentLength),
      Fields("Content-Length: 18446744073709551615\r\n", Refusal::kNone),
      Fields("Content-Length: 18446744073709551616\r\n", Refusal::kContentLengthOverflow),
      Fields("Content-Length: 184467440737095516150\r\n", Refusal::kContentLengthOverflow),
      Fields("Transfer-Encoding:\r\n", Refusal::kMalformedTransferEncoding),
      Fields("Transfer-Encoding: chunked;q=1\r\n", Refusal::kMalformedTransferEncoding),
      Fields("Transfer-Encoding: ,chunked\r\n", Refusal::kMalformedTransferEncoding),
      Fields("Transfer-Encoding: chunked,\r\n", Refusal::kMalformedTransferEncoding),
      Fields("Transfer-Encoding: \"chunked\"\r\n", Refusal::kMalformedTransferEncoding),
      Fields("Transfer-Encoding: chunked, chunked\r\n", Refusal::kChunkedNotFinal),
      Fields("Transfer-Encoding: chunked, identity\r\n", Refusal::kChunkedNotFinal),
      Fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
             Refusal::kChunkedNotFinal),
      Fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
             Refusal::kChunkedNotFinal),
      Fields("Transfer-Encoding: gzip, chunked\r\n", Refusal::kUnknownTransferCoding),
      Fields("Transfer-Encoding: identity\r\n", Refusal::kUnknownTransferCoding),
      Fields("Transfer-Encoding: pigeons\r\n", Refusal::kUnknownTransferCoding),
      Fields("Transfer-Encoding: xchunked\r\n", Refusal::kUnknownTransferCoding),
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::kTransferEncodingInHttp10},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
       Refusal::kTransferEncodingInHttp10},
      {"POST / HTTP/1.2\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::kNone},
  };
}

std::vector<Case> RequestCases() {
  std::vector<Case> all;
  for (const std::vector<Case>& part : {StartLineCases(), ByteCases(), HostCases(), BodyCases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(RequestRefusals, EachMessageGetsTheNameOfTheRuleItBreaks) {
  RequestHead head;
  for (const Case& c : RequestCases()) {
    EXPECT_EQ(RefusalName(ParseRequestHead(c.head, kLimits, &head)), RefusalName(c.refusal))
        << c.head;
  }
}

// The proxy counts the first two. The scanner finds the others before a head is whole, and since
// our own checks are the stricter ones, the parser behind them has nothing to reject.
const std::set<Refusal> kNotFromOneHead = {
    Refusal::kTooManyInterimResponses, Refusal::kTooManyEmptyLines, Refusal::kLooksLikeTls,
    Refusal::kLooksLikeSsh, Refusal::kLooksLikeProxyProtocol, Refusal::kRejectedByParser,
    // Of HTTP/2 alone: tests/gateway/http2.
    Refusal::kUpperCaseFieldName, Refusal::kFieldOfOneConnection, Refusal::kMisplacedPseudoField,
    Refusal::kContentLengthMismatch, Refusal::kNotHttp2};

TEST(RequestRefusals, EachNameHasACase) {
  std::set<Refusal> seen;
  for (const Case& c : RequestCases()) seen.insert(c.refusal);
  for (size_t i = 0; i < static_cast<size_t>(Refusal::kMalformedChunkSize); ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_NE(seen.contains(refusal), kNotFromOneHead.contains(refusal)) << RefusalName(refusal);
  }
}

// The scanner sees a message first, in pieces; it may find fault earlier, never accept more.
TEST(RequestRefusals, TheScannerFindsTheWholeOfEachAcceptedHead) {
  for (const Case& c : RequestCases()) {
    if (c.refusal != Refusal::kNone) continue;
    HeadScanner scanner;
    const HeadScanner::Result result = scanner.Scan(c.head + "rest", kLimits);
    EXPECT_EQ(result.status, HeadScanner::Status::kComplete) << c.head;
    EXPECT_EQ(result.head_bytes, c.head.size()) << c.head;
  }
}

Case Response(std::string_view fields, Refusal refusal) {
  return {"HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n", refusal};
}

std::vector<Case> ResponseCases() {
  return {
      Response("", Refusal::kNone),
      {"HTTP/1.1 200\r\n\r\n", Refusal::kNone},
      {"HTTP/1.1 200 \r\n\r\n", Refusal::kNone},
      {"HTTP/1.0 999 x\r\n\r\n", Refusal::kNone},
      {"HTTP/1.1 099 x\r\n\r\n", Refusal::kMalformedStartLine},
      {"HTTP/1.1 20 OK\r\n\r\n", Refusal::kMalformedStartLine},
      {"HTTP/1.1 2000 OK\r\n\r\n", Refusal::kMalformedStartLine},
      {"HTTP/1.1  200 OK\r\n\r\n", Refusal::kMalformedStartLine},
      {"HTTP/1.1 +20 OK\r\n\r\n", Refusal::kMalformedStartLine},
      {"HTTP/1.1 200\tOK\r\n\r\n", Refusal::kMalformedStartLine},
      {"HTTP/1.1200 OK\r\n\r\n", Refusal::kMalformedStartLine},
      {"http/1.1 200 OK\r\n\r\n", Refusal::kMalformedStartLine},
      {"ICY 200 OK\r\nServer: radio\r\n\r\n", Refusal::kMalformedStartLine},
      {"HTTP/1.1\r\nServer: short\r\n\r\n", Refusal::kMalformedStartLine},
      {" HTTP/1.1 200 OK\r\n\r\n", Refusal::kMalformedStartLine},
      {"<html>no head at all</html>\r\n\r\n", Refusal::kMalformedStartLine},
      {"HTTP/1.2 200 OK\r\n\r\n", Refusal::kNone},
      {"HTTP/1.9 200 OK\r\nContent-Length: 5\r\n\r\n", Refusal::kNone},
      {"HTTP/2.0 200 OK\r\n\r\n", Refusal::kUnsupportedVersion},
      {"HTTP/0.9 200 OK\r\n\r\n", Refusal::kUnsupportedVersion},
      {"HTTP/1.1 200 O\x01K\r\n\r\n", Refusal::kControlByte},
      {"HTTP/1.1 200 OK\r\r\n\r\n", Refusal::kBareCr},
      {"HTTP/1.1 200 OK\n\r\n", Refusal::kBareLf},
      {"HTTP/1.1 200\n\r\n", Refusal::kBareLf},
      {WithNul("HTTP/1.1 200 O@K\r\n\r\n"), Refusal::kNul},
      {WithNul("HTTP/1.1 @00 OK\r\n\r\n"), Refusal::kNul},
      Response("A: b\r\n c\r\n", Refusal::kObsFold),
      Response("A: b\nC: d\r\n", Refusal::kBareLf),
      Response("A: b\rc\r\n", Refusal::kBareCr),
      Response("A: b\x08\r\n", Refusal::kControlByte),
      Response("A : b\r\n", Refusal::kSpaceBeforeColon),
      Response("A\r\n", Refusal::kMissingColon),
      Response(": b\r\n", Refusal::kEmptyFieldName),
      Response("A b: c\r\n", Refusal::kMalformedFieldName),
      Response(ManyFields(11), Refusal::kTooManyFields),
      Response("A: " + std::string(4096, 'x') + "\r\n", Refusal::kHeadTooLarge),
      Response(ManyOptions(kMaxConnectionOptions + 1), Refusal::kTooManyConnectionOptions),
      Response("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Refusal::kLengthAndEncoding),
      Response("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Refusal::kLengthAndEncoding),
      Response("Content-Length: 5\r\nContent-Length: 6\r\n", Refusal::kRepeatedContentLength),
      Response("Content-Length: 5, 6\r\n", Refusal::kRepeatedContentLength),
      Response("Content-Length: \r\n", Refusal::kMalformedContentLength),
      Response("Content-Length: 5 bytes\r\n", Refusal::kMalformedContentLength),
      Response("Content-Length: 5\t\r\n", Refusal::kNone),
      Response("Content-Length:\t 5 \t\r\n", Refusal::kNone),
      Response("Content-Length: 99999999999999999999\r\n", Refusal::kContentLengthOverflow),
      Response("Transfer-Encoding: chunked, gzip\r\n", Refusal::kChunkedNotFinal),
      Response("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
               Refusal::kChunkedNotFinal),
      Response("Transfer-Encoding: gzip\r\n", Refusal::kUnknownTransferCoding),
      Response("Transfer-Encoding: \r\n", Refusal::kMalformedTransferEncoding),
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal::kTransferEncodingInHttp10},
      {"HTTP/1.1 200 OK\r\nA: b\r\n", Refusal::kIncompleteHead},
  };
}

TEST(ResponseRefusals, EachMessageGetsTheNameOfTheRuleItBreaks) {
  ResponseHead head;
  for (const Case& c : ResponseCases()) {
    EXPECT_EQ(RefusalName(ParseResponseHead(c.head, kLimits, Method::kGet, &head)),
              RefusalName(c.refusal))
        << c.head;
  }
}

// Only what a start line and Host can do wrong differs between the two kinds.
TEST(ResponseRefusals, EachSharedNameHasACase) {
  std::set<Refusal> elsewhere = {
      Refusal::kTargetBytes,       Refusal::kFragmentInTarget, Refusal::kMalformedTarget,
      Refusal::kUnsupportedScheme, Refusal::kUserinfoInTarget, Refusal::kUriTooLong,
      Refusal::kMissingHost,       Refusal::kRepeatedHost,     Refusal::kMalformedHost,
      Refusal::kHostMismatch,      Refusal::kMethodTooLong,    Refusal::kLooksLikeHttp2};
  elsewhere.insert(kNotFromOneHead.begin(), kNotFromOneHead.end());
  std::set<Refusal> seen;
  for (const Case& c : ResponseCases()) seen.insert(c.refusal);
  for (size_t i = 0; i < static_cast<size_t>(Refusal::kMalformedChunkSize); ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_NE(seen.contains(refusal), elsewhere.contains(refusal)) << RefusalName(refusal);
  }
}

}  // namespace
}  // namespace holdfast::http
