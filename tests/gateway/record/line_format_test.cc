#include "gateway/record/line_format.h"

#include <algorithm>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/manual_clock.h"

namespace holdfast::record {
namespace {

using nlohmann::json;
using pool::ManualClock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

ExchangeRecord Minimal() {
  return {
      .time = ManualClock::kWallStart, .listener = "edge", .client = "192.0.2.7", .reason = "none"};
}

std::string Line(const ExchangeRecord& record) {
  std::string line;
  LineWriter(LineFormat::kJson).Append(record, &line);
  return line;
}

// What a log shipper reads; the line is one line and nothing but ASCII controls is escaped away.
json Parsed(const ExchangeRecord& record) {
  const std::string line = Line(record);
  EXPECT_TRUE(line.ends_with("}\n"));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  json parsed = json::parse(line, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(parsed.is_discarded()) << line;
  return parsed;
}

std::string TargetThroughJson(std::string_view target) {
  ExchangeRecord record = Minimal();
  record.target = target;
  return Parsed(record).value("target", "");
}

TEST(LineFormatTest, WhatIsKnownOfATlsClientIsThereForThoseAlone) {
  ExchangeRecord record = Minimal();
  record.client_subject = "CN=nobody";
  const json plain = Parsed(record);
  for (const char* key : {"tls_version", "tls_cipher", "tls_sni", "tls_alpn", "tls_resumed",
                          "client_subject", "client_san"}) {
    EXPECT_FALSE(plain.contains(key)) << key;
  }
  const std::vector<std::string> names = {"dns:a.test", "uri:a\"b"};
  record.tls_version = "TLSv1.3";
  record.tls_cipher = "TLS_AES_128_GCM_SHA256";
  record.tls_sni = "a\".\x01\xff";
  record.tls_resumed = true;
  record.client_subject = "CN=app";
  record.client_san = names;
  const json secure = Parsed(record);
  EXPECT_EQ(secure.at("tls_version"), "TLSv1.3");
  EXPECT_EQ(secure.at("tls_cipher"), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(secure.at("tls_sni"), "a\".\x01\xc3\xbf");
  EXPECT_FALSE(secure.contains("tls_alpn")) << "nothing was agreed on";
  EXPECT_EQ(secure.at("tls_resumed"), true);
  EXPECT_EQ(secure.at("client_subject"), "CN=app");
  EXPECT_EQ(secure.at("client_san"), json(names));
}

TEST(LineFormatTest, AStatusOfGrpcIsThereForItsCallsAlone) {
  ExchangeRecord record = Minimal();
  EXPECT_FALSE(Parsed(record).contains("grpc_status"));
  record.grpc_status = "14";
  EXPECT_EQ(Parsed(record).at("grpc_status"), "14");
}

TEST(LineFormatTest, IdsAreThereWhereThereAreAny) {
  ExchangeRecord record = Minimal();
  EXPECT_FALSE(Parsed(record).contains("request_id"));
  EXPECT_FALSE(Parsed(record).contains("trace_id"));
  record.request_id = "id-1";
  record.trace_id = "0af7651916cd43dd8448eb211c80319c";
  const json parsed = Parsed(record);
  EXPECT_EQ(parsed.at("request_id"), "id-1");
  EXPECT_EQ(parsed.at("trace_id"), "0af7651916cd43dd8448eb211c80319c");
}

TEST(LineFormatTest, AWholeExchange) {
  ExchangeRecord record = Minimal();
  record.time += milliseconds(7);
  record.method = "GET";
  record.host = "a.example.com:8080";
  record.target = "/x?y=z";
  record.protocol = "HTTP/1.1";
  record.user_agent = "curl/8";
  record.status = 200;
  record.route = "all";
  record.upstream = "web";
  record.endpoint = "10.0.0.7:80";
  record.reused = true;
  record.connection = "reused";
  record.close = "peer_asked_close";
  record.retries = 1;
  record.retry = "retry_proven";
  record.bytes_in = 100;
  record.bytes_out = uint64_t{5} << 32;
  record.head = microseconds(0);
  record.connected = microseconds(1);
  record.first_byte = microseconds(20);
  record.duration = microseconds(300) + std::chrono::nanoseconds(999);
  const json expected = {{"time", "2026-01-01T00:00:00.007Z"},
                         {"listener", "edge"},
                         {"client", "192.0.2.7"},
                         {"method", "GET"},
                         {"host", "a.example.com:8080"},
                         {"target", "/x?y=z"},
                         {"protocol", "HTTP/1.1"},
                         {"user_agent", "curl/8"},
                         {"status", 200},
                         {"route", "all"},
                         {"upstream", "web"},
                         {"endpoint", "10.0.0.7:80"},
                         {"reused", true},
                         {"connection", "reused"},
                         {"close", "peer_asked_close"},
                         {"retries", 1},
                         {"retry", "retry_proven"},
                         {"bytes_in", 100},
                         {"bytes_out", uint64_t{5} << 32},
                         {"head_us", 0},
                         {"connection_us", 1},
                         {"first_byte_us", 20},
                         {"duration_us", 300},
                         {"reason", "none"}};
  EXPECT_EQ(Parsed(record), expected);
}

TEST(LineFormatTest, WhatNeverWasIsLeftOut) {
  const json parsed = Parsed(Minimal());
  for (const char* key :
       {"method", "host", "target", "protocol", "user_agent", "route", "upstream", "endpoint",
        "reused", "connection", "close", "retry", "head_us", "connection_us", "first_byte_us"}) {
    EXPECT_FALSE(parsed.contains(key)) << key;
  }
  EXPECT_EQ(parsed["status"], 0);
  EXPECT_EQ(parsed["duration_us"], 0);
}

TEST(LineFormatTest, AnEndpointWithoutAConnectionHasNothingOfOne) {
  ExchangeRecord record = Minimal();
  record.endpoint = "10.0.0.7:80";
  record.close = "peer_closed";
  const json parsed = Parsed(record);
  EXPECT_EQ(parsed["endpoint"], "10.0.0.7:80");
  for (const char* key : {"reused", "connection", "close"}) EXPECT_FALSE(parsed.contains(key));
}

TEST(LineFormatTest, AUnixClientHasNoAddress) {
  ExchangeRecord record = Minimal();
  record.client = "";
  EXPECT_EQ(Parsed(record)["client"], "");
}

TEST(LineFormatTest, QuotesAndBackslashesComeThrough) {
  EXPECT_EQ(TargetThroughJson(R"(/"a\b\")"), R"(/"a\b\")");
}

TEST(LineFormatTest, EveryControlByteIsEscaped) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string target = std::string("/") + static_cast<char>(c) + "x";
    EXPECT_EQ(TargetThroughJson(target), target) << c;
  }
  ExchangeRecord record = Minimal();
  record.target = "/\x7f\x1b[2J";
  EXPECT_NE(Line(record).find(R"(/\u007f\u001b[2J)"), std::string::npos)
      << "no terminal is steered by a log";
}

TEST(LineFormatTest, ValidUtf8StaysAsItIs) {
  const std::string text = "/\u00e9\u20ac\U0001F600\u0080\u07ff\u0800\ud7ff\ue000\uffff\U0010FFFF";
  EXPECT_EQ(TargetThroughJson(text), text);
}

// RFC 3629 section 3: overlong forms, surrogates, what lies above U+10FFFF, stray and missing
// bytes.
TEST(LineFormatTest, EveryByteOfInvalidUtf8IsEscapedByItself) {
  const std::pair<std::string, std::string> cases[] = {
      {"\x80", "\\u0080"},
      {"\xc0\xaf", "\\u00c0\\u00af"},
      {"\xc3", "\\u00c3"},
      {"\xc3(", "\\u00c3("},
      {"\xe0\x9f\xbf", "\\u00e0\\u009f\\u00bf"},
      {"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"},
      {"\xe2\x82", "\\u00e2\\u0082"},
      {"\xf0\x8f\xbf\xbf", "\\u00f0\\u008f\\u00bf\\u00bf"},
      {"\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"},
      {"\xf5\x80\x80\x80", "\\u00f5\\u0080\\u0080\\u0080"},
      {"\xff", "\\u00ff"},
  };
  for (const auto& [bytes, escaped] : cases) {
    ExchangeRecord record = Minimal();
    record.target = bytes;
    EXPECT_NE(Line(record).find("\"target\":\"" + escaped + "\""), std::string::npos)
        << escaped << " in " << Line(record);
    Parsed(record);
  }
}

constexpr std::string_view kKinds =
    "a \"\\=\n\x01\x1f\x7f\x80\x8f\x90\x9f\xa0\xbf\xc2\xe0\xed\xf0\xf4\xff";

TEST(LineFormatTest, AnyByteBeforeAnyKindOfByteGivesAReadableLine) {
  for (int first = 0; first < 256; ++first) {
    for (const char second : kKinds) {
      const char bytes[] = {static_cast<char>(first), second};
      ExchangeRecord record = Minimal();
      record.user_agent = {bytes, 2};
      const std::string line = Line(record);
      ASSERT_TRUE(json::accept(line)) << line;
      ASSERT_EQ(line.find('\n'), line.size() - 1) << line;
    }
  }
}

std::string LineIn(LineFormat format, const ExchangeRecord& record,
                   const std::vector<std::string>& fields = {}) {
  std::string line;
  LineWriter(format, fields).Append(record, &line);
  return line;
}

TEST(LineFormatTest, TheJsonLineIsWhatItHasAlwaysBeen) {
  ExchangeRecord record = Minimal();
  EXPECT_EQ(Line(record),
            "{\"time\":\"2026-01-01T00:00:00.000Z\",\"listener\":\"edge\",\"client\":\"192.0.2.7\","
            "\"status\":0,\"retries\":0,\"bytes_in\":0,\"bytes_out\":0,\"duration_us\":0,"
            "\"reason\":\"none\"}\n");
  const std::vector<std::string> names = {"dns:a.test", "dns:b.test"};
  record.method = "GET";
  record.host = "a.test";
  record.target = "/";
  record.protocol = "HTTP/2.0";
  record.user_agent = "t";
  record.tls_version = "TLSv1.3";
  record.tls_cipher = "C";
  record.tls_sni = "a.test";
  record.tls_alpn = "h2";
  record.client_subject = "CN=c";
  record.client_san = names;
  record.status = 502;
  record.grpc_status = "14";
  record.route = "all";
  record.upstream = "web";
  record.endpoint = "10.0.0.7:80";
  record.connection = "retry";
  record.close = "peer_closed";
  record.retry = "not_in_policy";
  record.head = record.connected = record.first_byte = record.duration = microseconds(1);
  record.refusal = "r";
  record.detail = "d";
  EXPECT_EQ(
      Line(record),
      "{\"time\":\"2026-01-01T00:00:00.000Z\",\"listener\":\"edge\",\"client\":\"192.0.2.7\","
      "\"method\":\"GET\",\"host\":\"a.test\",\"target\":\"/\",\"protocol\":\"HTTP/2.0\","
      "\"user_agent\":\"t\",\"tls_version\":\"TLSv1.3\",\"tls_cipher\":\"C\",\"tls_sni\":"
      "\"a.test\",\"tls_alpn\":\"h2\",\"tls_resumed\":false,\"client_subject\":\"CN=c\","
      "\"client_san\":[\"dns:a.test\",\"dns:b.test\"],\"status\":502,\"grpc_status\":\"14\","
      "\"route\":\"all\",\"upstream\":\"web\",\"endpoint\":\"10.0.0.7:80\",\"reused\":false,"
      "\"connection\":\"retry\",\"close\":\"peer_closed\",\"retries\":0,\"retry\":"
      "\"not_in_policy\",\"bytes_in\":0,\"bytes_out\":0,\"head_us\":1,\"connection_us\":1,"
      "\"first_byte_us\":1,\"duration_us\":1,\"reason\":\"none\",\"refusal\":\"r\",\"detail\":"
      "\"d\"}\n");
}

TEST(LineFormatTest, FieldsAreThoseThatWereAskedForInTheirOrder) {
  ExchangeRecord record = Minimal();
  record.status = 200;
  record.target = "/a b";
  const std::vector<std::string> fields = {"status", "target", "method", "time"};
  EXPECT_EQ(LineIn(LineFormat::kJson, record, fields),
            "{\"status\":200,\"target\":\"/a b\",\"time\":\"2026-01-01T00:00:00.000Z\"}\n");
  EXPECT_EQ(LineIn(LineFormat::kLogfmt, record, fields),
            "status=200 target=\"/a b\" time=2026-01-01T00:00:00.000Z\n");
  EXPECT_EQ(LineIn(LineFormat::kJson, record, {"method"}), "{}\n");
}

TEST(LineFormatTest, LogfmtQuotesWhatDoesNotStandByItself) {
  const std::pair<std::string, std::string> cases[] = {
      {"/plain?x", "/plain?x"},
      {"a b", "\"a b\""},
      {"a=b", "\"a=b\""},
      {"a\"b", "\"a\\\"b\""},
      {"a\\b", "\"a\\\\b\""},
      {"a\nstatus=200", "\"a\\u000astatus=200\""},
      {"\xc3\xa9", "\"\xc3\xa9\""},
      {"\xe9", "\"\\u00e9\""},
      {"a\xe2\x80\xa8z", "\"a\\u2028z\""},
      {"a\xc2\x85z", "\"a\\u0085z\""},
  };
  for (const auto& [value, written] : cases) {
    ExchangeRecord record = Minimal();
    record.target = value;
    EXPECT_EQ(LineIn(LineFormat::kLogfmt, record, {"target"}), "target=" + written + "\n");
  }
  ExchangeRecord record = Minimal();
  record.client = "";
  EXPECT_EQ(LineIn(LineFormat::kLogfmt, record, {"client"}), "client=\"\"\n");
}

TEST(LineFormatTest, LogfmtHasAListAsTheTextOfJson) {
  const std::vector<std::string> names = {"dns:a", "uri:\"],x"};
  ExchangeRecord record = Minimal();
  record.tls_version = "TLSv1.3";
  record.client_san = names;
  EXPECT_EQ(LineIn(LineFormat::kLogfmt, record, {"client_san"}),
            "client_san=\"[\\\"dns:a\\\",\\\"uri:\\\\\\\"],x\\\"]\"\n");
}

TEST(LineFormatTest, CombinedIsWhatNginxAndApacheWrite) {
  ExchangeRecord record = Minimal();
  record.method = "GET";
  record.target = "/x?y=z";
  record.protocol = "HTTP/1.1";
  record.status = 200;
  record.body_bytes_out = 5316;
  record.bytes_out = 6000;
  record.user = "frank";
  record.referer = "http://www.example.com/start.html";
  record.user_agent = "Mozilla/4.08 [en] (Win98; I ;Nav)";
  EXPECT_EQ(LineIn(LineFormat::kCombined, record),
            "192.0.2.7 - frank [01/Jan/2026:00:00:00 +0000] \"GET /x?y=z HTTP/1.1\" 200 5316 "
            "\"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\"\n");
}

TEST(LineFormatTest, CombinedHasADashForWhatIsNotKnown) {
  ExchangeRecord record = Minimal();
  record.client = "";
  record.status = 400;
  EXPECT_EQ(LineIn(LineFormat::kCombined, record),
            "- - - [01/Jan/2026:00:00:00 +0000] \"-\" 400 0 \"-\" \"-\"\n");
  record.status = 0;
  record.method = "GET";
  EXPECT_EQ(LineIn(LineFormat::kCombined, record),
            "- - - [01/Jan/2026:00:00:00 +0000] \"GET - -\" 000 0 \"-\" \"-\"\n");
}

// As nginx's ngx_http_log_escape has it.
TEST(LineFormatTest, CombinedEscapesAsNginxDoes) {
  ExchangeRecord record = Minimal();
  record.method = "GET";
  record.target = "/a\" b\\";
  record.protocol = "HTTP/1.1";
  record.referer = "\r\n\x7f\xc3\xa9";
  record.user_agent = "a \"b\" \\";
  record.user = "two words]";
  EXPECT_EQ(LineIn(LineFormat::kCombined, record),
            "192.0.2.7 - two\\x20words] [01/Jan/2026:00:00:00 +0000] \"GET /a\\x22\\x20b\\x5C "
            "HTTP/1.1\" 000 0 \"\\x0D\\x0A\\x7F\\xC3\\xA9\" \"a \\x22b\\x22 \\x5C\"\n");
}

// What a client may try, in each field that takes its bytes.
constexpr std::string_view kAttempts[] = {
    "\r\n192.0.2.9 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 0 \"-\" \"-\"\r\n",
    "\n{\"status\":200}\n",
    "\",\"status\":200,\"x\":\"",
    "\" status=200 x=\"",
    "a status=200",
    "a\tstatus=200",
    "status=200",
    "=",
    " ",
    "\\",
    "\\\\\"",
    "\\\" status=200 x=\\\"",
    "\\u0022 status=200",
    "\\n",
    "\" 200 0 \"-\" \"forged\"",
    "x\" 200 1 \"",
    "]",
    "\x1b[2J\x1b]0;title\x07",
    "\x7f\x08\x0b\x0c",
    "\xff\xfe\x80",
    "\xc0\x8a",      // an overlong line feed
    "\xe0\x80\x8a",  // and another
    "\xc3\"",        // a sequence that a quote breaks off
    "\xe2\x80\xa8",  // LINE SEPARATOR
    "\xe2\x80\xa9",  // PARAGRAPH SEPARATOR
    "\xc2\x85",      // NEXT LINE
    "\xc2\x9b"
    "2J",  // the one-byte CSI of terminals
    std::string_view("a\0b", 3),
};

ExchangeRecord WithEverywhere(std::string_view attempt) {
  ExchangeRecord record = Minimal();
  record.method = record.host = record.target = record.protocol = record.user_agent = attempt;
  record.user = record.referer = record.client = record.detail = record.tls_sni = attempt;
  record.client_subject = attempt;
  record.tls_version = "TLSv1.3";
  record.status = 404;
  return record;
}

// Nothing but printable ASCII and the line's end.
bool IsPlain(std::string_view line) {
  return std::ranges::all_of(line.substr(0, line.size() - 1),
                             [](char c) { return c >= ' ' && c < 0x7F; }) &&
         line.ends_with('\n');
}

TEST(LineFormatTest, NobodyForgesALineOfJson) {
  for (const std::string_view attempt : kAttempts) {
    const json parsed = Parsed(WithEverywhere(attempt));
    EXPECT_EQ(parsed.value("status", 0), 404) << attempt;
    EXPECT_EQ(parsed.size(), Parsed(WithEverywhere("x")).size()) << attempt;
  }
}

TEST(LineFormatTest, NobodyForgesALineOfTheCombinedFormat) {
  const std::regex shape(
      R"re(\S+ - \S+ \[01/Jan/2026:00:00:00 \+0000\] "[^" ]+ [^" ]+ [^" ]+" 404 0 )re"
      R"re("[^"]+" "[^"]+"\n)re");
  for (const std::string_view attempt : kAttempts) {
    const std::string line = LineIn(LineFormat::kCombined, WithEverywhere(attempt));
    EXPECT_TRUE(IsPlain(line)) << line;
    EXPECT_TRUE(std::regex_match(line, shape)) << line;
  }
}

// Splits a line as its readers do: names up to '=', values up to a blank or between quotes, where
// a backslash takes the next byte with it. Null: it is none.
std::optional<std::vector<std::pair<std::string, std::string>>> Pairs(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!line.empty() && line != "\n") {
    const size_t equals = line.find_first_of("= \"\\\n");
    if (equals == line.npos || line[equals] != '=' || equals == 0) return std::nullopt;
    std::string name(line.substr(0, equals));
    line.remove_prefix(equals + 1);
    size_t end = 0;
    if (line.starts_with('"')) {
      for (end = 1; end < line.size() && line[end] != '"'; ++end) end += line[end] == '\\' ? 1 : 0;
      if (end >= line.size()) return std::nullopt;
      ++end;
    } else {
      end = line.find_first_of("= \"\\\n");
    }
    if (end == line.npos || (line[end] != ' ' && line[end] != '\n')) return std::nullopt;
    pairs.emplace_back(std::move(name), line.substr(0, end));
    line.remove_prefix(line[end] == ' ' ? end + 1 : end);
  }
  return pairs;
}

TEST(LineFormatTest, NobodyForgesALineOfLogfmt) {
  const auto expected = Pairs(LineIn(LineFormat::kLogfmt, WithEverywhere("x")));
  ASSERT_TRUE(expected.has_value());
  for (const std::string_view attempt : kAttempts) {
    const std::string line = LineIn(LineFormat::kLogfmt, WithEverywhere(attempt));
    EXPECT_TRUE(IsPlain(line)) << line;
    const auto pairs = Pairs(line);
    ASSERT_TRUE(pairs.has_value()) << line;
    ASSERT_EQ(pairs->size(), expected->size()) << line;
    for (size_t i = 0; i < pairs->size(); ++i) {
      EXPECT_EQ((*pairs)[i].first, (*expected)[i].first) << line;
      const auto& [name, value] = (*pairs)[i];
      EXPECT_TRUE(name != "status" || value == "404") << line;
      EXPECT_TRUE(!value.starts_with('"') || json::accept(value)) << line;
    }
  }
}

TEST(LineFormatTest, AnyTwoBytesStayWithinTheirField) {
  for (int first = 0; first < 256; ++first) {
    for (const char second : kKinds) {
      const char bytes[] = {static_cast<char>(first), second};
      ExchangeRecord record = Minimal();
      record.user_agent = {bytes, 2};
      const std::string combined = LineIn(LineFormat::kCombined, record);
      ASSERT_TRUE(IsPlain(combined)) << combined;
      ASSERT_EQ(std::ranges::count(combined, '"'), 6) << combined;
      const std::string logfmt = LineIn(LineFormat::kLogfmt, record, {"user_agent", "status"});
      ASSERT_EQ(std::ranges::count(logfmt, '\n'), 1) << logfmt;
      const auto pairs = Pairs(logfmt);
      ASSERT_TRUE(pairs.has_value() && pairs->size() == 2) << logfmt;
    }
  }
}

}  // namespace
}  // namespace holdfast::record
