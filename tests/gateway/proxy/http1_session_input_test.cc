// What a client's bytes mean must not depend on how they are cut, and what is no request has to be
// answered, logged and ended so that nothing behind it is taken for one.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/http/parser.h"
#include "gateway/proxy/http1_session.h"
#include "pool/net/buffer.h"
#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using std::chrono::seconds;

constexpr std::string_view kChunkedHead =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string EmptyLines(size_t n) {
  std::string lines;
  for (size_t i = 0; i < n; ++i) lines += "\r\n";
  return lines;
}

std::string PostOf(size_t body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body) + "\r\n\r\n" +
         std::string(body, 'x');
}

size_t CountOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class ClientInputTest : public testing::Test {
 protected:
  // All that one client gets for what it sends piece by piece, up to the gateway's end.
  std::string Answers(const std::vector<std::string_view>& pieces) {
    Wire client = harness_.Connect();
    for (const std::string_view piece : pieces) {
      client.Send(piece);
      harness_.Turns(2);
    }
    client.End();
    EXPECT_TRUE(harness_.AwaitEnd(client));
    EXPECT_FALSE(client.reset());
    return client.Take();
  }
  std::string Answers(std::string_view bytes) { return Answers(std::vector{bytes}); }

  // Whole, then in two pieces with every cut, then byte by byte.
  void ExpectTheSameForEveryCut(const std::string& bytes) {
    const std::string_view all = bytes;
    const std::string whole = Answers(all);
    ASSERT_NE(whole, "");
    std::vector<std::string_view> bytewise;
    for (size_t cut = 1; cut < all.size(); ++cut) {
      ASSERT_EQ(Answers({all.substr(0, cut), all.substr(cut)}), whole)
          << bytes << "\ncut at " << cut;
      bytewise.push_back(all.substr(cut - 1, 1));
    }
    bytewise.push_back(all.substr(all.size() - 1));
    ASSERT_EQ(Answers(bytewise), whole) << bytes << "\nbyte by byte";
  }

  std::string LoggedFor(std::string_view bytes) {
    harness_.log_lines.clear();
    Answers(bytes);
    harness_.access_log->Flush();
    return harness_.log_lines;
  }

  ProxyHarness harness_{
      {.listener = "protocols: [h1]",
       .routes = "- {name: hello, match: {path_prefix: /}, respond: {status: 200, body: hi}}\n"
                 "  - {name: no, match: {path_prefix: /no}, respond: {status: 403, body: no}}"}};
};

TEST_F(ClientInputTest, RequestsAreAnsweredTheSameHoweverTheirBytesAreCut) {
  const std::string get(kGet);
  const std::string bytes = "\r\n" + get + "\r\n\r\n" + PostOf(5) + "\r\n" +
                            std::string(kChunkedHead) +
                            "5 ;a=b\r\nhello\r\n0\r\nx-a: b\r\n\r\n\r\n" +
                            "HEAD /no HTTP/1.1\r\nHost: a:\r\nContent-Length: \t0\t\r\n\r\n" + get;
  EXPECT_EQ(CountOf(Answers(bytes), "HTTP/1.1 "), 5u);
  ExpectTheSameForEveryCut(bytes);
}

TEST_F(ClientInputTest, RefusalsAreTheSameHoweverTheirBytesAreCut) {
  const std::string get(kGet);
  for (const std::string& bytes :
       {"\r\n\r" + get, "\r\n\n" + get, EmptyLines(http::kMaxLeadingEmptyLines + 1) + get,
        std::string("\x16\x03\x01\x02\0\x01\0\x01", 8), std::string("\0\r\nQUIT\n\x21", 9) + get,
        std::string("\0\0\n\4\0\0\0\0\0", 9), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string("SSH-2.0-OpenSSH_9.2\r\n"), "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get,
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + get,
        "HEAD / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n" + get,
        std::string(kChunkedHead) + "5  \r\nhello\r\n0\r\n\r\n" + get}) {
    ExpectTheSameForEveryCut(bytes);
  }
}

// The buffer's slabs are one more way to cut: so many bytes come before that each byte of what
// follows is once the last of its slab.
TEST_F(ClientInputTest, NeitherDoSlabsMakeADifference) {
  const std::string tail = "\r\n" + std::string(kGet) + "\r\n\r\n" + std::string(kChunkedHead) +
                           "2\r\nhi\r\n0\r\n\r\n\r\n" + std::string(kGet);
  const std::string expected = Answers(PostOf(1) + tail);
  const size_t head = PostOf(10'000).size() - 10'000;
  for (size_t in_slab = 0; in_slab <= tail.size() + 2; ++in_slab) {
    const size_t body = pool::SlabPool::kSlabCapacity - head - in_slab;
    ASSERT_EQ(Answers(PostOf(body) + tail), expected) << in_slab;
  }
}

TEST_F(ClientInputTest, EmptyLinesBetweenRequestsAreBounded) {
  const std::string lines = EmptyLines(http::kMaxLeadingEmptyLines);
  EXPECT_EQ(CountOf(Answers(lines + std::string(kGet) + lines + std::string(kGet)), "200 OK"), 2u);
  EXPECT_TRUE(Answers(EmptyLines(100'000)).starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(harness_.Count(Metric::kFramingRefusalsTotal, {"client", "too_many_empty_lines"}), 1u);
}

TEST_F(ClientInputTest, HalfAnEmptyLineIsNoRequest) {
  Wire client = harness_.Connect();
  client.Send("\r");
  harness_.Turns(3);
  EXPECT_EQ(harness_.Level(Metric::kClientConnections, {"edge", "active"}), 0);
  EXPECT_EQ(harness_.slabs.in_use(), 0u) << "and holds no buffer";
  client.Send("\n" + std::string(kGet));
  EXPECT_TRUE(harness_.Await(client, "\r\n\r\nhi").starts_with("HTTP/1.1 200 "));
}

// A request smuggled into what the client believes to be its tunnel.
TEST_F(ClientInputTest, WhatFollowsARefusedTunnelIsNoRequest) {
  for (const std::string_view head :
       {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /no HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET /no HTTP/1.1\r\nHost: a\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"}) {
    const std::string answer = Answers(std::string(head) + std::string(kGet));
    EXPECT_EQ(CountOf(answer, "HTTP/1.1 "), 1u) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), answer.npos) << answer;
  }
  EXPECT_TRUE(harness_.TurnUntil([&] { return harness_.Closed("switch_refused") == 3; }));
}

// As Java's client sends with every request.
TEST_F(ClientInputTest, AnOfferThatIsIgnoredCostsNoConnection) {
  const std::string_view offer =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n";
  EXPECT_EQ(CountOf(Answers(std::string(offer) + std::string(kGet)), "200 OK"), 2u);
}

// RFC 9110 section 9.3.2.
TEST_F(ClientInputTest, ARefusedHeadHasNoContent) {
  for (const std::string& head :
       {std::string("HEAD / HTTP/1.1\r\nHost: a\r\nfolded: 1\r\n 2\r\n\r\n"),
        std::string("HEAD / HTTP/1.1\nHost: a\r\n\r\n"), std::string("HEAD / HTTP/1.1\r\n\r\n"),
        "HEAD / HTTP/1.1\r\nA: " + std::string(70'000, 'a'),
        std::string("HEAD /none HTTP/1.1\r\nHost: a\r\nExpect: the-worst\r\n\r\n")}) {
    const std::string answer = Answers(head);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
    EXPECT_EQ(answer.find("Content-Length: 0\r\n"), answer.npos) << answer;
  }
  Wire slow = harness_.Connect();
  slow.Send("HEAD / HTTP/1.1\r\nHo");
  harness_.Turns(3);
  harness_.Advance(seconds(11));
  EXPECT_TRUE(harness_.AwaitEnd(slow));
  EXPECT_TRUE(slow.received().starts_with("HTTP/1.1 408 ")) << slow.received();
  EXPECT_TRUE(slow.received().ends_with("\r\n\r\n")) << slow.received();
}

TEST_F(ClientInputTest, TheLogSaysWhatTheBytesLookLike) {
  harness_.LogExchanges();
  struct Case {
    std::string bytes;
    std::string_view refusal;
  };
  for (const Case& c : std::vector<Case>{
           {std::string("\x16\x03\x01\x02\0\x01", 6) + std::string(511, 'x'), "looks_like_tls"},
           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "looks_like_http2"},
           {"SSH-2.0-OpenSSH_9.2\r\n", "looks_like_ssh"},
           {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "looks_like_proxy_protocol"},
           {"GET / HTTP/1.1\r\n\r\n", "missing_host"},
       }) {
    const std::string line = LoggedFor(c.bytes);
    EXPECT_NE(line.find("\"refusal\":\"" + std::string(c.refusal) + "\""), line.npos) << line;
    EXPECT_NE(line.find("\"reason\":\"refused_framing\""), line.npos) << line;
    EXPECT_NE(line.find("\"bytes_in\":" + std::to_string(c.bytes.size()) + ","), line.npos) << line;
  }
  EXPECT_EQ(LoggedFor(kGet).find("refusal"), std::string::npos);
}

TEST_F(ClientInputTest, TheLogCountsTheBytesOfAHeadThatDoesNotEnd) {
  harness_.LogExchanges();
  Wire client = harness_.Connect();
  client.Send("GET / HTTP/1.1\r\nHo");
  harness_.Turns(3);
  harness_.Advance(seconds(11));
  EXPECT_TRUE(harness_.AwaitEnd(client));
  harness_.access_log->Flush();
  EXPECT_NE(harness_.log_lines.find("\"bytes_in\":18,"), std::string::npos) << harness_.log_lines;
}

}  // namespace
}  // namespace holdfast::proxy
