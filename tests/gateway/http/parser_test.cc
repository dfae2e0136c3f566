#include "gateway/http/parser.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

constexpr HeadLimits kLimits{.head_bytes = 1024, .fields = 20, .uri_bytes = 64};

RequestHead Request(std::string_view bytes) {
  RequestHead head;
  EXPECT_EQ(RefusalName(ParseRequestHead(bytes, kLimits, &head)), "none") << bytes;
  return head;
}

ResponseHead Response(std::string_view bytes, Method method = Method::kGet) {
  ResponseHead head;
  EXPECT_EQ(RefusalName(ParseResponseHead(bytes, kLimits, method, &head)), "none") << bytes;
  return head;
}

TEST(ParseRequestHead, TellsTheFactsOfAnOrdinaryRequest) {
  const RequestHead head = Request(
      "POST /a/b?c=d HTTP/1.1\r\nHost: Example.com:8080\r\nContent-Length: 12\r\n"
      "X-Mixed-CASE:\tv a l \r\nEmpty:\r\n\r\n");
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.method_text, "POST");
  EXPECT_EQ(head.version, Version::kHttp11);
  EXPECT_EQ(head.form, TargetForm::kOrigin);
  EXPECT_EQ(head.target, "/a/b?c=d");
  EXPECT_EQ(head.path, "/a/b");
  EXPECT_EQ(head.query, "c=d");
  EXPECT_EQ(head.host, "Example.com");
  EXPECT_EQ(head.authority, "Example.com:8080");
  EXPECT_EQ(head.body, BodyKind::kLength);
  EXPECT_EQ(head.content_length, 12u);
  ASSERT_EQ(head.headers.size(), 4u);
  EXPECT_EQ(head.headers.fields()[1].id, FieldId::kContentLength);
  EXPECT_EQ(head.headers.fields()[2].name, "X-Mixed-CASE");
  EXPECT_EQ(head.headers.fields()[2].value, "v a l");
  EXPECT_EQ(head.headers.fields()[3].name, "Empty");
  EXPECT_EQ(head.headers.fields()[3].value, "");
}

TEST(ParseRequestHead, ItsViewsPointIntoTheBytes) {
  const std::string bytes = "GET /a HTTP/1.1\r\nHost: b\r\nEmpty:\r\n\r\n";
  const RequestHead head = Request(bytes);
  const auto inside = [&](std::string_view view) {
    return view.data() >= bytes.data() && view.data() + view.size() <= bytes.data() + bytes.size();
  };
  EXPECT_TRUE(inside(head.method_text) && inside(head.target) && inside(head.path) &&
              inside(head.host) && inside(head.authority));
  for (const HeaderField& field : head.headers.fields()) {
    EXPECT_TRUE(inside(field.name) && inside(field.value)) << field.name;
  }
}

TEST(ParseRequestHead, TakesAnyTokenAsAMethod) {
  for (std::string_view method : {"PURGE", "M-SEARCH", "SOURCE", "SETUP", "PRI", "get", "x!"}) {
    const std::string bytes = std::string(method) + " / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
    const RequestHead head = Request(bytes);
    EXPECT_EQ(head.method, Method::kOther) << method;
    EXPECT_EQ(head.method_text, method);
    EXPECT_EQ(head.headers.size(), 2u);
  }
}

TEST(ParseRequestHead, AnAbsoluteTargetGivesTheAuthority) {
  const RequestHead head = Request("GET http://a.example:80/x HTTP/1.1\r\nHost: A.EXAMPLE\r\n\r\n");
  EXPECT_EQ(head.form, TargetForm::kAbsolute);
  EXPECT_EQ(head.authority, "a.example:80");
  EXPECT_EQ(head.host, "a.example");
  EXPECT_EQ(head.path, "/x");
}

TEST(ParseRequestHead, KnowsWhereTheBodyEnds) {
  EXPECT_EQ(Request("GET / HTTP/1.1\r\nHost: a\r\n\r\n").body, BodyKind::kNone);
  EXPECT_EQ(Request("POST / HTTP/1.1\r\nHost: a\r\n\r\n").body, BodyKind::kNone);
  const RequestHead zero = Request("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(zero.body, BodyKind::kLength);
  EXPECT_EQ(zero.content_length, 0u);
  EXPECT_EQ(Request("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").body,
            BodyKind::kChunked);
}

TEST(ParseRequestHead, ReadsConnectionOptionsOfSeveralFields) {
  RequestHead head = Request("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo , CLOSE\r\n\r\n");
  EXPECT_TRUE(head.connection_close);
  EXPECT_FALSE(head.connection_keep_alive);
  head = Request(
      "GET / HTTP/1.0\r\nConnection: x\r\nConnection: y,,Keep-Alive\r\nKeep-Alive: 5\r\n\r\n");
  EXPECT_EQ(head.version, Version::kHttp10);
  EXPECT_TRUE(head.connection_keep_alive);
  head = Request("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, keep-alives\r\n\r\n");
  EXPECT_FALSE(head.connection_close || head.connection_keep_alive);
}

struct UpgradeCase {
  std::string_view fields;
  bool upgrade;
};

TEST(ParseRequestHead, AnUpgradeNeedsBothFieldsAndIsNeverH2c) {
  for (const UpgradeCase& c : std::vector<UpgradeCase>{
           {"Connection: Upgrade\r\nUpgrade: websocket\r\n", true},
           {"Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n", true},
           {"Upgrade: websocket\r\n", false},
           {"Connection: Upgrade\r\n", false},
           {"Connection: Upgrade\r\nUpgrade:\r\n", false},
           {"Connection: Upgrade\r\nUpgrade: h2c\r\n", false},
           {"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, H2C\r\n", false},
           {"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", false},
       }) {
    const std::string fields(c.fields);
    EXPECT_EQ(Request("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n").connection_upgrade,
              c.upgrade)
        << fields;
    EXPECT_FALSE(Request("GET / HTTP/1.0\r\nHost: a\r\n" + fields + "\r\n").connection_upgrade);
  }
}

// RFC 9110 section 10.1.1.
TEST(ParseRequestHead, ReadsExpect) {
  RequestHead head = Request("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_TRUE(head.expect_continue);
  EXPECT_FALSE(head.expect_unknown);
  for (std::string_view value : {"200-ok", "", "100-continue, x", "100-continue\r\nExpect: y"}) {
    const std::string fields = "\r\nHost: a\r\nExpect: " + std::string(value) + "\r\n\r\n";
    head = Request("PUT / HTTP/1.1" + fields);
    EXPECT_TRUE(head.expect_unknown) << value;
    EXPECT_FALSE(head.expect_continue) << value;
    head = Request("PUT / HTTP/1.0" + fields);
    EXPECT_FALSE(head.expect_unknown || head.expect_continue) << value;
  }
}

TEST(ParseRequestHead, ReusesItsMemory) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
  RequestHead head = Request(bytes);
  const HeaderField* memory = head.headers.fields().data();
  ASSERT_EQ(ParseRequestHead(bytes, kLimits, &head), Refusal::kNone);
  EXPECT_EQ(head.headers.fields().data(), memory);
  EXPECT_EQ(head.headers.size(), 2u);
}

struct BodyCase {
  std::string_view head;
  Method method;
  BodyKind body;
};

// RFC 9112 section 6.3.
TEST(ParseResponseHead, KnowsWhereTheBodyEnds) {
  for (const BodyCase& c : std::vector<BodyCase>{
           {"200 OK\r\nContent-Length: 5", Method::kGet, BodyKind::kLength},
           {"200 OK\r\nContent-Length: 5", Method::kHead, BodyKind::kNone},
           {"200 OK\r\nTransfer-Encoding: chunked", Method::kGet, BodyKind::kChunked},
           {"200 OK\r\nTransfer-Encoding: chunked", Method::kHead, BodyKind::kNone},
           {"200 OK\r\nA: b", Method::kPost, BodyKind::kUntilClose},
           {"200 OK\r\nA: b", Method::kHead, BodyKind::kNone},
           {"204 No Content\r\nA: b", Method::kGet, BodyKind::kNone},
           {"204 No Content\r\nContent-Length: 5", Method::kGet, BodyKind::kNone},
           {"304 Not Modified\r\nContent-Length: 5", Method::kGet, BodyKind::kNone},
           {"304 Not Modified\r\nTransfer-Encoding: chunked", Method::kGet, BodyKind::kNone},
           {"100 Continue\r\nA: b", Method::kPut, BodyKind::kNone},
           {"103 Early Hints\r\nContent-Length: 5", Method::kGet, BodyKind::kNone},
           {"205 Reset Content\r\nContent-Length: 0", Method::kGet, BodyKind::kLength},
           {"404 Not Found\r\nContent-Length: 0", Method::kDelete, BodyKind::kLength},
       }) {
    const std::string bytes = "HTTP/1.1 " + std::string(c.head) + "\r\n\r\n";
    EXPECT_EQ(Response(bytes, c.method).body, c.body) << bytes;
  }
}

// RFC 9110 section 8.6: HEAD and 304 tell the length that GET would have; 1xx and 204 have none.
TEST(ParseResponseHead, TellsALengthThatMayBePassedOn) {
  for (auto [status, expected] : {std::pair<std::string_view, bool>{"200", true},
                                  {"304", true},
                                  {"204", false},
                                  {"103", false}}) {
    const std::string bytes = "HTTP/1.1 " + std::string(status) + " x\r\nContent-Length: 5\r\n\r\n";
    const ResponseHead head = Response(bytes, Method::kHead);
    EXPECT_EQ(head.has_content_length, expected) << status;
    EXPECT_EQ(head.content_length, expected ? 5u : 0u) << status;
  }
}

TEST(ParseResponseHead, TellsStatusReasonVersionAndConnection) {
  ResponseHead head = Response("HTTP/1.0 200 All fine\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.reason, "All fine");
  EXPECT_EQ(head.version, Version::kHttp10);
  EXPECT_TRUE(head.connection_keep_alive);
  head = Response("HTTP/1.1 503\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(head.status, 503);
  EXPECT_EQ(head.reason, "");
  EXPECT_TRUE(head.connection_close);
}

TEST(ParseResponseHead, AnUpgradeNeeds101AndItsField) {
  const std::string fields = " x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_TRUE(Response("HTTP/1.1 101" + fields).connection_upgrade);
  EXPECT_FALSE(Response("HTTP/1.1 200" + fields).connection_upgrade);
  EXPECT_FALSE(Response("HTTP/1.0 101" + fields).connection_upgrade);
  EXPECT_TRUE(Response("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n").connection_upgrade);
  EXPECT_FALSE(Response("HTTP/1.1 101 x\r\nConnection: upgrade\r\n\r\n").connection_upgrade);
  EXPECT_FALSE(Response("HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n").connection_upgrade);
}

TEST(ParseTrailers, KeepsFieldsAndDropsWhatMayNotBeThere) {
  const std::string bytes =
      "X-Checksum: abc\r\nContent-Length: 5\r\nHost: evil\r\nauthorization: x\r\n"
      "Set-Cookie: a=b\r\nX-Forwarded-For: 1.2.3.4\r\nServer-Timing: total;dur=1\r\n\r\n";
  HeaderList trailers;
  ASSERT_EQ(RefusalName(ParseTrailers(bytes, kLimits, &trailers)), "none");
  std::vector<std::string_view> kept;
  for (const HeaderField& field : trailers.fields()) {
    if (!field.dropped) kept.push_back(field.name);
  }
  EXPECT_EQ(kept, (std::vector<std::string_view>{"X-Checksum", "Server-Timing"}));
}

TEST(ParseTrailers, TakesAnEmptySectionAndForgetsTheLastOne) {
  HeaderList trailers;
  ASSERT_EQ(ParseTrailers("A: b\r\n\r\n", kLimits, &trailers), Refusal::kNone);
  EXPECT_EQ(trailers.size(), 1u);
  ASSERT_EQ(ParseTrailers("\r\n", kLimits, &trailers), Refusal::kNone);
  EXPECT_EQ(trailers.size(), 0u);
}

TEST(ParseTrailers, RefusesWhatAHeadMayNotHaveEither) {
  HeaderList trailers;
  const HeadLimits limits{.head_bytes = 64, .fields = 1, .uri_bytes = 8};
  EXPECT_EQ(ParseTrailers("A: b\nC: d\r\n\r\n", limits, &trailers), Refusal::kBareLf);
  EXPECT_EQ(ParseTrailers(" A: b\r\n\r\n", limits, &trailers), Refusal::kObsFold);
  EXPECT_EQ(ParseTrailers("A : b\r\n\r\n", limits, &trailers), Refusal::kSpaceBeforeColon);
  EXPECT_EQ(ParseTrailers("A: b\r\nC: d\r\n\r\n", limits, &trailers), Refusal::kTooManyFields);
  EXPECT_EQ(ParseTrailers("A: b\r\n", limits, &trailers), Refusal::kIncompleteHead);
  EXPECT_EQ(ParseTrailers("A: " + std::string(64, 'x') + "\r\n\r\n", limits, &trailers),
            Refusal::kHeadTooLarge);
}

// ---- HeadScanner

struct ScanCase {
  std::string bytes;
  HeadScanner::Status status;
  size_t head_bytes = 0;
  Refusal refusal = Refusal::kNone;
};

const std::vector<ScanCase>& ScanCases() {
  using S = HeadScanner::Status;
  static const std::vector<ScanCase> cases = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", S::kComplete, 27},
      {"GET / HTTP/1.1\r\n\r\n", S::kComplete, 18},
      {"\r\n", S::kComplete, 2},
      {"\r\nA", S::kComplete, 2},
      {"A: b\r\n\r\n", S::kComplete, 8},
      {"GET / HTTP/1.1\r\nHost: a\r\n", S::kIncomplete},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r", S::kIncomplete},
      {"", S::kIncomplete},
      {"\r", S::kIncomplete},
      {"GET / HTTP/1.1\nHost: a\n\n", S::kRefused, 0, Refusal::kBareLf},
      {"GET / HTTP/1.1\r\n\n", S::kRefused, 0, Refusal::kBareLf},
      {"\n", S::kRefused, 0, Refusal::kBareLf},
      {"\x16\x03\x01\x02", S::kRefused, 0, Refusal::kLooksLikeTls},
      {"\x16\x03\x05\x02", S::kRefused, 0, Refusal::kMalformedStartLine},
      {std::string("\0\0\n\4\0\0\0\0\0\0", 10), S::kRefused, 0, Refusal::kLooksLikeHttp2},
      {std::string("\0\r\nQUIT\n\x21", 9), S::kRefused, 0, Refusal::kLooksLikeProxyProtocol},
      {std::string("\0x", 2), S::kRefused, 0, Refusal::kMalformedStartLine},
      {std::string("\0", 1), S::kIncomplete},
      {"SSH-2.0-OpenSSH_9.2 Debian\r\n", S::kRefused, 0, Refusal::kLooksLikeSsh},
      {"SSH-2.0-old\n", S::kRefused, 0, Refusal::kLooksLikeSsh},
      {"SSH-2.0 / HTTP/1.1\r\n\r\n", S::kComplete, 22},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n", S::kRefused, 0,
       Refusal::kLooksLikeProxyProtocol},
      {" GET", S::kRefused, 0, Refusal::kMalformedStartLine},
      {"GET /" + std::string(200, 'a'), S::kRefused, 0, Refusal::kUriTooLong},
      {"HTTP/1.1 200 " + std::string(200, 'a'), S::kRefused, 0, Refusal::kHeadTooLarge},
      {"Trailer: " + std::string(200, 'a'), S::kRefused, 0, Refusal::kHeadTooLarge},
      {std::string(200, 'a'), S::kRefused, 0, Refusal::kMalformedStartLine},
      {"GET / HTTP/1.1\r\nA: " + std::string(200, 'a'), S::kRefused, 0, Refusal::kHeadTooLarge},
      // 100 bytes fit, 101 do not, whether or not more has arrived.
      {"GET / HTTP/1.1\r\nA: " + std::string(77, 'a') + "\r\n\r\nrest", S::kComplete, 100},
      {"GET / HTTP/1.1\r\nA: " + std::string(78, 'a') + "\r\n\r\nrest", S::kRefused, 0,
       Refusal::kHeadTooLarge},
      {"GET / HTTP/1.1\r\nA: " + std::string(80, 'a') + "\n", S::kRefused, 0, Refusal::kBareLf},
      {"GET / HTTP/1.1\r\nA: " + std::string(81, 'a') + "\n", S::kRefused, 0,
       Refusal::kHeadTooLarge},
  };
  return cases;
}

constexpr HeadLimits kScanLimits{.head_bytes = 100, .fields = 10, .uri_bytes = 50};

// Shows the scanner `bytes` as they arrive up to each of `arrivals`, then whole.
HeadScanner::Result ScanArriving(std::string_view bytes, const std::vector<size_t>& arrivals) {
  HeadScanner scanner;
  for (size_t arrived : arrivals) {
    const HeadScanner::Result result = scanner.Scan(bytes.substr(0, arrived), kScanLimits);
    if (result.status != HeadScanner::Status::kIncomplete) return result;
  }
  return scanner.Scan(bytes, kScanLimits);
}

TEST(HeadScanner, GivesTheSameForEverySplit) {
  for (const ScanCase& c : ScanCases()) {
    std::vector<size_t> bytewise;
    for (size_t cut = 0; cut <= c.bytes.size(); ++cut) {
      const HeadScanner::Result result = ScanArriving(c.bytes, {cut});
      EXPECT_EQ(result.status, c.status) << c.bytes << " cut at " << cut;
      EXPECT_EQ(result.head_bytes, c.head_bytes) << c.bytes << " cut at " << cut;
      EXPECT_EQ(RefusalName(result.refusal), RefusalName(c.refusal)) << c.bytes;
      bytewise.push_back(cut);
    }
    const HeadScanner::Result result = ScanArriving(c.bytes, bytewise);
    EXPECT_EQ(result.status, c.status) << c.bytes << " byte by byte";
    EXPECT_EQ(result.head_bytes, c.head_bytes) << c.bytes << " byte by byte";
  }
}

TEST(HeadScanner, StartsAfreshAfterReset) {
  HeadScanner scanner;
  const std::string_view first = "GET /a HTTP/1.1\r\n\r\n";
  EXPECT_EQ(scanner.Scan(first, kScanLimits).head_bytes, first.size());
  scanner.Reset();
  EXPECT_EQ(scanner.Scan("GE", kScanLimits).status, HeadScanner::Status::kIncomplete);
  EXPECT_EQ(scanner.Scan("GET / HTTP/1.1\r\n\r\n", kScanLimits).head_bytes, 18u);
}

// RFC 9112 section 2.2.
TEST(EmptyLineSkipper, TakesCrlfOnly) {
  const auto skipped = [](std::string_view bytes) { return EmptyLineSkipper().Skip(bytes).bytes; };
  EXPECT_EQ(skipped(""), 0u);
  EXPECT_EQ(skipped("\n\n"), 0u);
  EXPECT_EQ(skipped("GET"), 0u);
  EXPECT_EQ(skipped("\r"), 1u);
  EXPECT_EQ(skipped("\r\nGET"), 2u);
  EXPECT_EQ(skipped("\r\n\r\n\r"), 5u);
}

// All pieces but the last end with the skipper wanting more.
EmptyLineSkipper::Result SkipInPieces(std::string_view bytes, size_t first, size_t second) {
  EmptyLineSkipper skipper;
  EmptyLineSkipper::Result sum;
  for (const std::string_view piece :
       {bytes.substr(0, first), bytes.substr(first, second - first), bytes.substr(second)}) {
    const EmptyLineSkipper::Result result = skipper.Skip(piece);
    sum.bytes += result.bytes;
    sum.refusal = result.refusal;
    if (result.bytes < piece.size() || result.refusal != Refusal::kNone) break;
  }
  return sum;
}

TEST(EmptyLineSkipper, GivesTheSameForEverySplit) {
  std::string most;
  for (size_t i = 0; i < kMaxLeadingEmptyLines; ++i) most += "\r\n";
  for (const std::string& bytes :
       {std::string("\r\n"), std::string("\r\n\r\nGET"), std::string("\rGET"), most + "GET",
        most + "\r\nGET", std::string("\r\r\n")}) {
    const EmptyLineSkipper::Result whole = EmptyLineSkipper().Skip(bytes);
    for (size_t i = 0; i <= bytes.size(); ++i) {
      for (size_t j = i; j <= bytes.size(); ++j) {
        const EmptyLineSkipper::Result cut = SkipInPieces(bytes, i, j);
        EXPECT_EQ(cut.bytes, whole.bytes) << bytes << i << " " << j;
        EXPECT_EQ(cut.refusal, whole.refusal) << bytes << i << " " << j;
      }
    }
  }
}

TEST(EmptyLineSkipper, RefusesABareCrAndEndlessLines) {
  EXPECT_EQ(EmptyLineSkipper().Skip("\rGET").refusal, Refusal::kBareCr);
  EmptyLineSkipper skipper;
  for (size_t i = 0; i < kMaxLeadingEmptyLines; ++i) {
    EXPECT_EQ(skipper.Skip("\r\n").refusal, Refusal::kNone) << i;
  }
  EXPECT_EQ(skipper.Skip("\r\n").refusal, Refusal::kTooManyEmptyLines);
  skipper.Reset();
  EXPECT_EQ(skipper.Skip("\r\nGET").refusal, Refusal::kNone);
}

}  // namespace
}  // namespace holdfast::http
