#ifndef HOLDFAST_GATEWAY_CONFIG_LISTENER_H_
#define HOLDFAST_GATEWAY_CONFIG_LISTENER_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/address.h"
#include "gateway/config/peer_set.h"
#include "gateway/config/route.h"
#include "gateway/config/tls.h"
#include "gateway/config/tracing.h"
#include "gateway/http/path_policy.h"
#include "gateway/http2/limits.h"
#include "pool/net/socket.h"
#include "pool/net/word_table.h"

// The part of the configuration that says where clients come in and how they are spoken with
// (config.h).

namespace holdfast::config {

// Clients come through proxies of TCP connections, which say for whom (pool/net/proxy_header.h).
struct AcceptedProxies {
  PeerSet from;                                // not empty; nobody else may connect
  Duration timeout = std::chrono::seconds(5);  // for a whole header
};

// Which word of a trusted proxy says who the client is.
struct ClientIp {
  enum class From : uint8_t { kXForwardedFor, kForwarded, kXRealIp };
  From from = From::kXForwardedFor;
  // The so-manyth address from the end, 1 to 32; nullopt: the last that is no trusted proxy's.
  std::optional<uint32_t> depth;

  bool operator==(const ClientIp&) const = default;
};
inline constexpr auto kClientIpWords = pool::Words<ClientIp::From>({
    {"x_forwarded_for", ClientIp::From::kXForwardedFor},
    {"forwarded", ClientIp::From::kForwarded},
    {"x_real_ip", ClientIp::From::kXRealIp},
});
constexpr const auto& WordsOf(ClientIp::From) { return kClientIpWords; }

struct ListenerTcp {
  pool::TcpOptions options;
  uint32_t backlog = pool::kDefaultBacklog;  // clients that wait to be accepted
};

// By which fields upstreams are told who a client is that has shown a certificate; empty: by none.
struct ClientCertificateHeaders {
  std::string certificate;  // as RFC 9440 has it in Client-Cert
  std::string chain;        // as in Client-Cert-Chain
  std::string subject;
  std::string san;
  std::string fingerprint;
  std::string verified;  // SUCCESS or NONE, whether or not one was shown
};

// What clients of a listener may speak.
enum class ClientProtocol : uint8_t { kHttp2, kHttp1 };
inline constexpr auto kClientProtocolWords =
    pool::Words<ClientProtocol>({{"h2", ClientProtocol::kHttp2}, {"h1", ClientProtocol::kHttp1}});
constexpr const auto& WordsOf(ClientProtocol) { return kClientProtocolWords; }

// How errors that the gateway answers with by itself look to clients.
enum class ErrorFormat : uint8_t { kText, kJson, kProblemJson };
inline constexpr auto kErrorFormatWords = pool::Words<ErrorFormat>({
    {"text", ErrorFormat::kText},
    {"json", ErrorFormat::kJson},
    {"problem+json", ErrorFormat::kProblemJson},
});
constexpr const auto& WordsOf(ErrorFormat) { return kErrorFormatWords; }
// How much of it they tell: all, the reason's word, or the status alone.
enum class ErrorDetail : uint8_t { kFull, kReason, kNone };
inline constexpr auto kErrorDetailWords = pool::Words<ErrorDetail>({
    {"full", ErrorDetail::kFull},
    {"reason", ErrorDetail::kReason},
    {"none", ErrorDetail::kNone},
});
constexpr const auto& WordsOf(ErrorDetail) { return kErrorDetailWords; }
struct ErrorAnswers {
  ErrorFormat format = ErrorFormat::kText;
  ErrorDetail detail = ErrorDetail::kReason;
};

// What is sent in place of a body that the gateway would make.
struct ErrorPage {
  uint16_t first_status = 0;  // the statuses it is for; both are meant
  uint16_t last_status = 0;
  std::string file;  // absolute; its ending says what it holds
  // What the file holds, once it was read (route/error_page_files.h).
  std::shared_ptr<const std::string> body;
};

// By which field a request's id is told to upstreams and, in the answer, to its client.
enum class RequestIdMode : uint8_t {
  kKeep,    // a client's own, where it is well formed (policy/request_id.h)
  kCreate,  // always a new one
};
inline constexpr auto kRequestIdModeWords = pool::Words<RequestIdMode>(
    {{"keep", RequestIdMode::kKeep}, {"create", RequestIdMode::kCreate}});
constexpr const auto& WordsOf(RequestIdMode) { return kRequestIdModeWords; }
struct RequestIds {
  RequestIdMode mode = RequestIdMode::kCreate;
  std::string header = "x-request-id";
};

struct Listener {
  bool Speaks(ClientProtocol protocol) const {
    return std::find(protocols.begin(), protocols.end(), protocol) != protocols.end();
  }

  std::string name;  // unique; the bind's text unless given
  Bind bind;
  std::optional<Duration> idle_timeout = std::chrono::seconds(75);  // between two requests
  std::optional<Duration> head_timeout = std::chrono::seconds(10);  // for a whole request head
  std::optional<Duration> body_timeout = std::chrono::seconds(30);  // without progress on a body
  std::optional<Duration> max_connection_age = std::chrono::hours(1);
  PeerSet trusted_proxies;                  // whose X-Forwarded-* fields are believed
  uint32_t max_head_bytes = 32 * 1024;      // 431 beyond; 1 KiB to 1 MiB
  uint32_t max_header_fields = 100;         // 431 beyond; 1 to 1000
  uint32_t max_uri_bytes = 8 * 1024;        // 414 beyond; 64 B to 64 KiB, at most max_head_bytes
  std::optional<uint32_t> max_connections;  // nullopt: derived from the descriptor limit (`auto`)
  std::optional<uint32_t> max_connections_per_client;  // at this listener; nullopt: any number
  std::optional<uint32_t> max_requests;                // on one connection, varied by up to a tenth
  // The preferred one first.
  std::vector<ClientProtocol> protocols = {ClientProtocol::kHttp2, ClientProtocol::kHttp1};
  http2::Limits http2;             // max_fields and max_uri_bytes are those above
  std::optional<ListenerTls> tls;  // nullopt: plain
  std::optional<AcceptedProxies> proxy_protocol;
  ListenerTcp tcp;
  ClientIp client_ip;     // of requests from trusted proxies
  http::PathPolicy path;  // how paths are read
  std::optional<ClientCertificateHeaders> client_certificate_headers;
  ErrorAnswers errors;
  std::vector<ErrorPage> error_pages;    // those for one status first
  std::optional<RequestIds> request_id;  // nullopt: requests have none unless a template asks
  std::optional<TraceRule> trace;        // nullopt: the fields pass as they come
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_LISTENER_H_
