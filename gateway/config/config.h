#ifndef HOLDFAST_GATEWAY_CONFIG_CONFIG_H_
#define HOLDFAST_GATEWAY_CONFIG_CONFIG_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/address.h"
#include "gateway/config/peer_set.h"
#include "gateway/config/route.h"
#include "gateway/config/tls.h"
#include "gateway/http/forwarded.h"
#include "gateway/http/hops.h"
#include "gateway/http/path_policy.h"
#include "gateway/http2/limits.h"
#include "pool/cluster_options.h"
#include "pool/net/socket.h"
#include "pool/net/socket_address.h"
#include "pool/net/word_table.h"

// What the configuration file says, as plain values with the defaults filled in. Loaded values have
// been checked (gateway/config/load.h): indices are in range, names unique, texts safe to send.
// A value is immutable once it is published; any thread may read it.

namespace holdfast::config {

// Durations and limits that are std::optional can be switched off: nullopt is the file's `off`.

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

// What becomes of W3C's trace fields (policy/trace_context.h): what is well formed is kept.
struct TraceRule {
  // Of a million requests that come without, how many begin a trace that is sampled; the others
  // begin one that is not. nullopt: none is begun.
  std::optional<uint32_t> sample;
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

// What ring_hash and maglev keep together.
struct HashKey {
  enum class Source : uint8_t { kClientAddress, kPath, kHeader, kCookie };
  Source source = Source::kClientAddress;
  std::string name;  // of the header (lower case) or the cookie
};
inline constexpr auto kHashSourceWords = pool::Words<HashKey::Source>({
    {"client_address", HashKey::Source::kClientAddress},
    {"path", HashKey::Source::kPath},
    {"header", HashKey::Source::kHeader},
    {"cookie", HashKey::Source::kCookie},
});
constexpr const auto& WordsOf(HashKey::Source) { return kHashSourceWords; }

// Clients are told by a cookie which endpoint has served them, and come back to it.
struct StickyCookie {
  enum class Secure : uint8_t { kAuto, kAlways, kNever };  // kAuto: for clients that speak TLS
  enum class SameSite : uint8_t { kLax, kStrict, kNone, kOff };

  std::string name = "holdfast";
  std::optional<Duration> ttl;  // nullopt: as long as the browser runs
  Secure secure = Secure::kAuto;
  bool http_only = true;
  SameSite same_site = SameSite::kLax;
  std::string key;  // what values are made with; empty: one made at random at each start
};
inline constexpr auto kCookieSecureWords = pool::Words<StickyCookie::Secure>({
    {"auto", StickyCookie::Secure::kAuto},
    {"true", StickyCookie::Secure::kAlways},
    {"false", StickyCookie::Secure::kNever},
});
constexpr const auto& WordsOf(StickyCookie::Secure) { return kCookieSecureWords; }
inline constexpr auto kSameSiteWords = pool::Words<StickyCookie::SameSite>({
    {"lax", StickyCookie::SameSite::kLax},
    {"strict", StickyCookie::SameSite::kStrict},
    {"none", StickyCookie::SameSite::kNone},
    {"off", StickyCookie::SameSite::kOff},
});
constexpr const auto& WordsOf(StickyCookie::SameSite) { return kSameSiteWords; }

struct HealthCheck {
  enum class Type : uint8_t { kHttp, kTcp, kGrpc };
  enum class Protocol : uint8_t { kUpstreams, kH1, kH2, kAuto };
  Type type = Type::kHttp;
  Protocol protocol = Protocol::kUpstreams;
  std::string path = "/";
  std::string service;                          // with kGrpc; empty: the server as a whole
  std::string host;                             // empty: the endpoint as the configuration names it
  Duration interval = std::chrono::seconds(5);  // varied by up to a tenth
  // While the upstream has no requests; nullopt: as `interval`.
  std::optional<Duration> idle_interval;
  Duration timeout = std::chrono::seconds(1);
  uint32_t fall = 3;  // failures in a row that make it unhealthy
  uint32_t rise = 2;  // successes in a row that make it healthy again
  uint16_t min_status = 200;
  uint16_t max_status = 399;

  bool operator==(const HealthCheck&) const = default;
};
inline constexpr auto kCheckTypeWords = pool::Words<HealthCheck::Type>({
    {"http", HealthCheck::Type::kHttp},
    {"tcp", HealthCheck::Type::kTcp},
    {"grpc", HealthCheck::Type::kGrpc},
});
constexpr const auto& WordsOf(HealthCheck::Type) { return kCheckTypeWords; }
inline constexpr auto kCheckProtocolWords = pool::Words<HealthCheck::Protocol>({
    {"upstream", HealthCheck::Protocol::kUpstreams},
    {"h1", HealthCheck::Protocol::kH1},
    {"h2", HealthCheck::Protocol::kH2},
    {"auto", HealthCheck::Protocol::kAuto},
});
constexpr const auto& WordsOf(HealthCheck::Protocol) { return kCheckProtocolWords; }

struct Upstream {
  std::string name;
  std::vector<Endpoint> endpoints;     // at least one
  pool::ClusterOptions cluster;        // its numbers and policies, as the pool takes them
  HashKey hash;                        // with kRingHash and kMaglev
  std::optional<StickyCookie> cookie;  // before what the balancing's policy says
  std::optional<UpstreamTls> tls;      // nullopt: plain
  http::ForwardedFields forwarded = http::kUsualForwardedFields;  // that its requests get
  uint32_t max_head_bytes = 32 * 1024;  // of its responses; 1 KiB to 256 KiB
  uint32_t max_header_fields = 100;     // of its responses; 1 to 1000
  std::string host{kKeepHost};          // of its requests: keep, endpoint or a Host field's value
  std::optional<HealthCheck> health_check;

  // What its health checks speak.
  pool::UpstreamProtocol check_protocol() const {
    if (!health_check.has_value()) return cluster.protocol;
    switch (health_check->protocol) {
      case HealthCheck::Protocol::kUpstreams: break;
      case HealthCheck::Protocol::kH1: return pool::UpstreamProtocol::kH1;
      case HealthCheck::Protocol::kH2: return pool::UpstreamProtocol::kH2;
      case HealthCheck::Protocol::kAuto: return pool::UpstreamProtocol::kAuto;
    }
    return cluster.protocol;
  }
};

struct AccessLog {
  enum class Target : uint8_t { kStdout, kStderr, kFile };
  Target target = Target::kStdout;
  std::string path;  // with kFile: absolute
};
inline constexpr auto kLogTargetWords = pool::Words<AccessLog::Target>({
    {"stdout", AccessLog::Target::kStdout},
    {"stderr", AccessLog::Target::kStderr},
    {"file", AccessLog::Target::kFile},
});
constexpr const auto& WordsOf(AccessLog::Target) { return kLogTargetWords; }

// What the file says for all of a kind is in each of them (file_defaults.h); nothing is left here.
struct FileDefaults {};

struct Drain {
  Duration delay = std::chrono::seconds(5);  // /readyz says 503, connections still accepted
  // After the delay, for what is in flight; what is left then is cut off.
  Duration timeout = std::chrono::seconds(20);
};

struct Dns {
  std::vector<pool::SocketAddress> servers;  // empty: the system's (/etc/resolv.conf)
  Duration min_ttl = std::chrono::seconds(1);
  Duration max_ttl = std::chrono::seconds(300);
  Duration timeout = std::chrono::seconds(2);  // per attempt
  uint32_t attempts = 2;                       // 1 to 10
  // How long addresses are kept that DNS says are no more (NXDOMAIN); nullopt: for ever.
  std::optional<Duration> hold;

  bool operator==(const Dns&) const = default;
};

struct Config {
  std::optional<uint32_t> workers;  // 1 to 1024; nullopt: from the CPU affinity and quota (`auto`)
  std::optional<Bind> status = ParseBind("127.0.0.1:9900");
  std::optional<AccessLog> access_log;
  // This gateway's name in Via: a token. nullopt: no Via, and no loop is seen.
  std::optional<std::string> via = std::string(http::kViaName);
  std::vector<Listener> listeners;  // 1 to kMaxListeners
  std::vector<Upstream> upstreams;
  std::vector<Route> routes;
  Drain drain;
  Dns dns;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_CONFIG_H_
