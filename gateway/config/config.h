#ifndef HOLDFAST_GATEWAY_CONFIG_CONFIG_H_
#define HOLDFAST_GATEWAY_CONFIG_CONFIG_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/address.h"
#include "gateway/config/tls.h"
#include "gateway/config/trusted_proxies.h"
#include "gateway/grpc/status.h"
#include "gateway/http/forwarded.h"
#include "gateway/http/hops.h"
#include "gateway/http/message.h"
#include "gateway/http2/limits.h"
#include "pool/cluster_options.h"
#include "pool/net/socket.h"
#include "pool/net/socket_address.h"
#include "pool/net/word_table.h"

// What the configuration file says, as plain values with the defaults filled in. Loaded values have
// been checked (gateway/config/load.h): indices are in range, names unique, texts safe to send.
// A value is immutable once it is published; any thread may read it.

namespace holdfast::config {

using Duration = std::chrono::nanoseconds;

// Durations and limits that are std::optional can be switched off: nullopt is the file's `off`.

// So that a set of listeners is one 64-bit mask.
inline constexpr size_t kMaxListeners = 64;

// Clients come through proxies of TCP connections, which say for whom (pool/net/proxy_header.h).
struct AcceptedProxies {
  TrustedProxies from;                         // not empty; nobody else may connect
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
  TrustedProxies trusted_proxies;           // whose X-Forwarded-* fields are believed
  uint32_t max_head_bytes = 32 * 1024;      // 431 beyond; 1 KiB to 1 MiB
  uint32_t max_header_fields = 100;         // 431 beyond; 1 to 1000
  uint32_t max_uri_bytes = 8 * 1024;        // 414 beyond; 64 B to 64 KiB, at most max_head_bytes
  std::optional<uint32_t> max_connections;  // nullopt: derived from the descriptor limit (`auto`)
  std::optional<uint32_t> max_requests;     // on one connection, varied by up to a tenth
  std::vector<ClientProtocol> protocols = {ClientProtocol::kHttp1};  // the preferred one first
  http2::Limits http2;             // max_fields and max_uri_bytes are those above
  std::optional<ListenerTls> tls;  // nullopt: plain
  std::optional<AcceptedProxies> proxy_protocol;
  ListenerTcp tcp;
  ClientIp client_ip;  // of requests from trusted proxies
  std::optional<ClientCertificateHeaders> client_certificate_headers;
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

struct HealthCheck {
  enum class Type : uint8_t { kHttp, kTcp, kGrpc };
  Type type = Type::kHttp;
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

struct Upstream {
  std::string name;
  std::vector<Endpoint> endpoints;  // at least one
  pool::ClusterOptions cluster;     // its numbers and policies, as the pool takes them
  HashKey hash;                     // with kRingHash and kMaglev
  std::optional<UpstreamTls> tls;   // nullopt: plain
  http::ForwardedFields forwarded = http::kUsualForwardedFields;  // that its requests get
  std::optional<HealthCheck> health_check;
};

// A set of request methods; empty stands for "any".
class MethodSet {
 public:
  void Add(http::Method method) { bits_ |= Bit(method); }
  void Add(MethodSet other) { bits_ |= other.bits_; }
  bool Contains(http::Method method) const { return (bits_ & Bit(method)) != 0; }
  bool ContainsAll(MethodSet other) const { return (other.bits_ & ~bits_) == 0; }
  bool empty() const { return bits_ == 0; }
  bool operator==(const MethodSet&) const = default;

 private:
  static uint16_t Bit(http::Method method) { return uint16_t{1} << static_cast<int>(method); }
  uint16_t bits_ = 0;
};

struct Match {
  std::vector<uint32_t> listeners;  // indices into Config::listeners; empty: all
  // Lower case, without a trailing dot: "a.example.com", "*.example.com" (any number of labels
  // before the suffix), "*" (any). Empty: any.
  std::vector<std::string> hosts;
  bool exact_path = false;  // `path`; otherwise `path_prefix`, a plain prefix of the path's bytes
  std::string path = "/";   // in the matched form of http/path_form.h
  MethodSet methods;        // GET brings HEAD with it (RFC 9110 section 9.3.2)
  bool client_certificate = false;  // 403 for who has shown none that is good

  // One bit per listener it is for.
  uint64_t ListenerMask() const {
    uint64_t mask = listeners.empty() ? ~uint64_t{0} : 0;
    for (const uint32_t listener : listeners) mask |= uint64_t{1} << listener;
    return mask;
  }
};

// The gateway answers by itself.
struct Respond {
  uint16_t status = 200;  // 200 to 599
  std::string body;       // at most 64 KiB; empty with 204, 205 and 304
  std::vector<std::pair<std::string, std::string>> headers;  // never framing or hop-by-hop fields
};

// route/redirect.h says what is appended to `to`.
enum class RedirectScheme : uint8_t { kKeep, kHttp, kHttps };
inline constexpr auto kRedirectSchemeWords =
    pool::Words<RedirectScheme>({{"keep", RedirectScheme::kKeep},
                                 {"http", RedirectScheme::kHttp},
                                 {"https", RedirectScheme::kHttps}});
constexpr const auto& WordsOf(RedirectScheme) { return kRedirectSchemeWords; }

struct Redirect {
  uint16_t status = 308;  // 301, 302, 303, 307, 308
  // "/new/" or "https://example.com/new/"; with a scheme a path, or empty: the request's own.
  std::string to;
  // Unless kKeep, to the request's host under this scheme.
  RedirectScheme scheme = RedirectScheme::kKeep;
  std::optional<uint16_t> port;  // with a scheme; nullopt: the scheme's own
};

enum class Action : uint8_t { kUpstream, kRespond, kRedirect };

struct RouteTimeouts {
  std::optional<Duration> first_byte = std::chrono::seconds(30);  // of the response
  std::optional<Duration> stall = std::chrono::seconds(60);       // no progress on the response
  std::optional<Duration> total;                                  // of the whole exchange
};

// When a request is sent again, beyond a connection that turned out dead under it (which is always
// repeated once if that is safe). The search for an endpoint that takes a connection is none of
// this: it goes on whatever the policy is, since nothing was sent. What may have reached an
// upstream is repeated for idempotent methods only (RFC 9110 section 9.2.2).
struct RetryPolicy {
  uint32_t attempts = 1;        // repetitions at the most, 0 to 10; 0: not even of dead connections
  bool connect_failure = true;  // no endpoint took a connection: one of them is asked again
  bool unprocessed = false;     // the upstream closed a fresh connection, provably unread
  bool reset = true;            // a fresh connection broke before a response: at another endpoint
  bool gateway_error = false;  // 502, 503, 504, or the connection broke, at the same one if need be
  bool first_byte_timeout = false;
  std::vector<uint16_t> statuses;  // 400 to 599
  // Of calls of gRPC whose response is no more than that: at another endpoint, whatever the call.
  std::vector<grpc::Status> grpc_statuses;
  std::optional<Duration> per_try_timeout;           // for the response's head, each time
  Duration backoff = std::chrono::milliseconds(25);  // before the second repetition; doubles
  Duration max_backoff = std::chrono::milliseconds(250);
};

// What logs and metrics call requests that no route matched. No route may be called so.
inline constexpr std::string_view kUnmatchedRouteName = "none";

struct Route {
  uint32_t index = 0;  // its place in Config::routes
  std::string name;    // unique; "route-N", N counted from 1, unless given
  Match match;
  Action action = Action::kUpstream;
  uint32_t upstream = 0;  // with kUpstream: index into Config::upstreams
  Respond respond;        // with kRespond
  Redirect redirect;      // with kRedirect
  RouteTimeouts timeouts;
  RetryPolicy retry;
  std::optional<uint64_t> max_request_body;  // bytes; 413 beyond
  std::optional<Duration> tunnel_idle_timeout = std::chrono::hours(1);
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
  std::string via{http::kViaName};  // this gateway's name in Via: a token
  std::vector<Listener> listeners;  // 1 to kMaxListeners
  std::vector<Upstream> upstreams;
  std::vector<Route> routes;
  Drain drain;
  Dns dns;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_CONFIG_H_
