#include <span>

#include "gateway/config/address.h"
#include "gateway/config/config.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"
#include "pool/cluster_options.h"

// The table of `upstreams`.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;
using pool::BalancerOptions;
using pool::BreakerLimits;
using pool::ClusterOptions;
using pool::OutlierOptions;
using pool::PoolLimits;
using pool::RetryBudgetLimits;

constexpr std::string_view kAutoOrOff[] = {"auto", "off"};

bool IsEndpoint(std::string_view text) { return ParseEndpoint(text).has_value(); }
bool IsService(std::string_view text) { return ParseService(text).has_value(); }
bool IsStatusRange(std::string_view text) { return ParseStatusRange(text).has_value(); }

constexpr Shape kDurationAutoOrOff = {
    .kind = Kind::kDuration, .min = kMillisecond, .max = 30 * kDay, .words = kAutoOrOff};
constexpr Shape kPercent = {.kind = Kind::kPercent, .min = 0, .max = 100};
constexpr Shape kSomeOrOff = {.kind = Kind::kCount, .min = 1, .max = 1'000'000, .words = kOff};
constexpr Shape kAnyOrOff = {.kind = Kind::kCount, .min = 0, .max = 1'000'000, .words = kOff};
constexpr Shape kAny = {.kind = Kind::kCount, .min = 0, .max = 1'000'000};
// Clients of HTTP/2 are sent no head of more than 1 MiB, whatever its fields make of it.
constexpr Shape kResponseHeadBytes = {.kind = Kind::kSize, .min = kKiB, .max = 256 * kKiB};
constexpr Shape kResponseFields = {.kind = Kind::kCount, .min = 1, .max = 1000};
constexpr Shape kTimesInARow = {.kind = Kind::kCount, .min = 1, .max = 1000};

// endpoints.
constexpr Shape kEndpointText = {
    .kind = Kind::kText,
    .expected = kEndpointExpectation,
    .check = IsEndpoint,
};
constexpr Shape kService = {
    .kind = Kind::kText,
    .expected = "the name of SRV records such as _http._tcp.web.default.svc, without a port",
    .check = IsService,
};
constexpr Shape kWeight = {.kind = Kind::kCount, .min = 1, .max = 1000};
void ReadAddress(const YamlNode& node, Endpoint* endpoint) {
  *endpoint = *ParseEndpoint(node.text);
}
void ReadService(const YamlNode& node, Endpoint* endpoint) {
  if (endpoint->text.empty()) *endpoint = *ParseService(node.text);
}
constexpr Key kEndpointKeys[] = {
    Custom<&ReadAddress>("address", kEndpointText, "Where it is: host:port or unix:/path.")
        .Example("web:8080")
        .Otherwise("none"),
    Custom<&ReadService>(
        "srv", kService,
        "In place of an address: the name of SRV records, which bring ports and weights.")
        .Otherwise("none"),
    Field<&Endpoint::weight>("weight", kWeight, "Its share beside the other endpoints."),
    Field<&Endpoint::backup>("backup", kBoolean,
                             "Whether it is used only while no other endpoint may be."),
};
constexpr Shape kEndpoint = [] {
  Shape shape = Mapping<Endpoint>(kEndpointText.expected, kEndpointKeys);
  shape.short_form = &kEndpointText;
  return shape;
}();
constexpr Shape kEndpoints = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 1024 endpoints",
    .min = 1,
    .max = 1024,
    .element = &kEndpoint,
};

// balance, hash.
constexpr Shape kCookieName = {
    .kind = Kind::kText,
    .expected = "the name of a cookie such as backend",
    .check = IsTokenName,
};
constexpr Shape kCookieTtl = {
    .kind = Kind::kDuration, .min = kSecond, .max = 400 * kDay, .words = kOff};
constexpr Shape kCookieSecure = WordShape<StickyCookie::Secure>();
constexpr Shape kSameSite = WordShape<StickyCookie::SameSite>();
bool IsCookieKey(std::string_view text) { return text.size() >= 32 && text.size() <= 1024; }
constexpr Shape kCookieKey = Secret({
    .kind = Kind::kText,
    .expected = "a secret of 32 to 1024 bytes, such as `openssl rand -hex 32` prints",
    .check = IsCookieKey,
});
constexpr Key kCookieKeys[] = {
    Field<&StickyCookie::name>("name", kCookieName, "What it is called."),
    Field<&StickyCookie::ttl>("ttl", kCookieTtl,
                              "How long browsers keep it; off: until they are closed."),
    Field<&StickyCookie::secure>(
        "secure", kCookieSecure,
        "Whether it goes over TLS alone; auto: if it was set over TLS. Not false with `same_site: "
        "none`, and with names that begin with __Host- or __Secure-."),
    Field<&StickyCookie::http_only>("http_only", kBoolean, "true: scripts do not see it."),
    Field<&StickyCookie::same_site>("same_site", kSameSite,
                                    "Whether it comes with requests from other sites."),
    Field<&StickyCookie::key>("key", kCookieKey,
                              "What values are made with; the same for all that share clients.")
        .Otherwise("one made at random at each start, which reloads and upgrades keep"),
};
constexpr Shape kCookie =
    OrWords(Mapping<StickyCookie>("a mapping such as {name: backend}", kCookieKeys), kOff);
constexpr Shape kBalancePolicy = WordShape<pool::BalancePolicy>();
constexpr Key kBalanceKeys[] = {
    Field<&Upstream::cluster, &ClusterOptions::balancing, &BalancerOptions::policy>(
        "policy", kBalancePolicy, "How an endpoint is chosen for those that have no cookie."),
    Field<&Upstream::cookie>(
        "cookie", kCookie,
        "Tells clients which endpoint has served them (not with 5xx), to which they then "
        "return while it is up."),
};
constexpr Shape kBalance =
    OrWords(Mapping<Upstream>("a mapping such as {cookie: {name: backend}}", kBalanceKeys),
            kWordsOf<pool::BalancePolicy>);
void ReadBalance(const YamlNode& node, const Shape& shape, Upstream* upstream, Report* report) {
  if (node.is_mapping()) return DecodeMapping(node, shape, upstream, report);
  Read(node, kBalancePolicy, &upstream->cluster.balancing.policy, report);
}
std::string WriteBalance(const Upstream& upstream) {
  return Write(kBalancePolicy, upstream.cluster.balancing.policy);
}
// Its keys fill the upstream itself.
constexpr Key kBalanceKey = [] {
  Key key = Custom<&ReadBalance, &WriteBalance>("balance", kBalance, "How an endpoint is chosen.");
  key.binding.inner = [](const void* upstream) { return upstream; };
  key.binding.inner_type = &kTypeTag<Upstream>;
  return key;
}();
constexpr Shape kHashHeader = {
    .kind = Kind::kText,
    .expected = "the name of a request header such as x-user",
    .check = IsTokenName,
};
constexpr Shape kHashCookie = {
    .kind = Kind::kText,
    .expected = "the name of a cookie such as session",
    .check = IsTokenName,
};
constexpr std::string_view kHashWords[] = {
    kHashSourceWords.WordOf(HashKey::Source::kClientAddress),
    kHashSourceWords.WordOf(HashKey::Source::kPath),
};
void ReadHashHeader(const YamlNode& node, HashKey* key) {
  *key = {HashKey::Source::kHeader, LowerCase(node.text)};
}
void ReadHashCookie(const YamlNode& node, HashKey* key) {
  if (key->name.empty()) *key = {HashKey::Source::kCookie, node.text};
}
constexpr Key kHashKeys[] = {
    Custom<&ReadHashHeader>(kHashSourceWords.WordOf(HashKey::Source::kHeader), kHashHeader,
                            "The value of this request header.")
        .Otherwise("none"),
    Custom<&ReadHashCookie>(kHashSourceWords.WordOf(HashKey::Source::kCookie), kHashCookie,
                            "The value of this cookie.")
        .Otherwise("none"),
};
constexpr Shape kHash =
    OrWords(Mapping<HashKey>("a mapping such as {header: x-user} or {cookie: session}", kHashKeys),
            kHashWords);
void ReadHash(const YamlNode& node, const Shape& shape, Upstream* upstream, Report* report) {
  if (node.is_mapping()) return DecodeMapping(node, shape, &upstream->hash, report);
  upstream->hash.source = *kHashSourceWords.ValueOf(node.text);
}

// idle_timeout.
void ReadIdleTimeout(const YamlNode& node, const Shape& shape, Upstream* upstream, Report* report) {
  PoolLimits& limits = upstream->cluster.pool;
  limits.idle_learned = node.text == kAutoOrOff[0];
  if (!limits.idle_learned) Read(node, shape, &limits.idle_timeout, report);
}
std::string WriteIdleTimeout(const Upstream& upstream) {
  const PoolLimits& limits = upstream.cluster.pool;
  if (limits.idle_learned) return std::string(kAutoOrOff[0]);
  return limits.idle_timeout ? FormatDuration(*limits.idle_timeout) : std::string(kAutoOrOff[1]);
}

// queue, breakers, retry_budget.
constexpr Key kQueueKeys[] = {
    Field<&PoolLimits::queue_size>("size", kAny, "Requests that may wait for a connection."),
    Field<&PoolLimits::queue_timeout>("timeout", kDuration,
                                      "How long one may wait before it is answered 503."),
};
constexpr Shape kQueue =
    Mapping<PoolLimits>("a mapping such as {size: 1024, timeout: 3s}", kQueueKeys);
constexpr Key kBreakerKeys[] = {
    Field<&BreakerLimits::connections>("connections", kSomeOrOff,
                                       "Connections at a time, all endpoints together."),
    Field<&BreakerLimits::pending>("pending", kSomeOrOff,
                                   "Requests that wait for a connection at a time."),
    Field<&BreakerLimits::requests>("requests", kSomeOrOff,
                                    "Requests at a time, in flight or waiting."),
    Field<&BreakerLimits::retries>("retries", kAnyOrOff, "Repetitions at a time."),
};
constexpr Shape kBreakers =
    Mapping<BreakerLimits>("a mapping such as {connections: 1000, requests: 2000}", kBreakerKeys);
constexpr Key kRetryBudgetKeys[] = {
    Field<&RetryBudgetLimits::percent>(
        "percent", kPercent, "Share of the requests in flight or waiting that may be repetitions."),
    Field<&RetryBudgetLimits::min_retries>("min", kAny,
                                           "Repetitions at a time that are always allowed."),
};
constexpr Shape kRetryBudget = OrWords(
    Mapping<RetryBudgetLimits>("a mapping such as {percent: 20%, min: 3}", kRetryBudgetKeys), kOff);

// health_check, outlier.
constexpr Shape kCheckType = WordShape<HealthCheck::Type>();
constexpr Shape kCheckProtocol = WordShape<HealthCheck::Protocol>();
constexpr Shape kCheckPath = {
    .kind = Kind::kText,
    .expected = "a path such as /healthz or /healthz?full=1, without '#' and white space",
    .check = IsOriginForm,
};
constexpr Shape kCheckService = {
    .kind = Kind::kText,
    .expected = "the name of a service such as example.v1.Greeter",
    .check = IsName,
};
constexpr Shape kCheckHost = {
    .kind = Kind::kText,
    .expected = "a host such as example.com or 192.0.2.7:8080",
    .check = IsHostField,
};
constexpr Shape kStatusRange = {
    .kind = Kind::kText,
    .expected = "a status code from 200 to 599 or a range of them such as 200-399",
    .check = IsStatusRange,
};
void ReadStatusRange(const YamlNode& node, HealthCheck* check) {
  const StatusRange range = *ParseStatusRange(node.text);
  check->min_status = range.min;
  check->max_status = range.max;
}
std::string WriteStatusRange(const HealthCheck& check) {
  return std::to_string(check.min_status) + "-" + std::to_string(check.max_status);
}
constexpr Key kHealthCheckKeys[] = {
    Field<&HealthCheck::type>("type", kCheckType,
                              "Asks for a path (http), asks as gRPC does (grpc), or only connects "
                              "(tcp)."),
    Field<&HealthCheck::protocol>("protocol", kCheckProtocol,
                                  "What checks speak: what the upstream's requests do, or one of "
                                  "its protocols."),
    Field<&HealthCheck::path>("path", kCheckPath, "What is asked for."),
    Field<&HealthCheck::service>("service", kCheckService,
                                 "With grpc: of which service it asks grpc.health.v1.")
        .Otherwise("the server as a whole"),
    Field<&HealthCheck::host>("host", kCheckHost, "The Host field.")
        .Otherwise("the endpoint as it is written here"),
    Field<&HealthCheck::interval>(
        "interval", kDuration, "Time between two checks of an endpoint, varied by up to a tenth."),
    Field<&HealthCheck::idle_interval>(
        "idle_interval", kDurationOrOff,
        "The same while the upstream has no requests; off means as interval.")
        .AtLeast("interval"),
    Field<&HealthCheck::timeout>("timeout", kDuration, "Time for one check.").AtMost("interval"),
    Field<&HealthCheck::fall>("fall", kTimesInARow,
                              "Failures in a row that make an endpoint unhealthy."),
    Field<&HealthCheck::rise>("rise", kTimesInARow,
                              "Successes in a row that make it healthy again."),
    Custom<&ReadStatusRange, &WriteStatusRange>("status", kStatusRange,
                                                "Status codes of a success."),
};
constexpr Shape kHealthCheck = OrWords(
    Mapping<HealthCheck>("a mapping such as {path: /healthz, interval: 5s}", kHealthCheckKeys),
    kOff);
constexpr Key kOutlierKeys[] = {
    Field<&OutlierOptions::consecutive_errors>("consecutive_errors", kTimesInARow,
                                               "Failed requests in a row that eject an endpoint."),
    Field<&OutlierOptions::base_time>(
        "base_ejection", kDuration, "For how long at first, doubling with each ejection in a row.")
        .AtMost("max_ejection"),
    Field<&OutlierOptions::max_time>("max_ejection", kDuration, "For how long at the most."),
    Field<&OutlierOptions::max_percent>(
        "max_ejected", kPercent,
        "Share of the endpoints that may be ejected, one if it is less, never the last."),
};
constexpr Shape kOutlier =
    OrWords(Mapping<OutlierOptions>("a mapping such as {consecutive_errors: 5, base_ejection: 10s}",
                                    kOutlierKeys),
            kOff);

// tcp.
constexpr Key kUpstreamTcpKeys[] = {
    Field<&pool::TcpOptions::keepalive>("keepalive", kTcpKeepalive, kTcpKeepaliveHelp),
    Field<&pool::TcpOptions::user_timeout>("user_timeout", kTcpUserTimeout, kTcpUserTimeoutHelp),
};
constexpr Shape kUpstreamTcp = Mapping<pool::TcpOptions>(
    "a mapping such as {keepalive: 60s, user_timeout: off}", kUpstreamTcpKeys);

// protocol.
constexpr Shape kProtocol = WordShape<pool::UpstreamProtocol>();
constexpr Shape kStreams = {.kind = Kind::kCount, .min = 1, .max = 10'000};

// proxy_protocol, forwarded_headers.
constexpr Shape kProxyVersion = WordShape<pool::ProxyVersion>();
constexpr Shape kForwardedField = WordShape<http::ForwardedField>();
constexpr Shape kForwardedFields = {.kind = Kind::kList,
                                    .expected = "a list of fields",
                                    .max = http::kForwardedFieldWords.size(),
                                    .element = &kForwardedField};
void ReadForwarded(const YamlNode& node, Upstream* upstream) {
  upstream->forwarded = {};
  for (const YamlNode& item : node.items) {
    const auto field = http::kForwardedFieldWords.ValueOf(item.text);
    if (field.has_value()) upstream->forwarded.Add(*field);
  }
}
std::string WriteForwarded(const Upstream& upstream) {
  std::string text;
  for (size_t i = 0; i < http::kForwardedFieldWords.size(); ++i) {
    const auto field = static_cast<http::ForwardedField>(i);
    if (!upstream.forwarded.Has(field)) continue;
    text += (text.empty() ? "" : ", ") + std::string(http::kForwardedFieldWords.WordOf(field));
  }
  return "[" + text + "]";
}

// An upstream's numbers and policies, at their places in the pool's options.
template <auto... kPath>
constexpr Key InCluster(std::string_view name, const Shape& shape, std::string_view help) {
  return Field<&Upstream::cluster, kPath...>(name, shape, help);
}
template <auto kMember>
constexpr Key InPool(std::string_view name, const Shape& shape, std::string_view help) {
  return InCluster<&ClusterOptions::pool, kMember>(name, shape, help);
}
template <auto kMember>
constexpr Key InBalancing(std::string_view name, const Shape& shape, std::string_view help) {
  return InCluster<&ClusterOptions::balancing, kMember>(name, shape, help);
}

constexpr Key kUpstreamKeys[] = {
    Field<&Upstream::endpoints>("endpoints", kEndpoints,
                                "Where the service is; each address of a name is one endpoint.")
        .Required("[\"web:8080\"]"),
    Field<&Upstream::tls>("tls", kUpstreamTls, "How its endpoints are spoken to over TLS."),
    InCluster<&ClusterOptions::protocol>(
        "protocol", kProtocol,
        "HTTP/1.1, HTTP/2, or what is agreed on over TLS (HTTP/1.1 in clear)."),
    InPool<&PoolLimits::streams_per_connection>(
        "streams_per_connection", kStreams,
        "Requests at a time on one HTTP/2 connection, or fewer if the endpoint says so."),
    InCluster<&ClusterOptions::proxy>(
        "proxy_protocol", kProxyVersion,
        "The PROXY header with which its connections begin; each serves one client alone."),
    Custom<&ReadForwarded, &WriteForwarded>(
        "forwarded_headers", kForwardedFields,
        "Which fields tell it for whom requests come; the others only go on from trusted proxies."),
    Field<&Upstream::host>("host", kUpstreamHost,
                           "The Host of its requests: keep what the client sent, endpoint for the "
                           "endpoint's own name, or this one."),
    Field<&Upstream::max_head_bytes>(
        "max_head_bytes", kResponseHeadBytes,
        "Largest head of a response, 502 beyond; over HTTP/2 twice as much, since that counts 32 "
        "bytes more for each field."),
    Field<&Upstream::max_header_fields>("max_header_fields", kResponseFields,
                                        "Most fields of a response, 502 beyond."),
    kBalanceKey,
    Custom<&ReadHash>("hash", kHash, "What ring_hash and maglev send to the same endpoint.")
        .Otherwise("client_address"),
    InBalancing<&BalancerOptions::slow_start>(
        "slow_start", kDurationOrOff,
        "Time in which an endpoint that came (back) grows to its share."),
    InBalancing<&BalancerOptions::panic_percent>(
        "panic_threshold", kPercent,
        "Share of usable endpoints below which all are used; 0% means when none is."),
    InPool<&PoolLimits::max_connections>("max_connections", kSomeOrOff,
                                         "Most connections per endpoint, whole process."),
    InPool<&PoolLimits::max_idle>("max_idle", kAny,
                                  "Most kept connections per endpoint, whole process."),
    Custom<&ReadIdleTimeout, &WriteIdleTimeout>(
        "idle_timeout", kDurationAutoOrOff,
        "How long an unused connection is kept; auto means as long as the upstream does."),
    InPool<&PoolLimits::max_age>("max_connection_age", kDurationOrOff,
                                 "Age after which a connection is not reused."),
    InPool<&PoolLimits::max_requests>("max_requests", kRequestsPerConnection,
                                      "Requests after which a connection is not reused."),
    InPool<&PoolLimits::connect_timeout>("connect_timeout", kDuration, "Time to connect."),
    InPool<&PoolLimits::tcp>("tcp", kUpstreamTcp,
                             "How TCP treats connections opened from then on."),
    InCluster<&ClusterOptions::pool>("queue", kQueue,
                                     "Requests that wait while every connection is busy."),
    InCluster<&ClusterOptions::breakers>("breakers", kBreakers,
                                         "What the upstream may have at a time, 503 beyond."),
    InCluster<&ClusterOptions::retry_budget>(
        "retry_budget", kRetryBudget, "How many of the upstream's requests may be repetitions."),
    Field<&Upstream::health_check>("health_check", kHealthCheck,
                                   "Asks each endpoint whether it is well."),
    InCluster<&ClusterOptions::outlier>("outlier", kOutlier,
                                        "Leaves out endpoints that fail requests."),
};
constexpr Shape kUpstream =
    Mapping<Upstream>("an upstream such as {endpoints: [\"web:8080\"]}", kUpstreamKeys);

}  // namespace

constexpr Shape kUpstreams = {
    .kind = Kind::kNamed,
    .expected = kName.expected,
    .max = 4096,
    .element = &kUpstream,
    .check = IsName,
};

}  // namespace holdfast::config
