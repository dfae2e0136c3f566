#ifndef HOLDFAST_GATEWAY_PROXY_ACCESS_LOG_H_
#define HOLDFAST_GATEWAY_PROXY_ACCESS_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "metrics/shard.h"
#include "pool/net/event_loop.h"

namespace holdfast::proxy {

// One line of the access log. Views are read during Record only. Durations are since the request's
// first byte; negative: that point was never reached.
struct ExchangeRecord {
  pool::WallTime time;
  std::string_view listener;
  std::string_view client;
  std::string_view method;
  std::string_view host;
  std::string_view target;
  std::string_view protocol;  // of the request: "HTTP/1.1"
  std::string_view user_agent;
  // Of the client's connection, over TLS only: what was agreed on, the name that it asked for, and
  // whose certificate it has shown. Bounded by whoever fills them in.
  std::string_view tls_version;  // empty: it speaks in clear
  std::string_view tls_cipher;
  std::string_view tls_sni;
  std::string_view tls_alpn;
  bool tls_resumed = false;
  std::string_view client_subject;
  std::span<const std::string> client_san;
  int status = 0;  // 499: the client left before there was a response; 0: it was cut off before
  std::string_view grpc_status;  // of a call of gRPC: its number, or "none"
  std::string_view route;
  std::string_view upstream;
  std::string_view endpoint;
  bool reused = false;
  std::string_view connection;  // how the last attempt got its connection, or why it opened one
  std::string_view close;       // why that connection was closed; empty: it was kept
  uint32_t retries = 0;
  std::string_view retry;  // the last decision about a repetition
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  pool::Duration head{-1};        // the head's first byte to its last
  pool::Duration connected{-1};   // until a connection was leased
  pool::Duration first_byte{-1};  // until the response's head
  pool::Duration duration{0};     // until the last byte was handed to the kernel
  std::string_view reason;
  std::string_view refusal;  // the framing rule that was broken, if one was
  std::string_view detail;   // more about the reason; may be empty
  // Empty where there is none.
  std::string_view request_id;
  std::string_view trace_id;
};

// Appends `record` to `out` as one JSON object and a line end. Bytes that JSON cannot hold as they
// are (control characters, invalid UTF-8) are escaped as \u00XX.
void AppendJsonLine(const ExchangeRecord& record, std::string* out);

// One worker's access log. It collects lines and hands them over in batches; when the writer is
// behind, it drops and counts lines rather than hold them. Loop thread of its worker.
class AccessLog {
 public:
  static constexpr size_t kBatchBytes = 64 * 1024;
  static constexpr pool::Duration kFlushInterval = std::chrono::milliseconds(500);
  // The most batches that are handed over and not written yet.
  static constexpr size_t kMaxBatchesInFlight = 32;

  // `submit` passes a batch to the writer, which calls OnBatchWritten on this thread for each.
  using Submit = std::function<void(std::string batch)>;
  AccessLog(pool::EventLoop* loop, metrics::Shard* shard, Submit submit);

  void Record(const ExchangeRecord& record);
  // Hands over the lines collected so far.
  void Flush();
  // Called for each batch in the order of submission. Lines that were not `written` count as
  // dropped.
  void OnBatchWritten(bool written);

 private:
  void OnFlushTimer(pool::TimePoint) { Flush(); }

  pool::EventLoop* loop_;
  metrics::Counter& written_;
  metrics::Counter& dropped_;
  Submit submit_;
  std::string batch_;
  uint64_t batch_lines_ = 0;
  std::deque<uint64_t> lines_in_flight_;  // of each batch handed over
  pool::MemberTimer<AccessLog, &AccessLog::OnFlushTimer> flush_timer_{this};
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_ACCESS_LOG_H_
