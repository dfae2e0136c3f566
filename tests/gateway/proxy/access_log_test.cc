#include "gateway/proxy/access_log.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "metrics/registry.h"
#include "tests/support/manual_clock.h"

namespace holdfast::proxy {
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
  AppendJsonLine(record, &line);
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

TEST(AccessLogLineTest, IdsAreThereWhereThereAreAny) {
  ExchangeRecord record = Minimal();
  EXPECT_FALSE(Parsed(record).contains("request_id"));
  EXPECT_FALSE(Parsed(record).contains("trace_id"));
  record.request_id = "id-1";
  record.trace_id = "0af7651916cd43dd8448eb211c80319c";
  const json parsed = Parsed(record);
  EXPECT_EQ(parsed.at("request_id"), "id-1");
  EXPECT_EQ(parsed.at("trace_id"), "0af7651916cd43dd8448eb211c80319c");
}

TEST(AccessLogLineTest, WhatIsKnownOfATlsClientIsThereForThoseAlone) {
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

TEST(AccessLogLineTest, AStatusOfGrpcIsThereForItsCallsAlone) {
  ExchangeRecord record = Minimal();
  EXPECT_FALSE(Parsed(record).contains("grpc_status"));
  record.grpc_status = "14";
  EXPECT_EQ(Parsed(record).at("grpc_status"), "14");
}

TEST(AccessLogLineTest, AWholeExchange) {
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

TEST(AccessLogLineTest, WhatNeverWasIsLeftOut) {
  const json parsed = Parsed(Minimal());
  for (const char* key :
       {"method", "host", "target", "protocol", "user_agent", "route", "upstream", "endpoint",
        "reused", "connection", "close", "retry", "head_us", "connection_us", "first_byte_us"}) {
    EXPECT_FALSE(parsed.contains(key)) << key;
  }
  EXPECT_EQ(parsed["status"], 0);
  EXPECT_EQ(parsed["duration_us"], 0);
}

TEST(AccessLogLineTest, AUnixClientHasNoAddress) {
  ExchangeRecord record = Minimal();
  record.client = "";
  EXPECT_EQ(Parsed(record)["client"], "");
}

TEST(AccessLogLineTest, QuotesAndBackslashesComeThrough) {
  EXPECT_EQ(TargetThroughJson(R"(/"a\b\")"), R"(/"a\b\")");
}

TEST(AccessLogLineTest, EveryControlByteIsEscaped) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string target = std::string("/") + static_cast<char>(c) + "x";
    EXPECT_EQ(TargetThroughJson(target), target) << c;
  }
  ExchangeRecord record = Minimal();
  record.target = "/\x7f\x1b[2J";
  EXPECT_NE(Line(record).find(R"(/\u007f\u001b[2J)"), std::string::npos)
      << "no terminal is steered by a log";
}

TEST(AccessLogLineTest, ValidUtf8StaysAsItIs) {
  const std::string text = "/\u00e9\u20ac\U0001F600\u0080\u07ff\u0800\ud7ff\ue000\uffff\U0010FFFF";
  EXPECT_EQ(TargetThroughJson(text), text);
}

// RFC 3629 section 3: overlong forms, surrogates, what lies above U+10FFFF, stray and missing
// bytes.
TEST(AccessLogLineTest, EveryByteOfInvalidUtf8IsEscapedByItself) {
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

TEST(AccessLogLineTest, AnyByteBeforeAnyKindOfByteGivesAReadableLine) {
  constexpr std::string_view kKinds =
      "a\"\\\n\x01\x1f\x7f\x80\x8f\x90\x9f\xa0\xbf\xc2\xe0\xed\xf0\xf4\xff";
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

class AccessLogTest : public testing::Test {
 protected:
  uint64_t Value(metrics::Metric metric) { return shard_->CounterFor(metric, {}).value(); }
  uint64_t Written() { return Value(metrics::Metric::kAccessLogWrittenTotal); }
  uint64_t Dropped() { return Value(metrics::Metric::kAccessLogDroppedTotal); }
  void Advance(pool::Duration step) {
    clock_.Advance(step);
    loop_.RunOnce(pool::Duration::zero());
  }
  // Lines of about 1 KiB until a batch is full.
  size_t FillBatch() {
    const std::string agent(1000, 'a');
    ExchangeRecord record = Minimal();
    record.user_agent = agent;
    size_t lines = 0;
    for (size_t bytes = 0; bytes < AccessLog::kBatchBytes; ++lines) {
      bytes += Line(record).size();
      log_.Record(record);
    }
    return lines;
  }

  ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  std::vector<std::string> batches_;
  AccessLog log_{&loop_, shard_,
                 [this](std::string batch) { batches_.push_back(std::move(batch)); }};
};

TEST_F(AccessLogTest, LinesWaitForTheTimer) {
  log_.Record(Minimal());
  Advance(AccessLog::kFlushInterval / 2);
  log_.Record(Minimal());
  EXPECT_TRUE(batches_.empty());
  Advance(AccessLog::kFlushInterval / 2);
  EXPECT_EQ(batches_, std::vector<std::string>{Line(Minimal()) + Line(Minimal())})
      << "counted from the first line";
  EXPECT_EQ(loop_.timers().size(), 0u) << "nothing to do, nothing armed";
}

TEST_F(AccessLogTest, AFullBatchDoesNotWait) {
  const size_t lines = FillBatch();
  ASSERT_EQ(batches_.size(), 1u);
  EXPECT_GE(batches_[0].size(), AccessLog::kBatchBytes);
  EXPECT_TRUE(batches_[0].ends_with('\n')) << "whole lines only";
  EXPECT_EQ(Written(), 0u) << "not before the writer says so";
  log_.OnBatchWritten(/*written=*/true);
  EXPECT_EQ(Written(), lines);
  EXPECT_EQ(loop_.timers().size(), 0u) << "the timer of its first line is not for the next batch";
}

TEST_F(AccessLogTest, FlushHandsOverWhatThereIs) {
  log_.Flush();
  EXPECT_TRUE(batches_.empty());
  log_.Record(Minimal());
  log_.Flush();
  log_.Flush();
  EXPECT_EQ(batches_.size(), 1u);
}

TEST_F(AccessLogTest, DropsWhileTheWriterIsBehindAndGoesOnAfterwards) {
  const size_t lines = FillBatch();
  for (size_t i = 1; i < AccessLog::kMaxBatchesInFlight; ++i) FillBatch();
  ASSERT_EQ(batches_.size(), AccessLog::kMaxBatchesInFlight);
  EXPECT_EQ(Dropped(), 0u);
  const size_t dropped = FillBatch();
  EXPECT_EQ(batches_.size(), AccessLog::kMaxBatchesInFlight);
  EXPECT_EQ(Dropped(), dropped);

  log_.OnBatchWritten(/*written=*/true);
  EXPECT_EQ(Written(), lines);
  log_.Record(Minimal());
  log_.Flush();
  EXPECT_EQ(batches_.back(), Line(Minimal())) << "none of the lines that were dropped";
  EXPECT_EQ(Dropped(), dropped);
}

TEST_F(AccessLogTest, WhatTheWriterLostIsDropped) {
  const size_t lost = FillBatch();
  log_.Record(Minimal());
  log_.Flush();
  log_.OnBatchWritten(/*written=*/false);
  log_.OnBatchWritten(/*written=*/true);
  EXPECT_EQ(Dropped(), lost);
  EXPECT_EQ(Written(), 1u);
}

TEST(AccessLogLifeTest, MayGoWithLinesUnwritten) {
  ManualClock clock;
  pool::EventLoop loop(&clock);
  metrics::Registry registry;
  {
    AccessLog log(&loop, registry.AddShard(), [](std::string) { FAIL(); });
    log.Record(Minimal());
  }
  clock.Advance(AccessLog::kFlushInterval);
  loop.RunOnce(pool::Duration::zero());
}

}  // namespace
}  // namespace holdfast::proxy
