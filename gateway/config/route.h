#ifndef HOLDFAST_GATEWAY_CONFIG_ROUTE_H_
#define HOLDFAST_GATEWAY_CONFIG_ROUTE_H_

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

#include "gateway/auth/token_rules.h"
#include "gateway/compression/eligibility.h"
#include "gateway/config/peer_set.h"
#include "gateway/grpc/status.h"
#include "gateway/http/message.h"
#include "gateway/policy/cors.h"
#include "gateway/policy/header_rules.h"
#include "gateway/policy/pattern.h"
#include "gateway/policy/rate_limiter.h"
#include "gateway/policy/security_headers.h"
#include "pool/net/clock.h"
#include "pool/net/word_table.h"

// The part of the configuration that says what becomes of a request (config.h).

namespace holdfast::auth {
class PasswordFile;
}

namespace holdfast::config {

using Duration = std::chrono::nanoseconds;

// So that a set of listeners is one 64-bit mask.
inline constexpr size_t kMaxListeners = 64;

// A set of request methods; empty stands for "any".
class MethodSet {
 public:
  void Add(http::Method method) { bits_ |= Bit(method); }
  // Any token (RFC 9110 section 9.1).
  void Add(std::string_view method) {
    const http::Method known = http::IdentifyMethod(method);
    if (known != http::Method::kOther) return Add(known);
    if (!HasOther(method)) others_.emplace_back(method);
  }
  void Add(const MethodSet& other) {
    bits_ |= other.bits_;
    for (const std::string& method : other.others_) Add(method);
  }
  // `text` tells of kOther which one it is.
  bool Contains(http::Method method, std::string_view text = {}) const {
    return method == http::Method::kOther ? HasOther(text) : (bits_ & Bit(method)) != 0;
  }
  bool ContainsAll(const MethodSet& other) const {
    return (other.bits_ & ~bits_) == 0 &&
           std::ranges::all_of(other.others_,
                               [this](std::string_view method) { return HasOther(method); });
  }
  bool empty() const { return bits_ == 0 && others_.empty(); }
  // Those that http::Method has no word for, in the order in which they were added.
  const std::vector<std::string>& others() const { return others_; }
  bool operator==(const MethodSet&) const = default;

 private:
  static uint16_t Bit(http::Method method) { return uint16_t{1} << static_cast<int>(method); }
  bool HasOther(std::string_view text) const {
    return std::ranges::find(others_, text) != others_.end();
  }
  uint16_t bits_ = 0;
  std::vector<std::string> others_;
};

// Their names, those that http::Method has words for first.
std::vector<std::string> MethodNames(const MethodSet& methods);

// What a field or a parameter of the query has to be.
struct ValueMatch {
  enum class Kind : uint8_t { kExact, kPrefix, kPattern, kPresent, kAbsent };
  std::string name;
  Kind kind = Kind::kPresent;
  std::string text;         // with kExact and kPrefix
  policy::Pattern pattern;  // with kPattern: of the whole value

  bool operator==(const ValueMatch&) const = default;
};

enum class ClientScheme : uint8_t { kAny, kHttp, kHttps };
inline constexpr auto kClientSchemeWords = pool::Words<ClientScheme>(
    {{"any", ClientScheme::kAny}, {"http", ClientScheme::kHttp}, {"https", ClientScheme::kHttps}});
constexpr const auto& WordsOf(ClientScheme) { return kClientSchemeWords; }

// What is spoken within HTTP.
enum class Speech : uint8_t { kAny, kGrpc };
inline constexpr auto kSpeechWords =
    pool::Words<Speech>({{"any", Speech::kAny}, {"grpc", Speech::kGrpc}});
constexpr const auto& WordsOf(Speech) { return kSpeechWords; }

struct Match {
  std::vector<uint32_t> listeners;  // indices into Config::listeners; empty: all
  // Lower case, without a trailing dot: "a.example.com", "*.example.com" (any number of labels
  // before the suffix), "*" (any). Empty: any.
  std::vector<std::string> hosts;
  bool exact_path = false;          // `path`; otherwise `path_prefix`, of whole segments
  std::string path = "/";           // in the matched form of http/path_form.h
  policy::Pattern path_pattern;     // `path_regex`, of the whole path; `path` is then empty
  MethodSet methods;                // GET brings HEAD with it (RFC 9110 section 9.3.2)
  std::vector<ValueMatch> headers;  // each is met by any field of its name
  std::vector<ValueMatch> query;    // each by any parameter of its name, decoded
  PeerSet clients;                  // the true client; empty: any
  ClientScheme scheme = ClientScheme::kAny;
  Speech protocol = Speech::kAny;
  // `not`: it takes no request that one of these would take. They have neither listeners nor hosts.
  std::vector<Match> exceptions;
  bool client_certificate = false;  // 403 for who has shown none that is good

  // How many conditions there are beside listener, host, path and methods.
  size_t conditions() const {
    return headers.size() + query.size() + (clients.empty() ? 0 : 1) +
           (scheme == ClientScheme::kAny ? 0 : 1) + (protocol == Speech::kAny ? 0 : 1) +
           exceptions.size();
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

// Words in place of a Host field's value: as the client sent it, or as the endpoint is called.
inline constexpr std::string_view kKeepHost = "keep";
inline constexpr std::string_view kEndpointHost = "endpoint";

// What becomes of the request's query.
enum class QueryRewrite : uint8_t { kKeep, kDrop };
inline constexpr auto kQueryRewriteWords =
    pool::Words<QueryRewrite>({{"keep", QueryRewrite::kKeep}, {"drop", QueryRewrite::kDrop}});
constexpr const auto& WordsOf(QueryRewrite) { return kQueryRewriteWords; }

// How paths of a pattern change.
struct PathSwap {
  policy::Pattern pattern;  // of the whole path
  std::string to;           // with "\\1" for the first group
};

// What the upstream is told in place of what the client has asked for (route/rewrite.h). At most
// one of path_prefix, path and path_regex.
struct Rewrite {
  std::optional<std::string> path_prefix;  // in place of the prefix of the match
  std::optional<std::string> path;         // the whole path, with or without a query
  std::optional<PathSwap> path_regex;
  QueryRewrite query = QueryRewrite::kKeep;
  std::string host;  // "keep", "endpoint" or a Host field's value; empty: as the upstream says

  bool of_target() const {
    return path_prefix.has_value() || path.has_value() || path_regex.has_value() ||
           query != QueryRewrite::kKeep;
  }
};

// Who may ask, by name and password (RFC 7617).
struct BasicAuth {
  std::string file;  // as htpasswd writes it
  std::string realm = "restricted";
  // What the file holds, once it was read (route/password_files.h).
  std::shared_ptr<const auth::PasswordFile> users;
};

enum class Action : uint8_t { kUpstream, kRespond, kRedirect };

// One of the upstreams that share a route's requests.
struct SplitShare {
  uint32_t upstream = 0;  // index into Config::upstreams
  uint32_t weight = 1;    // 0 to 1,000,000; with 0 it gets none
};

// What keeps requests with one of them.
struct SplitKey {
  enum class By : uint8_t { kRandom, kClient, kHeader, kCookie };
  By by = By::kRandom;  // kRandom: nothing does
  std::string name;     // of the field or the cookie
};
// The last two come with a name: "header:NAME".
inline constexpr auto kSplitKeyWords = pool::Words<SplitKey::By>({
    {"random", SplitKey::By::kRandom},
    {"client", SplitKey::By::kClient},
    {"header", SplitKey::By::kHeader},
    {"cookie", SplitKey::By::kCookie},
});

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

// What becomes of requests when nobody says whether they may pass.
enum class FailMode : uint8_t { kClosed, kOpen };
inline constexpr auto kFailModeWords =
    pool::Words<FailMode>({{"closed", FailMode::kClosed}, {"open", FailMode::kOpen}});
constexpr const auto& WordsOf(FailMode) { return kFailModeWords; }

// How many requests may be under way at a time, and how many more may wait
// (proxy/in_flight_queue.h).
struct MaxInFlight {
  struct Queue {
    uint32_t size = 1024;  // 0: none waits
    Duration timeout = std::chrono::seconds(3);
  };
  uint32_t requests = 0;  // at least 1
  Queue queue;
  bool shadow = false;  // all go on, and those that had to have waited are counted
};

// Another service is asked whether a request may go on (proxy/forward_auth.h).
struct ForwardAuth {
  uint32_t upstream = 0;  // index into Config::upstreams
  std::string path = "/";
  std::vector<std::string> copy_request_headers;   // empty: all
  std::vector<std::string> copy_response_headers;  // the client's own are removed
  Duration timeout = std::chrono::seconds(5);
  FailMode fail = FailMode::kClosed;
  std::optional<uint64_t> body;  // bytes of the request's that it gets; a longer one is 413
};

// What of an exchange is read in full before it goes on (proxy/request_body.h).
struct Buffering {
  uint64_t request = 0;  // bytes of its body, before the upstream is asked for a connection
};

// Copies of requests go to another upstream as well (proxy/mirror.h).
struct Mirror {
  static constexpr uint32_t kAll = 1'000'000;

  uint32_t upstream = 0;            // index into Config::upstreams
  uint32_t share = kAll;            // of a million requests so many are copied
  uint32_t max_in_flight = 100;     // copies of this route at a time, for each worker
  uint64_t max_body = 64 * 1024;    // bytes; of a longer one there is no copy
  std::optional<Duration> timeout;  // nullopt: as MirrorTimeout says
};

// Whether a route's requests have lines in the access log.
enum class RouteLog : uint8_t { kOn, kOff };
inline constexpr auto kRouteLogWords =
    pool::Words<RouteLog>({{"on", RouteLog::kOn}, {"off", RouteLog::kOff}});
constexpr const auto& WordsOf(RouteLog) { return kRouteLogWords; }

// What logs and metrics call requests that no route matched. No route may be called so.
inline constexpr std::string_view kUnmatchedRouteName = "none";

struct Route {
  uint32_t index = 0;  // its place in Config::routes
  std::string name;    // unique; "route-N", N counted from 1, unless given
  Match match;
  Action action = Action::kUpstream;
  uint32_t upstream = 0;  // with kUpstream and no split: index into Config::upstreams
  // With kUpstream, in place of that one: each upstream once, one of them at least with a weight.
  std::vector<SplitShare> split;
  SplitKey split_by;
  // With kUpstream.
  std::optional<Mirror> mirror;
  Respond respond;    // with kRespond
  Redirect redirect;  // with kRedirect
  Rewrite rewrite;    // with kUpstream
  PeerSet allow;      // the true client; empty: everybody; else 403
  PeerSet deny;       // before `allow`
  std::optional<policy::RateLimitRule> rate_limit;
  std::optional<MaxInFlight> max_in_flight;
  std::optional<BasicAuth> basic_auth;
  std::optional<ForwardAuth> forward_auth;
  std::optional<auth::TokenRules> jwt;            // of these three a route has one at the most
  policy::HeaderRules request_headers;            // with kUpstream
  policy::HeaderRules response_headers;           // of the gateway's own answers, too
  std::optional<compression::Rules> compression;  // of responses; with kUpstream
  policy::SecurityHeaders security_headers = policy::SecurityHeaders::kOff;
  std::optional<policy::Cors> cors;
  RouteTimeouts timeouts;
  RetryPolicy retry;
  std::optional<uint64_t> max_request_body;  // bytes; 413 beyond
  std::optional<Buffering> buffering;        // with kUpstream
  std::optional<Duration> tunnel_idle_timeout = std::chrono::hours(1);
  RouteLog access_log = RouteLog::kOn;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_ROUTE_H_
