#include "gateway/config/schema.h"

#include "gateway/config/address.h"
#include "gateway/config/config.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

constexpr int64_t kKiB = 1024;
constexpr int64_t kMiB = 1024 * kKiB;

constexpr std::string_view kAuto[] = {"auto"};

bool IsBind(std::string_view text) { return ParseBind(text).has_value(); }
bool IsTrustedProxy(std::string_view text) { return TrustedProxies().Add(text); }
bool IsDnsServer(std::string_view text) { return ParseDnsServer(text).has_value(); }
bool IsBody(std::string_view text) { return text.size() <= 64 * kKiB; }

// Scalars.
constexpr Shape kBind = {
    .kind = Kind::kText,
    .expected = kBindExpectation,
    .check = IsBind,
};
constexpr Shape kReference = {.kind = Kind::kText, .expected = "a name", .check = IsName};
constexpr Shape kTrustedProxy = {
    .kind = Kind::kText,
    .expected =
        "an IP address or a network such as 192.0.2.0/24 or 2001:db8::/32, with no bits set "
        "behind the prefix, or unix",
    .check = IsTrustedProxy,
};
constexpr Shape kDnsServer = {
    .kind = Kind::kText,
    .expected =
        "an IP address with or without a port, such as 192.0.2.2 or 192.0.2.2:53, and none "
        "that is bound to one interface (link-local)",
    .check = IsDnsServer,
};
constexpr Shape kHostPattern = {
    .kind = Kind::kText,
    .expected = "a host such as example.com, *.example.com or * (without a port)",
    .check = IsHostPattern,
};
constexpr Shape kPath = {
    .kind = Kind::kText,
    .expected = "a path that begins with '/', without '?', '#' and white space",
    .check = IsPath,
};
constexpr Shape kBody = {
    .kind = Kind::kText, .expected = "a text of at most 64KiB", .check = IsBody};
constexpr Shape kFieldValue = {
    .kind = Kind::kText,
    .expected = "a field value without control characters and surrounding white space",
    .check = IsFieldValue,
};
constexpr Shape kRedirectTarget = {
    .kind = Kind::kText,
    .expected = "a path such as /new/ or a URL such as https://example.com/new/",
    .check = IsRedirectTarget,
};
constexpr Shape kLogTarget = {
    .kind = Kind::kText,
    .expected = "stdout, stderr or an absolute path",
    .check = IsLogTarget,
};

constexpr Shape kPseudonym = {
    .kind = Kind::kText,
    .expected = "a token of at most 128 letters, such as edge-1",
    .check = IsTokenName,
};

constexpr Shape kDrainDuration = {.kind = Kind::kDuration, .min = 0, .max = kDay};
constexpr Shape kTtl = {.kind = Kind::kDuration, .min = kMillisecond, .max = kDay};

constexpr Shape kWorkers = {.kind = Kind::kCount, .min = 1, .max = 1024, .words = kAuto};
constexpr Shape kClientConnections = {
    .kind = Kind::kCount, .min = 1, .max = 10'000'000, .words = kAuto};
constexpr Shape kHeaderFields = {.kind = Kind::kCount, .min = 1, .max = 1000};
constexpr Shape kRetryAttempts = {.kind = Kind::kCount, .min = 0, .max = 10};
constexpr Shape kRetryStatus = {.kind = Kind::kCount, .min = 400, .max = 599};
constexpr Shape kBackoff = {.kind = Kind::kDuration, .min = 0, .max = 3600 * kSecond};
constexpr Shape kDnsAttempts = {.kind = Kind::kCount, .min = 1, .max = 10};
constexpr Shape kStatusCode = {.kind = Kind::kCount, .min = 200, .max = 599};
constexpr Shape kHeadBytes = {.kind = Kind::kSize, .min = kKiB, .max = kMiB};
constexpr Shape kUriBytes = {.kind = Kind::kSize, .min = 64, .max = 64 * kKiB};
constexpr Shape kBodyLimit = {.kind = Kind::kSize, .min = 0, .max = kMiB * kMiB, .words = kOff};

constexpr std::string_view kFormatWords[] = {"json"};
constexpr Shape kFormat = {.kind = Kind::kWord, .words = kFormatWords};
constexpr std::string_view kMethodWords[] = {"GET",    "HEAD",    "POST",  "PUT",
                                             "DELETE", "OPTIONS", "TRACE", "PATCH"};
constexpr Shape kMethod = {.kind = Kind::kWord, .words = kMethodWords};
constexpr std::string_view kRedirectWords[] = {"301", "302", "303", "307", "308"};
constexpr Shape kRedirectStatus = {.kind = Kind::kWord, .words = kRedirectWords};
constexpr std::string_view kRetryWords[] = {"connect_failure", "refused", "reset", "gateway_error",
                                            "first_byte_timeout"};
constexpr Shape kRetryReason = {.kind = Kind::kWord, .words = kRetryWords};

// status, access_log.
constexpr Key kStatusKeys[] = {
    {"bind", "Where /healthz, /readyz and /metrics are served; 127.0.0.1:9900 by default.", &kBind},
};
constexpr Shape kStatus = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {bind: 127.0.0.1:9900}",
    .words = kOff,
    .keys = kStatusKeys,
};
constexpr Key kAccessLogKeys[] = {
    {"path", "stdout (the default), stderr or an absolute path.", &kLogTarget},
    {"format", "One JSON object per line.", &kFormat},
};
constexpr Shape kAccessLog = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {path: stdout, format: json}",
    .words = kOff,
    .keys = kAccessLogKeys,
};

// listeners.
constexpr Shape kTrustedProxies = {
    .kind = Kind::kList, .expected = "a list of networks", .max = 1024, .element = &kTrustedProxy};
constexpr Key kListenerKeys[] = {
    {"name", "What routes, logs and metrics call it; the bind by default.", &kName},
    {"bind", "The literal address to listen on.", &kBind, true},
    {"idle_timeout", "How long a client connection may wait for its next request; 75s.",
     &kDurationOrOff},
    {"head_timeout", "Time for a whole request head; 10s.", &kDurationOrOff},
    {"body_timeout", "Time without progress on a request body; 30s.", &kDurationOrOff},
    {"max_connection_age", "Age after which a client connection is closed gracefully; 1h.",
     &kDurationOrOff},
    {"trusted_proxies",
     "Networks, or `unix`, whose X-Forwarded-* fields are believed; none by default.",
     &kTrustedProxies},
    {"max_head_bytes", "Largest request head, 431 beyond; 32KiB.", &kHeadBytes},
    {"max_header_fields", "Most fields of a request, 431 beyond; 100.", &kHeaderFields},
    {"max_uri_bytes", "Longest request target, 414 beyond; 8KiB.", &kUriBytes},
    {"max_connections", "Most client connections; auto follows the descriptor limit.",
     &kClientConnections},
    {"max_requests", "Requests after which a client connection is closed gracefully; off.",
     &kRequestsPerConnection},
};
constexpr Shape kListener = {
    .kind = Kind::kMapping,
    .expected = "a listener such as {bind: 0.0.0.0:8080}",
    .keys = kListenerKeys,
};
constexpr Shape kListeners = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 64 listeners",
    .min = 1,
    .max = kMaxListeners,
    .element = &kListener,
};

// routes.
constexpr Shape kMatchListeners = {.kind = Kind::kList,
                                   .expected = "a list of listener names",
                                   .min = 1,
                                   .max = kMaxListeners,
                                   .element = &kReference};
constexpr Shape kHosts = {.kind = Kind::kList,
                          .expected = "a list of hosts",
                          .min = 1,
                          .max = 1024,
                          .element = &kHostPattern};
constexpr Shape kMethods = {.kind = Kind::kList,
                            .expected = "a list of methods",
                            .min = 1,
                            .max = std::size(kMethodWords),
                            .element = &kMethod};
constexpr Key kMatchKeys[] = {
    {"listeners", "Names of listeners; all by default.", &kMatchListeners},
    {"hosts", "Exact hosts, *.suffix or *; any by default.", &kHosts},
    {"path_prefix", "A plain prefix of the path, byte by byte; / by default.", &kPath},
    {"path", "The whole path.", &kPath},
    {"methods", "Request methods, GET brings HEAD; any by default.", &kMethods},
};
constexpr Shape kMatch = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {path_prefix: /}",
    .keys = kMatchKeys,
};
constexpr Shape kHeaders = {
    .kind = Kind::kNamed,
    .expected =
        "a field name that does not belong to framing or to one hop (such as "
        "Content-Length, Transfer-Encoding, Connection) and is not Date",
    .max = 64,
    .element = &kFieldValue,
    .check = IsFieldName,
};
constexpr Key kRespondKeys[] = {
    {"status", "The status code; 200.", &kStatusCode},
    {"body", "The content; empty by default.", &kBody},
    {"headers", "Fields to add.", &kHeaders},
};
constexpr Shape kRespond = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {status: 200, body: \"hello\\n\"}",
    .keys = kRespondKeys,
};
constexpr Key kRedirectKeys[] = {
    {"status", "301, 302, 303, 307 or 308; 308 by default.", &kRedirectStatus},
    {"to", "A path or URL; with path_prefix and a final '/' the rest of the path is appended.",
     &kRedirectTarget, true},
};
constexpr Shape kRedirect = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {to: /new/}",
    .keys = kRedirectKeys,
};
constexpr Key kTimeoutKeys[] = {
    {"first_byte", "Time from the request's end to the response's first byte; 30s.",
     &kDurationOrOff},
    {"stall", "Time without progress on the response; 60s.", &kDurationOrOff},
    {"total", "Time for the whole exchange; off.", &kDurationOrOff},
};
constexpr Shape kTimeouts = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {first_byte: 30s, stall: 60s}",
    .keys = kTimeoutKeys,
};
constexpr Shape kRetryReasons = {
    .kind = Kind::kList,
    .expected = "a list of connect_failure, refused, reset, gateway_error, first_byte_timeout",
    .max = std::size(kRetryWords),
    .element = &kRetryReason,
};
constexpr Shape kRetryStatuses = {
    .kind = Kind::kList,
    .expected = "a list of at most 200 status codes",
    .max = 200,
    .element = &kRetryStatus,
};
constexpr Key kRetryKeys[] = {
    {"attempts", "How often a request is sent again, 0 for never; 1.", &kRetryAttempts},
    {"on", "After which failures; connect_failure and reset by default.", &kRetryReasons},
    {"statuses", "After which status codes of the upstream; none by default.", &kRetryStatuses},
    {"per_try_timeout", "Time for a response's head, each time anew; off.", &kDurationOrOff},
    {"backoff", "The wait before the second repetition, doubling with each; 25ms.", &kBackoff},
    {"max_backoff", "The longest wait; 250ms, or the backoff if that is longer.", &kBackoff},
};
constexpr Shape kRetry = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {attempts: 2, on: [connect_failure, refused]}",
    .keys = kRetryKeys,
};
constexpr Key kRouteKeys[] = {
    {"name", "What logs and metrics call it; route-1 and so on by default.", &kName},
    {"match", "Which requests it takes; all by default.", &kMatch},
    {"upstream", "The name of the upstream that answers.", &kReference},
    {"respond", "The gateway answers by itself.", &kRespond},
    {"redirect", "The gateway sends the client elsewhere.", &kRedirect},
    {"timeouts", "Time limits of an exchange with the upstream.", &kTimeouts},
    {"retry", "When a request is sent again.", &kRetry},
    {"max_request_body", "Largest request body, 413 beyond; off.", &kBodyLimit},
    {"tunnel_idle_timeout", "How long an upgraded connection may be silent; 1h.", &kDurationOrOff},
};
constexpr Shape kRoute = {
    .kind = Kind::kMapping,
    .expected = "a route such as {match: {path_prefix: /}, upstream: web}",
    .keys = kRouteKeys,
};
constexpr Shape kRoutes = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 10000 routes",
    .min = 1,
    .max = 10'000,
    .element = &kRoute,
};

// drain, dns and the file.
constexpr Key kDrainKeys[] = {
    {"delay", "How long connections are still accepted while /readyz says 503; 5s.",
     &kDrainDuration},
    {"timeout", "Time after the delay for what is in flight; 20s.", &kDrainDuration},
};
constexpr Shape kDrain = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {delay: 5s, timeout: 20s}",
    .keys = kDrainKeys,
};
constexpr Shape kDnsServers = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 8 name servers",
    .min = 1,
    .max = 8,
    .element = &kDnsServer,
};
constexpr Key kDnsKeys[] = {
    {"servers", "Name servers; those of /etc/resolv.conf by default.", &kDnsServers},
    {"min_ttl", "Answers are used at least this long; 1s.", &kTtl},
    {"max_ttl", "Answers are used at most this long; 300s.", &kTtl},
    {"timeout", "Time for one attempt; 2s.", &kDuration},
    {"attempts", "How often a server is asked; 2.", &kDnsAttempts},
    {"hold", "How long addresses are used after DNS said that the name is gone; off: for ever.",
     &kDurationOrOff},
};
constexpr Shape kDns = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {servers: [\"192.0.2.2:53\"]}",
    .keys = kDnsKeys,
};
constexpr Key kFileKeys[] = {
    {"workers", "How many threads serve; auto follows CPU affinity and quota.", &kWorkers},
    {"status", "The read-only listener for health and metrics.", &kStatus},
    {"access_log", "One line per exchange; off by default.", &kAccessLog},
    {"via", "This gateway's name in the Via field, by which it knows loops; holdfast.",
     &kPseudonym},
    {"listeners", "Where clients connect.", &kListeners, true},
    {"upstreams", "Services by name.", &kUpstreams},
    {"routes", "Which request goes where; the most specific one is taken.", &kRoutes, true},
    {"drain", "What happens after SIGTERM.", &kDrain},
    {"dns", "How names of endpoints are looked up.", &kDns},
};
constexpr Shape kFile = {
    .kind = Kind::kMapping,
    .expected = "a mapping with the keys listeners and routes",
    .keys = kFileKeys,
};

std::string NumberRange(const Shape& shape) {
  return std::to_string(shape.min) + " to " + std::to_string(shape.max);
}

std::string Described(const Shape& shape) {
  const auto size = [](int64_t bytes) { return FormatSize(static_cast<uint64_t>(bytes)); };
  switch (shape.kind) {
    case Kind::kDuration:
      return "a duration such as 250ms, 5s or 1h, from " +
             FormatDuration(std::chrono::nanoseconds(shape.min)) + " to " +
             FormatDuration(std::chrono::nanoseconds(shape.max));
    case Kind::kSize:
      return "a size such as 512B, 64KiB or 10MiB, from " + size(shape.min) + " to " +
             size(shape.max);
    case Kind::kCount: return "a whole number from " + NumberRange(shape);
    case Kind::kPercent:
      return "a percentage such as 50%, from " + std::to_string(shape.min) + "% to " +
             std::to_string(shape.max) + "%";
    case Kind::kWord: return "one of";
    default: return std::string(shape.expected);
  }
}

}  // namespace

const Shape& FileShape() { return kFile; }

std::string Expectation(const Shape& shape) {
  std::string text = Described(shape);
  std::string_view separator = shape.kind == Kind::kWord ? " " : ", or ";
  for (const std::string_view word : shape.words) {
    text += std::string(separator) + std::string(word);
    separator = ", ";
  }
  return text;
}

}  // namespace holdfast::config
