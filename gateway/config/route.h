#ifndef HOLDFAST_GATEWAY_CONFIG_ROUTE_H_
#define HOLDFAST_GATEWAY_CONFIG_ROUTE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/peer_set.h"
#include "gateway/grpc/status.h"
#include "gateway/http/message.h"
#include "gateway/policy/header_rules.h"
#include "pool/net/clock.h"
#include "pool/net/word_table.h"

// The part of the configuration that says what becomes of a request (config.h).

namespace holdfast::config {

using Duration = std::chrono::nanoseconds;

// So that a set of listeners is one 64-bit mask.
inline constexpr size_t kMaxListeners = 64;

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

// What a field or a parameter of the query has to be.
struct ValueMatch {
  enum class Kind : uint8_t { kExact, kPrefix, kPresent, kAbsent };
  std::string name;
  Kind kind = Kind::kPresent;
  std::string text;  // with kExact and kPrefix

  bool operator==(const ValueMatch&) const = default;
};

enum class ClientScheme : uint8_t { kAny, kHttp, kHttps };
inline constexpr auto kClientSchemeWords = pool::Words<ClientScheme>(
    {{"any", ClientScheme::kAny}, {"http", ClientScheme::kHttp}, {"https", ClientScheme::kHttps}});
constexpr const auto& WordsOf(ClientScheme) { return kClientSchemeWords; }

struct Match {
  std::vector<uint32_t> listeners;  // indices into Config::listeners; empty: all
  // Lower case, without a trailing dot: "a.example.com", "*.example.com" (any number of labels
  // before the suffix), "*" (any). Empty: any.
  std::vector<std::string> hosts;
  bool exact_path = false;  // `path`; otherwise `path_prefix`, a plain prefix of the path's bytes
  std::string path = "/";   // in the matched form of http/path_form.h
  MethodSet methods;        // GET brings HEAD with it (RFC 9110 section 9.3.2)
  std::vector<ValueMatch> headers;  // each is met by any field of its name
  std::vector<ValueMatch> query;    // each by any parameter of its name, decoded
  PeerSet clients;                  // the true client; empty: any
  ClientScheme scheme = ClientScheme::kAny;
  bool client_certificate = false;  // 403 for who has shown none that is good

  // How many conditions there are beside listener, host, path and methods.
  size_t conditions() const {
    return headers.size() + query.size() + (clients.empty() ? 0 : 1) +
           (scheme == ClientScheme::kAny ? 0 : 1);
  }
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
  uint32_t upstream = 0;                 // with kUpstream: index into Config::upstreams
  Respond respond;                       // with kRespond
  Redirect redirect;                     // with kRedirect
  PeerSet allow;                         // the true client; empty: everybody; else 403
  PeerSet deny;                          // before `allow`
  policy::HeaderRules request_headers;   // with kUpstream
  policy::HeaderRules response_headers;  // of the gateway's own answers, too
  RouteTimeouts timeouts;
  RetryPolicy retry;
  std::optional<uint64_t> max_request_body;  // bytes; 413 beyond
  std::optional<Duration> tunnel_idle_timeout = std::chrono::hours(1);
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_ROUTE_H_
