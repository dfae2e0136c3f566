#ifndef HOLDFAST_GATEWAY_RECORD_EXCHANGE_RECORD_H_
#define HOLDFAST_GATEWAY_RECORD_EXCHANGE_RECORD_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "pool/net/clock.h"

namespace holdfast::record {

// What an access log can tell of one exchange (record_fields.h has the names). Views are read while
// its line is written only, and may hold whatever bytes a client has sent. Durations are since the
// request's first byte; negative: that point was never reached.
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
  std::string_view refusal;     // the framing rule that was broken, if one was
  std::string_view detail;      // more about the reason; may be empty
  std::string_view request_id;  // empty: it has none
  std::string_view trace_id;    // likewise
  // Of the combined format and of filters alone.
  std::string_view user;  // of basic_auth, once the password was right
  std::string_view referer;
  uint64_t body_bytes_out = 0;  // bytes_out without heads
  // 5xx or what is as much to gRPC, no answer at all, or one that the upstream has broken off.
  bool failed = false;
};

}  // namespace holdfast::record

#endif  // HOLDFAST_GATEWAY_RECORD_EXCHANGE_RECORD_H_
