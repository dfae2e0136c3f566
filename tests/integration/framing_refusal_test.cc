// Every request that is refused for its framing: the status, the end of the connection, and the
// metric; and that the upstream never hears of it.

#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"
#include "tests/support/scripted_hop.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kRefusals = "holdfast_framing_refusals_total";

struct Refused {
  std::string reason;  // of the metric
  std::string head;    // from the start line to the empty line; or what comes instead
  int status = 400;
};

void PrintTo(const Refused& refused, std::ostream* out) {
  *out << ::testing::PrintToString(refused.head.substr(0, 80));
}

std::string Lines(const std::string& lines) {
  return "POST / HTTP/1.1\r\nHost: test\r\n" + lines + "\r\n";
}

std::string ReasonAndNumber(const auto& info) {
  return info.param.reason + "_" + std::to_string(info.index);
}

class RefusedHeadTest : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedHeadTest, IsAnsweredAndTheConnectionEnds) {
  const Refused& refused = GetParam();
  ScriptedHop hop({.listener = "protocols: [h1]"});
  hop.client.Send(refused.head);
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), refused.status) << response.head << response.body;
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  EXPECT_NE(response.body.find(refused.reason), std::string::npos) << response.body;
  hop.client.ExpectClosed();
  EXPECT_EQ(hop.gateway.Scrape().Value(kRefusals, {{"side", "client"}, {"reason", refused.reason}}),
            1)
      << response.body;
  hop.upstream.ExpectNoConnection();
}

const Refused kStartLines[] = {
    {"malformed_start_line", "GET\r\nHost: test\r\n\r\n"},
    {"malformed_start_line", "GET /\r\nHost: test\r\n\r\n"},
    {"malformed_start_line", "GET  / HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"malformed_start_line", "GET / HTTP/1.1 \r\nHost: test\r\n\r\n"},
    {"malformed_start_line", "GET / HTTX/1.1\r\nHost: test\r\n\r\n"},
    {"malformed_start_line", "G(T / HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"malformed_start_line", " GET / HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"looks_like_tls", "\x16\x03\x01\x02 a TLS client\r\n\r\n"},
    {"unsupported_version", "GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505},
    {"unsupported_version", "GET / HTTP/0.9\r\nHost: test\r\n\r\n", 505},
    {"looks_like_http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"target_bytes", "GET /\xc3\xa9 HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"target_bytes", "GET /\t HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"fragment_in_target", "GET /a#b HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"malformed_target", "GET a/b HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"malformed_target", "GET * HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"unsupported_scheme", "GET ftp://test/ HTTP/1.1\r\nHost: test\r\n\r\n"},
    {"userinfo_in_target", "GET http://user@test/ HTTP/1.1\r\nHost: test\r\n\r\n"},
};
INSTANTIATE_TEST_SUITE_P(StartLines, RefusedHeadTest, ::testing::ValuesIn(kStartLines),
                         ReasonAndNumber<::testing::TestParamInfo<Refused>>);

const Refused kFieldLines[] = {
    {"bare_cr", Lines("A: b\rc\r\n")},
    {"bare_cr", "GET / HTTP/1.1\rHost: test\r\n\r\n"},
    {"bare_lf", Lines("A: b\nC: d\r\n")},
    {"bare_lf", "GET / HTTP/1.1\nHost: test\n\n"},
    {"nul", Lines(std::string("A: b\0c\r\n", 8))},
    {"nul", Lines(std::string("A\0: b\r\n", 7))},
    {"control_byte", Lines("A: b\x01\r\n")},
    {"control_byte", Lines("A: b\x7f\r\n")},
    {"obs_fold", Lines("A: b\r\n c\r\n")},
    {"obs_fold", Lines("A: b\r\n\tc\r\n")},
    {"space_before_colon", Lines("Content-Length : 3\r\n")},
    {"space_before_colon", Lines("Transfer-Encoding\t: chunked\r\n")},
    {"missing_colon", Lines("Nothing\r\n")},
    {"empty_field_name", Lines(": value\r\n")},
    {"malformed_field_name", Lines("A(b): c\r\n")},
    {"malformed_field_name", Lines("A b: c\r\n")},
    {"malformed_field_name", Lines("\xc3\xa9: c\r\n")},
};
INSTANTIATE_TEST_SUITE_P(FieldLines, RefusedHeadTest, ::testing::ValuesIn(kFieldLines),
                         ReasonAndNumber<::testing::TestParamInfo<Refused>>);

const Refused kHosts[] = {
    {"missing_host", "GET / HTTP/1.1\r\nA: b\r\n\r\n"},
    {"repeated_host", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    {"malformed_host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"malformed_host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {"malformed_host", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"},
    {"malformed_host", "GET / HTTP/1.1\r\nHost: a:port\r\n\r\n"},
    {"malformed_host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
    {"host_mismatch", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"},
};
INSTANTIATE_TEST_SUITE_P(Hosts, RefusedHeadTest, ::testing::ValuesIn(kHosts),
                         ReasonAndNumber<::testing::TestParamInfo<Refused>>);

const Refused kFramings[] = {
    {"length_and_encoding", Lines("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
    {"length_and_encoding", Lines("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
    {"repeated_content_length", Lines("Content-Length: 3\r\nContent-Length: 3\r\n")},
    {"repeated_content_length", Lines("Content-Length: 3\r\nContent-Length: 4\r\n")},
    {"repeated_content_length", Lines("Content-Length: 3, 3\r\n")},
    {"malformed_content_length", Lines("Content-Length: +3\r\n")},
    {"malformed_content_length", Lines("Content-Length: -3\r\n")},
    {"malformed_content_length", Lines("Content-Length: 0x3\r\n")},
    {"malformed_content_length", Lines("Content-Length: 3 3\r\n")},
    {"malformed_content_length", Lines("Content-Length:\r\n")},
    {"content_length_overflow", Lines("Content-Length: 18446744073709551616\r\n")},
    {"malformed_transfer_encoding", Lines("Transfer-Encoding: chunked;a=b\r\n")},
    {"malformed_transfer_encoding", Lines("Transfer-Encoding: \"chunked\"\r\n")},
    {"chunked_not_final", Lines("Transfer-Encoding: chunked, gzip\r\n")},
    {"chunked_not_final", Lines("Transfer-Encoding: chunked, chunked\r\n")},
    {"chunked_not_final", Lines("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")},
    {"unknown_transfer_coding", Lines("Transfer-Encoding: gzip\r\n"), 501},
    {"unknown_transfer_coding", Lines("Transfer-Encoding: gzip, chunked\r\n"), 501},
    {"unknown_transfer_coding", Lines("Transfer-Encoding: xchunked\r\n"), 501},
    {"transfer_encoding_in_http10",
     "POST / HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"},
};
INSTANTIATE_TEST_SUITE_P(Framings, RefusedHeadTest, ::testing::ValuesIn(kFramings),
                         ReasonAndNumber<::testing::TestParamInfo<Refused>>);

struct RefusedBody {
  std::string reason;
  std::string body;
};

void PrintTo(const RefusedBody& refused, std::ostream* out) {
  *out << ::testing::PrintToString(refused.body.substr(0, 80));
}

class RefusedChunksTest : public ::testing::TestWithParam<RefusedBody> {};

// The head was fine, so the upstream has it; it must not take the request for a whole one.
TEST_P(RefusedChunksTest, EndTheConnectionAndTheUpstreamsRequest) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(Lines("Transfer-Encoding: chunked\r\n") + Chunk("fine"));
  Message request = ReadHead(upstream);
  EXPECT_EQ(ReadChunk(upstream, &request), "fine");
  hop.client.Send(GetParam().body);
  const Message response = hop.client.Response();
  EXPECT_EQ(response.Status(), 400) << response.body;
  EXPECT_TRUE(response.HasLine("Connection: close")) << response.head;
  hop.client.ExpectClosed();
  StreamEnd end;
  EXPECT_EQ(upstream.ReadToEnd(&end).find("0\r\n"), std::string::npos);
  EXPECT_NE(end, StreamEnd::kOpen);
  EXPECT_EQ(
      hop.gateway.Scrape().Value(kRefusals, {{"side", "client"}, {"reason", GetParam().reason}}),
      1);
}

const RefusedBody kChunks[] = {
    {"malformed_chunk_size", "x\r\n"},
    {"malformed_chunk_size", "+3\r\nabc\r\n"},
    {"malformed_chunk_size", "-3\r\nabc\r\n"},
    {"malformed_chunk_size", "0x3\r\nabc\r\n"},
    {"malformed_chunk_size", " 3\r\nabc\r\n"},
    {"malformed_chunk_size", "3 \r\nabc\r\n"},
    {"malformed_chunk_size", "\r\n"},
    {"malformed_chunk_size", ";a\r\n"},
    {"chunk_size_overflow", "10000000000000000\r\n"},
    {"chunk_size_overflow", "fffffffffffffffff\r\n"},
    {"chunk_extension_bytes", "3;a\x01\r\nabc\r\n"},
    {"chunk_extension_bytes", std::string("3;a\0\r\nabc\r\n", 11)},
    {"chunk_extension_bytes", "3;a\nabc\r\n"},
    {"chunk_line_end", "3\nabc\r\n"},
    {"chunk_line_end", "3\rabc\r\n"},
    {"chunk_extension_too_long", "3;" + std::string(40'000, 'a') + "\r\n"},
    {"missing_chunk_end", "3\r\nabcd\r\n"},
    {"missing_chunk_end", "3\r\nabc\n0\r\n\r\n"},
    {"bare_lf", "0\r\nA: b\n\r\n"},
    {"obs_fold", "0\r\nA: b\r\n c\r\n\r\n"},
    {"space_before_colon", "0\r\nA : b\r\n\r\n"},
};
INSTANTIATE_TEST_SUITE_P(Chunks, RefusedChunksTest, ::testing::ValuesIn(kChunks),
                         ReasonAndNumber<::testing::TestParamInfo<RefusedBody>>);

TEST(RefusedBodyTest, AnUpstreamThatWasFineIsNotBlamed) {
  ScriptedHop hop;
  UpstreamConnection upstream = hop.Begin(Lines("Transfer-Encoding: chunked\r\n") + "x\r\n");
  EXPECT_EQ(hop.client.Response().Status(), 400);
  hop.client.ExpectClosed();  // and so all of it has been counted
  EXPECT_EQ(hop.gateway.Scrape().Value("holdfast_upstream_request_failures_total"), 0);
}

}  // namespace
}  // namespace holdfast::support
