#ifndef HOLDFAST_GATEWAY_CONFIG_CONFIG_H_
#define HOLDFAST_GATEWAY_CONFIG_CONFIG_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/access_log.h"
#include "gateway/config/address.h"
#include "gateway/config/listener.h"
#include "gateway/config/peer_set.h"
#include "gateway/config/route.h"
#include "gateway/config/tls.h"
#include "gateway/http/forwarded.h"
#include "gateway/http/hops.h"
#include "pool/cluster_options.h"
#include "pool/net/socket.h"
#include "pool/net/socket_address.h"
#include "pool/net/word_table.h"

// What the configuration file says, as plain values with the defaults filled in. Loaded values have
// been checked (gateway/config/load.h): indices are in range, names unique, texts safe to send.
// A value is immutable once it is published; any thread may read it.

namespace holdfast::config {

// Durations and limits that are std::optional can be switched off: nullopt is the file's `off`.

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
  std::string key;  // what values are made with; empty: one made at random at the start
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
  std::vector<AccessLog> access_log;  // at most kMaxAccessLogs, no target twice; empty: off
  std::optional<Tracing> tracing;     // nullopt: no spans are sent
  // This gateway's name in Via: a token. nullopt: no Via, and no loop is seen.
  std::optional<std::string> via = std::string(http::kViaName);
  std::vector<Listener> listeners;  // 1 to kMaxListeners
  std::vector<Upstream> upstreams;
  std::vector<Route> routes;
  Drain drain;
  Dns dns;
  // Of requests' bodies, held by one worker at a time (Route::buffering, ForwardAuth::body).
  uint64_t max_buffered_bytes = 64 * 1024 * 1024;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_CONFIG_H_
