#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "gateway/config/address.h"
#include "gateway/config/config.h"
#include "gateway/config/error_pages.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"

// The table of the whole file, but for its upstreams and routes.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

constexpr std::string_view kAuto[] = {"auto"};

bool IsBind(std::string_view text) { return ParseBind(text).has_value(); }
bool IsDnsServer(std::string_view text) { return ParseDnsServer(text).has_value(); }

constexpr Shape kBind = {
    .kind = Kind::kText,
    .expected = kBindExpectation,
    .check = IsBind,
};
constexpr Shape kDnsServer = {
    .kind = Kind::kText,
    .expected =
        "an IP address with or without a port, such as 192.0.2.2 or 192.0.2.2:53, and none "
        "that is bound to one interface (link-local)",
    .check = IsDnsServer,
};
// What stands for on and off elsewhere is no name.
bool IsPseudonym(std::string_view text) {
  constexpr std::string_view kSwitches[] = {"on", "off", "true", "false", "yes", "no"};
  return IsTokenName(text) && std::ranges::find(kSwitches, LowerCase(text)) == std::end(kSwitches);
}
constexpr std::string_view kOnOff[] = {"on", "off"};
constexpr Shape kPseudonym = {
    .kind = Kind::kText,
    .expected = "a token of at most 128 letters, such as edge-1",
    .words = kOnOff,
    .check = IsPseudonym,
};
void ReadVia(const YamlNode& node, Config* config) {
  config->via.reset();
  if (node.text != "off") config->via = node.text == "on" ? http::kViaName : node.text;
}
std::string WriteVia(const Config& config) { return config.via.value_or("off"); }

constexpr Shape kDrainDuration = {.kind = Kind::kDuration, .min = 0, .max = kDay};
constexpr Shape kTtl = {.kind = Kind::kDuration, .min = kMillisecond, .max = kDay};

constexpr Shape kWorkers = {.kind = Kind::kCount, .min = 1, .max = 1024, .words = kAuto};
constexpr Shape kClientConnections = {
    .kind = Kind::kCount, .min = 1, .max = 10'000'000, .words = kAuto};
constexpr Shape kConnectionsPerClient = {
    .kind = Kind::kCount, .min = 1, .max = 1'000'000, .words = kOff};
constexpr Shape kHeaderFields = {.kind = Kind::kCount, .min = 1, .max = 1000};
constexpr Shape kDnsAttempts = {.kind = Kind::kCount, .min = 1, .max = 10};
constexpr Shape kHeadBytes = {.kind = Kind::kSize, .min = kKiB, .max = kMiB};
constexpr Shape kUriBytes = {.kind = Kind::kSize, .min = 64, .max = 64 * kKiB};

// status.
void ReadStatusBind(const YamlNode& node, Bind* bind) { *bind = *ParseBind(node.text); }
std::string WriteBind(const Bind& bind) { return bind.text; }
constexpr Key kStatusKeys[] = {
    Custom<&ReadStatusBind, &WriteBind>("bind", kBind,
                                        "Where /healthz, /readyz and /metrics are served."),
};
constexpr Shape kStatus =
    OrWords(Mapping<Bind>("a mapping such as {bind: 127.0.0.1:9900}", kStatusKeys), kOff);

// access_log: `off`, one target, or a list of them.
void ReadAccessLog(const YamlNode& node, const Shape& shape, Config* config, Report* report) {
  config->access_log.clear();
  if (!node.is_scalar()) Read(node, shape, &config->access_log, report);
}
std::string WriteAccessLog(const Config& config) {
  return config.access_log.empty() ? std::string(kOff[0]) : Write(kAccessLog, config.access_log);
}

// listeners.
constexpr std::string_view kUntilUntrusted[] = {"until_untrusted"};
constexpr Shape kClientIpFrom = WordShape<ClientIp::From>();
constexpr Shape kClientIpDepth = {
    .kind = Kind::kCount, .min = 1, .max = 32, .words = kUntilUntrusted};
constexpr Key kClientIpKeys[] = {
    Field<&ClientIp::from>("from", kClientIpFrom, "The field that names the client."),
    Field<&ClientIp::depth>("depth", kClientIpDepth,
                            "The so-manyth address from its end; until_untrusted means the last "
                            "that is no trusted proxy's."),
};
constexpr Shape kClientIp = Mapping<ClientIp>(
    "a mapping such as {from: x_forwarded_for, depth: until_untrusted}", kClientIpKeys);
constexpr Shape kBacklog = {.kind = Kind::kCount, .min = 1, .max = 1'000'000};
constexpr Key kListenerTcpKeys[] = {
    Field<&ListenerTcp::options, &pool::TcpOptions::keepalive>("keepalive", kTcpKeepalive,
                                                               kTcpKeepaliveHelp),
    Field<&ListenerTcp::options, &pool::TcpOptions::user_timeout>("user_timeout", kTcpUserTimeout,
                                                                  kTcpUserTimeoutHelp),
    Field<&ListenerTcp::backlog>(
        "backlog", kBacklog,
        "Most clients that wait to be accepted, as far as net.core.somaxconn allows."),
};
constexpr Shape kListenerTcp =
    Mapping<ListenerTcp>("a mapping such as {keepalive: 60s, backlog: 4096}", kListenerTcpKeys);
constexpr Key kAcceptedProxiesKeys[] = {
    Field<&AcceptedProxies::from>("from", kSomePeers,
                                  "Networks, or `unix`, that may connect; nobody else may.")
        .Required("[192.0.2.0/24]"),
    Field<&AcceptedProxies::timeout>("timeout", kDuration, "Time for a whole header."),
};
constexpr Shape kAcceptedProxies = OrWords(
    Mapping<AcceptedProxies>("a mapping such as {from: [192.0.2.0/24]}", kAcceptedProxiesKeys),
    kOff);
constexpr Shape kIdentityField = {
    .kind = Kind::kText,
    .expected = "a field name such as X-Client-Subject that the gateway has no other use for",
    .check = IsIdentityFieldName,
};
constexpr Key kCertificateHeaderKeys[] = {
    Field<&ClientCertificateHeaders::certificate>(
        "certificate", kIdentityField, "Has the certificate, as Client-Cert does in RFC 9440.")
        .Otherwise("not sent"),
    Field<&ClientCertificateHeaders::chain>(
        "chain", kIdentityField,
        "Has what the client has sent to vouch for it, as Client-Cert-Chain does.")
        .Otherwise("not sent"),
    Field<&ClientCertificateHeaders::subject>("subject", kIdentityField,
                                              "Has the subject, as RFC 4514 writes it.")
        .Otherwise("not sent"),
    Field<&ClientCertificateHeaders::san>(
        "san", kIdentityField,
        "Has the names of subjectAltName: \"dns:a.example.com\", \"uri:spiffe://...\".")
        .Otherwise("not sent"),
    Field<&ClientCertificateHeaders::fingerprint>("fingerprint", kIdentityField,
                                                  "Has the SHA-256 of the certificate, in hex.")
        .Otherwise("not sent"),
    Field<&ClientCertificateHeaders::verified>(
        "verified", kIdentityField, "Has SUCCESS, or NONE where no certificate was shown.")
        .Otherwise("not sent"),
};
constexpr std::string_view kRfc9440[] = {"rfc9440"};
constexpr Shape kRfc9440Word = {.kind = Kind::kWord, .words = kRfc9440};
constexpr Shape kCertificateHeaders = [] {
  Shape shape = OrWords(
      Mapping<ClientCertificateHeaders>("rfc9440 or a mapping such as {subject: X-Client-Subject}",
                                        kCertificateHeaderKeys),
      kOff);
  shape.short_form = &kRfc9440Word;
  return shape;
}();
constexpr Shape kClientProtocol = WordShape<ClientProtocol>();
constexpr Shape kClientProtocols = {.kind = Kind::kList,
                                    .expected = "a list of h2 and h1",
                                    .min = 1,
                                    .max = 2,
                                    .element = &kClientProtocol};
constexpr Shape kStreams = {.kind = Kind::kCount, .min = 1, .max = 10'000};
constexpr Shape kStreamWindow = {.kind = Kind::kSize, .min = 16 * kKiB, .max = 16 * kMiB};
constexpr Shape kConnectionWindow = {.kind = Kind::kSize, .min = 64 * kKiB, .max = 256 * kMiB};
constexpr Shape kCrumbs = {.kind = Kind::kCount, .min = 1, .max = 1'000};
constexpr Shape kFloodBudget = {.kind = Kind::kCount, .min = 4, .max = 1'000'000};
constexpr Key kHttp2Keys[] = {
    Field<&http2::Limits::max_concurrent_streams>(
        "max_concurrent_streams", kStreams,
        "Requests of one connection that are served at a time."),
    Field<&http2::Limits::stream_window>(
        "stream_window", kStreamWindow,
        "Bytes of a body that a client may send before it is read; more, up to connection_window, "
        "once it is read as fast as it comes."),
    Field<&http2::Limits::connection_window>("connection_window", kConnectionWindow,
                                             "The same of all bodies of a connection."),
    Field<&http2::Limits::max_head_bytes>(
        "max_head_bytes", kHeadBytes,
        "Largest request head, counted with 32 bytes for each field; 431 beyond."),
    Field<&http2::Limits::max_heads_bytes>(
        "max_heads_bytes", kConnectionWindow,
        "The same of all requests of a connection that are under way; more are refused."),
    Field<&http2::Limits::max_cookie_crumbs>("max_cookie_crumbs", kCrumbs,
                                             "Most pieces that a cookie may come in, 431 beyond."),
    Field<&http2::Limits::max_resets>(
        "max_resets", kFloodBudget,
        "Streams that a client may reset before it is sent away; half of them are forgotten every "
        "second."),
    Field<&http2::Limits::max_glitches>(
        "max_glitches", kFloodBudget,
        "The same of frames by which a client gains nothing: PING, SETTINGS, empty DATA, ..."),
    Field<&http2::Limits::write_timeout>(
        "write_timeout", kDuration, "How long a client may take nothing of what was sent to it."),
};
constexpr Shape kListenerHttp2 =
    Mapping<http2::Limits>("a mapping such as {max_concurrent_streams: 100}", kHttp2Keys);
// errors, error_pages.
constexpr Shape kErrorFormat = WordShape<ErrorFormat>();
constexpr Shape kErrorDetail = WordShape<ErrorDetail>();
constexpr Key kErrorKeys[] = {
    Field<&ErrorAnswers::format>(
        "format", kErrorFormat,
        "How their bodies look: plain text, JSON, or RFC 9457's problem details."),
    Field<&ErrorAnswers::detail>(
        "detail", kErrorDetail,
        "What bodies tell: reason is the word for it that logs and metrics have, full adds a "
        "sentence that may name the request's host and path and the upstream's troubles, none "
        "leaves the status and its phrase."),
};
constexpr Shape kErrors =
    Mapping<ErrorAnswers>("a mapping such as {format: problem+json, detail: reason}", kErrorKeys);
constexpr Shape kErrorPage = {
    .kind = Kind::kText,
    .expected = "an absolute path that ends in .html, .json, .txt or .xml",
    .check = IsErrorPagePath,
};
constexpr Shape kErrorPages = {
    .kind = Kind::kNamed,
    .expected = "a status from 400 to 599, 4xx or 5xx",
    .max = 64,
    .element = &kErrorPage,
    .check = IsErrorStatus,
};
constexpr Shape kPathNormalization = WordShape<http::PathNormalization>();
constexpr Shape kEncodedSlash = WordShape<http::EncodedSlash>();
constexpr Key kPathKeys[] = {
    Field<&http::PathPolicy::normalize>(
        "normalize", kPathNormalization,
        "strict: what is matched means the same to every reader of what is forwarded, else 400; "
        "merge_slashes: likewise, and runs of / are forwarded as one; off: matched and forwarded "
        "byte for byte, nothing is refused."),
    Field<&http::PathPolicy::encoded_slash>(
        "encoded_slash", kEncodedSlash,
        "A path with %2F. keep: it is forwarded so and divides nothing; reject: it gets 400."),
};
constexpr Shape kPathPolicy = Mapping<http::PathPolicy>(
    "a mapping such as {normalize: strict, encoded_slash: keep}", kPathKeys);
constexpr Key kListenerKeys[] = {
    Field<&Listener::name>("name", kName, "What routes, logs and metrics call it.")
        .Otherwise("the bind"),
    Field<&Listener::bind>("bind", kBind, "The literal address to listen on.")
        .Required("0.0.0.0:8080"),
    Field<&Listener::idle_timeout>("idle_timeout", kDurationOrOff,
                                   "How long a client connection may wait for its next request."),
    Field<&Listener::head_timeout>("head_timeout", kDurationOrOff,
                                   "Time for a whole request head."),
    Field<&Listener::body_timeout>("body_timeout", kDurationOrOff,
                                   "Time without progress on a request body."),
    Field<&Listener::max_connection_age>(
        "max_connection_age", kDurationOrOff,
        "Age after which a client connection is closed gracefully."),
    Field<&Listener::trusted_proxies>(
        "trusted_proxies", kPeers,
        "Networks, or `unix`, whose X-Forwarded-* and Forwarded fields are believed.")
        .Otherwise("none"),
    Field<&Listener::client_ip>("client_ip", kClientIp,
                                "How trusted proxies say who the client is."),
    Field<&Listener::path>("path", kPathPolicy, "How paths are read, matched and forwarded."),
    Field<&Listener::max_head_bytes>("max_head_bytes", kHeadBytes,
                                     "Largest request head, 431 beyond."),
    Field<&Listener::max_header_fields>("max_header_fields", kHeaderFields,
                                        "Most fields of a request, 431 beyond."),
    Field<&Listener::max_uri_bytes>("max_uri_bytes", kUriBytes,
                                    "Longest request target, 414 beyond.")
        .AtMost("max_head_bytes", " and has the URI in it"),
    Field<&Listener::max_connections>(
        "max_connections", kClientConnections,
        "Most client connections; auto follows the descriptor limit."),
    Field<&Listener::max_connections_per_client>(
        "max_connections_per_client", kConnectionsPerClient,
        "Most connections of one IPv4 address, or one IPv6 /64; more are closed as they come."),
    Field<&Listener::max_requests>(
        "max_requests", kRequestsPerConnection,
        "Requests after which a client connection is closed gracefully."),
    Field<&Listener::proxy_protocol>(
        "proxy_protocol", kAcceptedProxies,
        "Whose connections begin with a PROXY header (v1 or v2), which says who the client is."),
    Field<&Listener::protocols>(
        "protocols", kClientProtocols,
        "What clients may speak: h2 is HTTP/2, by ALPN or from the first byte; h1 is HTTP/1."),
    Field<&Listener::http2>("http2", kListenerHttp2, "What clients of HTTP/2 are held to."),
    Field<&Listener::tcp>("tcp", kListenerTcp, "How TCP treats its clients."),
    Field<&Listener::tls>("tls", kListenerTls, "Certificates, and what clients must bring."),
    Field<&Listener::client_certificate_headers>(
        "client_certificate_headers", kCertificateHeaders,
        "How upstreams are told who a client is by its certificate; no client can send these."),
    Field<&Listener::errors>("errors", kErrors,
                             "What clients are told by errors that the gateway answers with."),
    Custom<&ReadErrorPages>("error_pages", kErrorPages,
                            "Files of at most 64 KiB that such errors have for a body, by status; "
                            "read at the start and at each reload.")
        .Otherwise("none"),
    Field<&Listener::request_id>(
        "request_id", kRequestIds,
        "An id for each request, for upstreams, for the client and in the log: keep takes a "
        "client's own where there is a good one, create never does."),
    Field<&Listener::trace>(
        "trace", kTrace,
        "What becomes of traceparent and tracestate: off passes them on as they come, keep only "
        "those whose traceparent is well formed, and of tracestate what is a list of at most 1,024 "
        "bytes."),
};
constexpr Shape kListener =
    Mapping<Listener>("a listener such as {bind: 0.0.0.0:8080}", kListenerKeys);
constexpr Shape kListeners = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 64 listeners",
    .min = 1,
    .max = kMaxListeners,
    .element = &kListener,
};

// drain, dns and the file.
constexpr Key kDrainKeys[] = {
    Field<&Drain::delay>("delay", kDrainDuration,
                         "How long connections are still accepted while /readyz says 503."),
    Field<&Drain::timeout>("timeout", kDrainDuration,
                           "Time after the delay for what is in flight."),
};
constexpr Shape kDrain = Mapping<Drain>("a mapping such as {delay: 5s, timeout: 20s}", kDrainKeys);
constexpr Shape kBufferedBytes = {.kind = Kind::kSize, .min = kMiB, .max = 64 * 1024 * kMiB};
constexpr Shape kDnsServers = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 8 name servers",
    .min = 1,
    .max = 8,
    .element = &kDnsServer,
};
constexpr Key kDnsKeys[] = {
    Field<&Dns::servers>("servers", kDnsServers, "Name servers.")
        .Otherwise("those of /etc/resolv.conf"),
    Field<&Dns::min_ttl>("min_ttl", kTtl, "Answers are used at least this long.")
        .AtMostOrRaises("max_ttl"),
    Field<&Dns::max_ttl>("max_ttl", kTtl, "Answers are used at most this long."),
    Field<&Dns::timeout>("timeout", kDuration, "Time for one attempt."),
    Field<&Dns::attempts>("attempts", kDnsAttempts, "How often a server is asked."),
    Field<&Dns::hold>("hold", kDurationOrOff,
                      "How long addresses are used after DNS said that the name is gone; off means "
                      "for ever."),
};
constexpr Shape kDns = Mapping<Dns>("a mapping such as {servers: [\"192.0.2.2:53\"]}", kDnsKeys);
// defaults: what file_defaults.h puts into each of them.
constexpr Shape Some(const Shape& items, std::string_view expected) {
  return {.kind = Kind::kPartial, .expected = expected, .element = &items};
}
constexpr Shape kSomeOfListeners = Some(kListeners, "keys of a listener");
constexpr Shape kSomeOfUpstreams = Some(kUpstreams, "keys of an upstream");
constexpr Shape kSomeOfRoutes = Some(kRoutes, "keys of a route");
constexpr Key kDefaultsKeys[] = {
    Apart("listeners", kSomeOfListeners, "For each listener, but name and bind.").Otherwise("none"),
    Apart("upstreams", kSomeOfUpstreams, "For each upstream, but endpoints.").Otherwise("none"),
    Apart("routes", kSomeOfRoutes, "For each route, but name, match and what it leads to.")
        .Otherwise("none"),
};
constexpr Shape kDefaults = Mapping<FileDefaults>(
    "a mapping such as {routes: {timeouts: {first_byte: 10s}}}", kDefaultsKeys);
// include: the files are read by include.h.
constexpr Shape kGlob = {
    .kind = Kind::kText,
    .expected = "the path of a file or a glob such as conf.d/*.yaml",
    .check = IsFileGlob,
};
constexpr Shape kInclude = {
    .kind = Kind::kList,
    .expected = "a glob such as conf.d/*.yaml, or a list of 1 to 100 of them",
    .min = 1,
    .max = 100,
    .element = &kGlob,
    .short_form = &kGlob,
};
constexpr Key kFileKeys[] = {
    Field<&Config::workers>("workers", kWorkers,
                            "How many threads serve; auto follows CPU affinity and quota."),
    Field<&Config::status>("status", kStatus, "The read-only listener for health and metrics."),
    Custom<&ReadAccessLog, &WriteAccessLog>("access_log", kAccessLog,
                                            "One line per exchange, in one place or several."),
    Field<&Config::tracing>("tracing", kTracing,
                            "Where spans of sampled requests go, as far as their listener has "
                            "trace; off: nowhere."),
    Custom<&ReadVia, &WriteVia>(
        "via", kPseudonym,
        "This gateway's name in the Via field, by which it knows loops; on for holdfast, off for "
        "no Via, since some origins answer those who send it uncompressed."),
    Apart("defaults", kDefaults,
          "What holds for each listener, upstream and route that does not say it itself. Mappings "
          "are merged key by key; a list is replaced as a whole.")
        .Otherwise("none"),
    Apart("include", kInclude,
          "Files with more listeners, upstreams and routes, which come after those of this one.")
        .Otherwise("none"),
    Field<&Config::listeners>("listeners", kListeners, "Where clients connect.").Required({}),
    Field<&Config::upstreams>("upstreams", kUpstreams, "Services by name."),
    Field<&Config::routes>("routes", kRoutes,
                           "Which request goes where; the most specific one is taken.")
        .Required({}),
    Field<&Config::drain>("drain", kDrain, "What happens after SIGTERM."),
    Field<&Config::dns>("dns", kDns, "How names of endpoints are looked up."),
    Field<&Config::max_buffered_bytes>(
        "max_buffered_bytes", kBufferedBytes,
        "Bytes of requests' bodies that one worker holds at a time for buffering and forward_auth; "
        "beyond it bodies are not waited for, and a request whose body forward_auth needs gets "
        "503."),
};
constexpr Shape kFile = Mapping<Config>("a mapping with the keys listeners and routes", kFileKeys);

}  // namespace

const Shape& FileShape() { return kFile; }

}  // namespace holdfast::config
