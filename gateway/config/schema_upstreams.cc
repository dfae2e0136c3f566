#include "gateway/config/address.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

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
constexpr std::string_view kBooleanWords[] = {"true", "false"};
constexpr Shape kBoolean = {.kind = Kind::kWord, .words = kBooleanWords};
constexpr Key kEndpointKeys[] = {
    {"address", "Where it is: host:port or unix:/path.", &kEndpointText},
    {"srv", "In place of an address: the name of SRV records, which bring ports and weights.",
     &kService},
    {"weight", "Its share beside the other endpoints; 1.", &kWeight},
    {"backup", "Whether it is used only while no other endpoint may be; false.", &kBoolean},
};
constexpr Shape kEndpoint = {
    .kind = Kind::kMapping,
    .expected = kEndpointText.expected,
    .keys = kEndpointKeys,
    .short_form = &kEndpointText,
};
constexpr Shape kEndpoints = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 1024 endpoints",
    .min = 1,
    .max = 1024,
    .element = &kEndpoint,
};

// balance, hash.
constexpr std::string_view kBalanceWords[] = {"round_robin", "least_request", "random", "ring_hash",
                                              "maglev"};
constexpr Shape kBalance = {.kind = Kind::kWord, .words = kBalanceWords};
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
constexpr std::string_view kHashWords[] = {"client_address", "path"};
constexpr Key kHashKeys[] = {
    {"header", "The value of this request header.", &kHashHeader},
    {"cookie", "The value of this cookie.", &kHashCookie},
};
constexpr Shape kHash = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {header: x-user} or {cookie: session}",
    .words = kHashWords,
    .keys = kHashKeys,
};

// queue, breakers, retry_budget.
constexpr Key kQueueKeys[] = {
    {"size", "Requests that may wait for a connection; 1024.", &kAny},
    {"timeout", "How long one may wait before it is answered 503; 3s.", &kDuration},
};
constexpr Shape kQueue = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {size: 1024, timeout: 3s}",
    .keys = kQueueKeys,
};
constexpr Key kBreakerKeys[] = {
    {"connections", "Connections at a time, all endpoints together; off.", &kSomeOrOff},
    {"pending", "Requests that wait for a connection at a time; off.", &kSomeOrOff},
    {"requests", "Requests at a time, in flight or waiting; off.", &kSomeOrOff},
    {"retries", "Repetitions at a time; off.", &kAnyOrOff},
};
constexpr Shape kBreakers = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {connections: 1000, requests: 2000}",
    .keys = kBreakerKeys,
};
constexpr Key kRetryBudgetKeys[] = {
    {"percent", "Share of the requests in flight or waiting that may be repetitions; 20%.",
     &kPercent},
    {"min", "Repetitions at a time that are always allowed; 3.", &kAny},
};
constexpr Shape kRetryBudget = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {percent: 20%, min: 3}",
    .words = kOff,
    .keys = kRetryBudgetKeys,
};

// health_check, outlier.
constexpr std::string_view kCheckWords[] = {"http", "tcp"};
constexpr Shape kCheckType = {.kind = Kind::kWord, .words = kCheckWords};
constexpr Shape kCheckPath = {
    .kind = Kind::kText,
    .expected = "a path such as /healthz or /healthz?full=1, without '#' and white space",
    .check = IsOriginForm,
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
constexpr Key kHealthCheckKeys[] = {
    {"type", "Asks for a path (http), or only connects (tcp); http.", &kCheckType},
    {"path", "What is asked for; /.", &kCheckPath},
    {"host", "The Host field; the endpoint as it is written here by default.", &kCheckHost},
    {"interval", "Time between two checks of an endpoint, varied by up to a tenth; 5s.",
     &kDuration},
    {"idle_interval", "The same while the upstream has no requests; off: as interval.",
     &kDurationOrOff},
    {"timeout", "Time for one check; 1s, or the interval if that is shorter.", &kDuration},
    {"fall", "Failures in a row that make an endpoint unhealthy; 3.", &kTimesInARow},
    {"rise", "Successes in a row that make it healthy again; 2.", &kTimesInARow},
    {"status", "Status codes of a success; 200-399.", &kStatusRange},
};
constexpr Shape kHealthCheck = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {path: /healthz, interval: 5s}",
    .words = kOff,
    .keys = kHealthCheckKeys,
};
constexpr Key kOutlierKeys[] = {
    {"consecutive_errors", "Failed requests in a row that eject an endpoint; 5.", &kTimesInARow},
    {"base_ejection", "For how long at first, doubling with each ejection in a row; 10s.",
     &kDuration},
    {"max_ejection", "For how long at the most; 300s.", &kDuration},
    {"max_ejected",
     "Share of the endpoints that may be ejected, one if it is less, never the last; 50%.",
     &kPercent},
};
constexpr Shape kOutlier = {
    .kind = Kind::kMapping,
    .expected = "a mapping such as {consecutive_errors: 5, base_ejection: 10s}",
    .words = kOff,
    .keys = kOutlierKeys,
};

constexpr Key kUpstreamKeys[] = {
    {"endpoints", "Where the service is; each address of a name is one endpoint.", &kEndpoints,
     true},
    {"balance", "How an endpoint is chosen; least_request by default.", &kBalance},
    {"hash", "What ring_hash and maglev send to the same endpoint; client_address by default.",
     &kHash},
    {"slow_start", "Time in which an endpoint that came (back) grows to its share; off.",
     &kDurationOrOff},
    {"panic_threshold", "Share of usable endpoints below which all are used; 0%: when none is.",
     &kPercent},
    {"max_connections", "Most connections per endpoint, whole process; 512.", &kSomeOrOff},
    {"max_idle", "Most kept connections per endpoint, whole process; 512.", &kAny},
    {"idle_timeout", "How long an unused connection is kept; auto by default.",
     &kDurationAutoOrOff},
    {"max_connection_age", "Age after which a connection is not reused; 30m.", &kDurationOrOff},
    {"max_requests", "Requests after which a connection is not reused; off.",
     &kRequestsPerConnection},
    {"connect_timeout", "Time to connect; 2s.", &kDuration},
    {"queue", "Requests that wait while every connection is busy.", &kQueue},
    {"breakers", "What the upstream may have at a time, 503 beyond.", &kBreakers},
    {"retry_budget", "How many of the upstream's requests may be repetitions.", &kRetryBudget},
    {"health_check", "Asks each endpoint whether it is well; off by default.", &kHealthCheck},
    {"outlier", "Leaves out endpoints that fail requests; on by default.", &kOutlier},
};
constexpr Shape kUpstream = {
    .kind = Kind::kMapping,
    .expected = "an upstream such as {endpoints: [\"web:8080\"]}",
    .keys = kUpstreamKeys,
};

}  // namespace

constexpr Shape kUpstreams = {
    .kind = Kind::kNamed,
    .expected = kName.expected,
    .max = 4096,
    .element = &kUpstream,
    .check = IsName,
};

}  // namespace holdfast::config
