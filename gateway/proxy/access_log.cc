#include "gateway/proxy/access_log.h"

#include <charconv>
#include <ctime>
#include <utility>

namespace holdfast::proxy {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// The length of the valid UTF-8 sequence at the start of `text`, 0 when there is none (RFC 3629).
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i, unsigned char low, unsigned char high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned char low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned char high = first == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned char low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

void AppendEscaped(std::string_view text, std::string* out) {
  while (!text.empty()) {
    const unsigned char c = static_cast<unsigned char>(text[0]);
    size_t length = 1;
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(text[0]);
    } else if (c >= 0x20 && c != 0x7F && (length = Utf8Length(text)) > 0) {
      out->append(text.substr(0, length));
    } else {
      out->append("\\u00");
      out->push_back(kHexDigits[c >> 4]);
      out->push_back(kHexDigits[c & 15]);
      length = 1;
    }
    text.remove_prefix(length);
  }
}

void AppendNumber(int64_t value, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, end);
}

void AppendTime(pool::WallTime time, std::string* out) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const time_t seconds = milliseconds / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  out->append(text, length);
  const int rest = static_cast<int>(milliseconds % 1000);
  out->push_back('.');
  out->push_back(static_cast<char>('0' + rest / 100));
  out->push_back(static_cast<char>('0' + rest / 10 % 10));
  out->push_back(static_cast<char>('0' + rest % 10));
  out->push_back('Z');
}

// Writes `"key":` and a value, with the comma that the field before needs.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string* out) : out_(out) { out_->push_back('{'); }

  void Text(std::string_view key, std::string_view value) {
    Key(key);
    out_->push_back('"');
    AppendEscaped(value, out_);
    out_->push_back('"');
  }
  void Texts(std::string_view key, std::span<const std::string> values) {
    Key(key);
    out_->push_back('[');
    for (const std::string& value : values) {
      if (&value != &values.front()) out_->push_back(',');
      out_->push_back('"');
      AppendEscaped(value, out_);
      out_->push_back('"');
    }
    out_->push_back(']');
  }
  // Left out while empty.
  void TextIfAny(std::string_view key, std::string_view value) {
    if (!value.empty()) Text(key, value);
  }
  void Number(std::string_view key, int64_t value) {
    Key(key);
    AppendNumber(value, out_);
  }
  void Bool(std::string_view key, bool value) {
    Key(key);
    out_->append(value ? "true" : "false");
  }
  void Time(std::string_view key, pool::WallTime value) {
    Key(key);
    out_->push_back('"');
    AppendTime(value, out_);
    out_->push_back('"');
  }
  // Microseconds; left out when never reached.
  void Micros(std::string_view key, pool::Duration value) {
    if (value.count() >= 0) Number(key, value.count() / 1000);
  }
  void End() { out_->append("}\n"); }

 private:
  void Key(std::string_view key) {
    if (!first_) out_->push_back(',');
    first_ = false;
    out_->push_back('"');
    out_->append(key);
    out_->append("\":");
  }

  std::string* out_;
  bool first_ = true;
};

}  // namespace

void AppendJsonLine(const ExchangeRecord& record, std::string* out) {
  ObjectWriter object(out);
  object.Time("time", record.time);
  object.Text("listener", record.listener);
  object.Text("client", record.client);
  object.TextIfAny("method", record.method);
  object.TextIfAny("host", record.host);
  object.TextIfAny("target", record.target);
  object.TextIfAny("protocol", record.protocol);
  object.TextIfAny("user_agent", record.user_agent);
  if (!record.tls_version.empty()) {
    object.Text("tls_version", record.tls_version);
    object.Text("tls_cipher", record.tls_cipher);
    object.TextIfAny("tls_sni", record.tls_sni);
    object.TextIfAny("tls_alpn", record.tls_alpn);
    object.Bool("tls_resumed", record.tls_resumed);
    object.TextIfAny("client_subject", record.client_subject);
    if (!record.client_san.empty()) object.Texts("client_san", record.client_san);
  }
  object.Number("status", record.status);
  object.TextIfAny("grpc_status", record.grpc_status);
  object.TextIfAny("route", record.route);
  object.TextIfAny("upstream", record.upstream);
  if (!record.endpoint.empty()) {
    object.Text("endpoint", record.endpoint);
    object.Bool("reused", record.reused);
    object.TextIfAny("connection", record.connection);
    object.TextIfAny("close", record.close);
  }
  object.Number("retries", record.retries);
  object.TextIfAny("retry", record.retry);
  object.Number("bytes_in", static_cast<int64_t>(record.bytes_in));
  object.Number("bytes_out", static_cast<int64_t>(record.bytes_out));
  object.Micros("head_us", record.head);
  object.Micros("connection_us", record.connected);
  object.Micros("first_byte_us", record.first_byte);
  object.Micros("duration_us", record.duration);
  object.Text("reason", record.reason);
  object.TextIfAny("refusal", record.refusal);
  object.TextIfAny("detail", record.detail);
  object.TextIfAny("request_id", record.request_id);
  object.TextIfAny("trace_id", record.trace_id);
  object.End();
}

AccessLog::AccessLog(pool::EventLoop* loop, metrics::Shard* shard, Submit submit)
    : loop_(loop),
      written_(shard->CounterFor(metrics::Metric::kAccessLogWrittenTotal, {})),
      dropped_(shard->CounterFor(metrics::Metric::kAccessLogDroppedTotal, {})),
      submit_(std::move(submit)) {}

void AccessLog::Record(const ExchangeRecord& record) {
  AppendJsonLine(record, &batch_);
  ++batch_lines_;
  if (batch_.size() >= kBatchBytes) {
    Flush();
  } else if (!flush_timer_.armed()) {
    loop_->timers().Arm(flush_timer_, loop_->now() + kFlushInterval);
  }
}

void AccessLog::Flush() {
  loop_->timers().Cancel(flush_timer_);
  if (batch_.empty()) return;
  if (lines_in_flight_.size() >= kMaxBatchesInFlight) {
    dropped_.Add(batch_lines_);
    batch_.clear();
  } else {
    lines_in_flight_.push_back(batch_lines_);
    submit_(std::exchange(batch_, std::string()));
  }
  batch_lines_ = 0;
}

void AccessLog::OnBatchWritten(bool written) {
  (written ? written_ : dropped_).Add(lines_in_flight_.front());
  lines_in_flight_.pop_front();
}

}  // namespace holdfast::proxy
