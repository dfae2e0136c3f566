#include "gateway/config/foreign_keys.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>

#include "gateway/config/text_checks.h"

namespace holdfast::config {
namespace {

struct Hint {
  std::span<const std::string_view> keys;
  std::string_view text;
};

constexpr std::string_view kTls[] = {"ssl",
                                     "https",
                                     "tls_certificates",
                                     "tls_context",
                                     "certs",
                                     "ssl_certificate",
                                     "ssl_certificate_key",
                                     "ssl_protocols",
                                     "ssl_ciphers",
                                     "crt",
                                     "proxy_ssl_name",
                                     "sni"};
constexpr std::string_view kAcme[] = {
    "letsencrypt",  "lets_encrypt",         "autocert",         "auto_https", "automatic_https",
    "certresolver", "cert_resolver",        "certbot",          "acme_ca",    "acme_server",
    "acme_client",  "acme_issuer",          "acme_certificate", "issuers",    "on_demand_tls",
    "auto_ssl",     "certificatesresolvers"};
constexpr std::string_view kRegex[] = {"path_regexp", "path_re",      "safe_regex",
                                       "path_reg",    "path_pattern", "path_separated_prefix"};
constexpr std::string_view kSplit[] = {
    "weights",       "weighted_clusters", "upstreams",    "weighted_upstreams",
    "traffic_split", "split_clients",     "backend_refs", "canary"};
constexpr std::string_view kMatchMore[] = {"query_params", "query_parameters", "cookies",
                                           "client_ip",    "source_ip",        "remote_address"};
constexpr std::string_view kRewrite[] = {"prefix_rewrite", "url_rewrite",   "strip_prefix",
                                         "path_rewrite",   "regex_rewrite", "replace_prefix",
                                         "strip_path",     "add_prefix",    "host_rewrite",
                                         "host_header",    "preserve_host", "proxy_set_header"};
constexpr std::string_view kFields[] = {"add_header",
                                        "add_headers",
                                        "set_headers",
                                        "request_headers_to_add",
                                        "response_headers_to_add",
                                        "remove_headers"};
constexpr std::string_view kLimits[] = {"rate_limits", "ratelimit", "limit_req", "throttle",
                                        "local_ratelimit"};
constexpr std::string_view kAuth[] = {"oauth2", "oidc", "ext_authz", "auth_request", "rbac"};
constexpr std::string_view kTokens[] = {"auth_jwt", "jwt_authn", "jwt_auth", "jwks_uri", "bearer"};
constexpr std::string_view kBasic[] = {"auth", "auth_basic", "basicauth", "auth_basic_user_file",
                                       "http_basic"};
constexpr std::string_view kCompress[] = {"gzip",       "compress", "brotli",
                                          "gzip_types", "encode",   "compressor"};
constexpr std::string_view kCross[] = {"cors_policy", "cross_origin", "allow_origin"};
constexpr std::string_view kMethod[] = {"method"};
constexpr std::string_view kNetworks[] = {"acl",       "ip_allow",  "allow_list",
                                          "deny_list", "whitelist", "blacklist"};
constexpr std::string_view kContent[] = {"cache", "proxy_cache", "root", "static", "file_server"};
constexpr std::string_view kMirrors[] = {
    "mirrors",   "mirroring",      "mirror_target", "shadow",
    "shadowing", "request_mirror", "mirror_to",     "request_mirror_policies"};
constexpr std::string_view kErrors[] = {"error_page", "errorfile", "http_errors", "handle_errors",
                                        "local_reply_config"};
constexpr std::string_view kHttp2[] = {
    "http2",      "h2",       "h2c", "http_version", "alpn_protocol", "http2_protocol_options",
    "codec_type", "protocol", "grpc"};
constexpr std::string_view kStreams[] = {"http2_max_concurrent_streams", "max_streams",
                                         "concurrent_streams"};
constexpr std::string_view kProtocols[] = {"http3", "quic", "stream", "udp"};
constexpr std::string_view kProxyProtocol[] = {"accept_proxy", "send_proxy", "send_proxy_v2",
                                               "proxyprotocol", "proxy_header"};
constexpr std::string_view kTcp[] = {
    "so_keepalive", "tcp_keepalive", "keepalive_time",   "clitcpka",    "srvtcpka",
    "tcp_ut",       "tcp_backlog",   "tcp_user_timeout", "tcp_nodelay", "socket_options"};
constexpr std::string_view kWebSocket[] = {"websocket", "websockets", "upgrade_configs",
                                           "allow_upgrade"};
constexpr std::string_view kSticky[] = {"sticky",          "session_affinity", "sticky_session",
                                        "sticky_sessions", "affinity",         "ip_hash",
                                        "hash_policy",     "stick_table",      "persistence"};
constexpr std::string_view kAdmin[] = {"admin", "api", "dashboard"};
constexpr std::string_view kIds[] = {"request_ids",    "x_request_id",     "generate_request_id",
                                     "correlation_id", "unique_id_header", "unique_id_format"};
constexpr std::string_view kTracing[] = {"tracing", "opentelemetry", "otel", "zipkin"};
constexpr std::string_view kInclude[] = {"includes", "import", "conf_d"};
constexpr std::string_view kLogLevel[] = {"log", "logs", "logging", "log_level", "error_log"};
constexpr std::string_view kLogLines[] = {"log_format", "access_logs", "sample_rate", "sampling"};
constexpr std::string_view kMetrics[] = {"metrics", "prometheus", "stats", "health", "ready"};
constexpr std::string_view kUser[] = {"user", "group", "daemon", "chroot", "pid", "pid_file"};
constexpr std::string_view kBind[] = {"listen", "port", "ports", "server"};
constexpr std::string_view kEndpoints[] = {"servers", "backends", "backend",    "targets",
                                           "url",     "urls",     "hosts_list", "load_assignment",
                                           "members"};
constexpr std::string_view kUpstream[] = {"proxy_pass",    "cluster",    "service",
                                          "reverse_proxy", "forward_to", "destination"};
constexpr std::string_view kClusters[] = {"clusters", "services"};
constexpr std::string_view kHosts[] = {"server_names", "domains", "virtual_hosts", "hostnames",
                                       "domain"};
constexpr std::string_view kPath[] = {"prefix", "location", "locations", "uri"};
constexpr std::string_view kSlashes[] = {
    "normalize_path",  "path_normalization", "path_with_escaped_slashes_action",
    "encoded_slashes", "encoded_characters", "sanitize_path"};
constexpr std::string_view kBalance[] = {
    "lb", "lb_policy", "load_balancer", "load_balancing", "algorithm", "policy"};
constexpr std::string_view kKeep[] = {"keepalive", "keep_alive", "keepalive_timeout",
                                      "keepalive_requests", "max_idle_conns"};
constexpr std::string_view kTimes[] = {
    "timeout",       "proxy_read_timeout", "proxy_send_timeout", "read_timeout",
    "write_timeout", "request_timeout",    "response_timeout",   "send_timeout"};
constexpr std::string_view kBody[] = {"client_max_body_size", "max_body_size", "body_limit",
                                      "max_request_bytes"};
constexpr std::string_view kWholeBody[] = {"proxy_request_buffering", "request_buffering",
                                           "client_body_buffer_size", "with_request_body",
                                           "forward_body"};
constexpr std::string_view kHealth[] = {"max_fails", "fail_timeout", "outlier_detection",
                                        "passive_health_check"};
constexpr std::string_view kBreakers[] = {"circuit_breaker", "circuit_breakers", "thresholds"};
constexpr std::string_view kConnections[] = {"maxconn", "max_conns", "worker_connections",
                                             "max_clients"};
constexpr std::string_view kPerClient[] = {"limit_conn", "limit_conn_zone", "limit_conn_per_ip",
                                           "max_connections_per_ip", "maxconn_per_ip"};
constexpr std::string_view kInFlight[] = {"in_flight_req", "inflightreq", "max_requests_in_flight",
                                          "max_concurrent_requests", "concurrency_limit"};
constexpr std::string_view kListeners[] = {"frontend", "frontends", "entrypoints"};
constexpr std::string_view kConnect[] = {"proxy_connect_timeout", "dial_timeout"};
constexpr std::string_view kRetries[] = {"num_retries", "proxy_next_upstream", "redispatch"};
constexpr std::string_view kDns[] = {"resolver", "resolvers", "nameserver", "nameservers"};
constexpr std::string_view kForwarded[] = {
    "real_ip",    "set_real_ip_from", "x_forwarded_for",      "forwarded",
    "forwardfor", "real_ip_header",   "xff_num_trusted_hops", "x_real_ip"};
constexpr std::string_view kIdentity[] = {"forward_client_cert_details",
                                          "set_current_client_cert_details",
                                          "xfcc",
                                          "pass_tls_client_cert",
                                          "ssl_client_cert",
                                          "client_cert_header"};
constexpr std::string_view kVerifyClient[] = {"ssl_verify_client", "verify_client",
                                              "require_client_certificate", "mtls"};
constexpr std::string_view kWorkers[] = {"worker_processes", "threads", "nbthread", "concurrency"};

constexpr Hint kHints[] = {
    {kAcme, "see acme of a listener's tls ({acme: {storage: DIR}})"},
    {kTls,
     "see tls of a listener ({certificates: [{cert: FILE, key: FILE}]}) and tls of an upstream"},
    {kRegex,
     "see path_regex of a route's match, and regex of its headers and query (RE2's syntax)"},
    {kSplit,
     "see split of a route, such as [{upstream: v1, weight: 9}, {upstream: v2, weight: 1}]"},
    {kMatchMore,
     "see headers, query and clients in a route's match, such as {headers: {x-a: {exact: b}}}"},
    {kRewrite, "see rewrite of a route ({path_prefix: /new/, host: NAME}) and host of an upstream"},
    {kFields,
     "see request_headers and response_headers of a route, such as {set: {x-a: b}, remove: [x-c]}"},
    {kLimits, "see rate_limit of a route ({requests: 100, per: 1s}), max_connections and breakers"},
    {kBasic, "see basic_auth of a route ({file: FILE}), with a file that htpasswd -B writes"},
    {kCompress, "see compression of a route ({algorithms: [zstd, br, gzip]})"},
    {kCross, "see cors of a route ({allow_origins: [\"https://app.example.com\"]})"},
    {kMethod, "see methods of a route's match, a list such as [GET, POST]"},
    {kNetworks, "see allow and deny of a route, lists of networks"},
    {kTokens,
     "see jwt of a route ({jwks: FILE or URL, issuer: URL, audience: NAME, algorithms: "
     "[ES256]})"},
    {kAuth, "see forward_auth, jwt, basic_auth, allow, deny and client_certificate of a route"},
    {kContent,
     "no files are served, and content is passed on as it is; a route can answer by itself with "
     "respond"},
    {kMirrors, "see mirror of a route, such as {upstream: next, share: 0.1}"},
    {kErrors, "see error_pages of a listener ({404: FILE, 5xx: FILE}) and its errors"},
    {kHttp2, "see protocols of a listener ([h2, h1]) and protocol of an upstream (h1, h2 or auto)"},
    {kStreams,
     "see http2 of a listener ({max_concurrent_streams: 100}) and streams_per_connection of an "
     "upstream"},
    {kProtocols, "HTTP/1 and HTTP/2 are spoken, and nothing else"},
    {kProxyProtocol,
     "see proxy_protocol of a listener ({from: [192.0.2.0/24]}) and of an upstream (v1 or v2)"},
    {kTcp, "see tcp of a listener or of an upstream, such as {keepalive: 60s, user_timeout: off}"},
    {kWebSocket, "upgrades such as WebSocket need no key; see tunnel_idle_timeout"},
    {kSticky,
     "see balance of an upstream, such as {cookie: {name: backend}}, or maglev with hash: {cookie: "
     "session} or client_address"},
    {kAdmin, "there is no administrative port; SIGHUP reloads, and status is read only"},
    {kIds, "see request_id of a listener (keep or create)"},
    {kTracing, "see tracing of the file ({otlp: URL}) and trace of a listener ({sample: 0.01})"},
    {kInclude, "see include, such as include: conf.d/*.yaml, for files with more routes"},
    {kLogLevel, "the process log goes to stderr as it is; access_log is for requests"},
    {kLogLines, "see access_log, such as {path: FILE, format: combined, filter: {share: 0.01}}"},
    {kMetrics, "see status, which serves /metrics, /healthz and /readyz"},
    {kUser, "whoever starts the process chooses its user; it does not detach itself"},
    {kBind, "see bind of a listener, such as {bind: 0.0.0.0:8080}"},
    {kEndpoints, "see endpoints of an upstream, such as {endpoints: [\"web:8080\"]}"},
    {kUpstream, "see upstream of a route, the name of one of upstreams"},
    {kClusters, "see upstreams"},
    {kHosts, "see hosts in a route's match"},
    {kPath, "see path and path_prefix in a route's match"},
    {kSlashes, "see path of a listener, such as {normalize: merge_slashes, encoded_slash: reject}"},
    {kBalance, "see balance of an upstream"},
    {kKeep,
     "connections are kept by default; see idle_timeout, max_idle, max_requests and "
     "max_connection_age"},
    {kTimes,
     "see timeouts of a route ({first_byte: 30s, stall: 60s, total: off}), connect_timeout of an "
     "upstream, and head_timeout and body_timeout of a listener"},
    {kBody, "see max_request_body of a route"},
    {kWholeBody, "see buffering of a route ({request: 1MiB}), and body of its forward_auth"},
    {kHealth, "see outlier of an upstream"},
    {kBreakers, "see breakers of an upstream"},
    {kConnections, "see max_connections of a listener or of an upstream"},
    {kPerClient, "see max_connections_per_client of a listener"},
    {kInFlight, "see max_in_flight of a route, such as {requests: 100, queue: {timeout: 3s}}"},
    {kListeners, "see listeners and routes"},
    {kConnect, "see connect_timeout of an upstream"},
    {kRetries, "see retry of a route"},
    {kDns, "see dns, such as {servers: [\"127.0.0.1:53\"]}"},
    {kForwarded,
     "see trusted_proxies and client_ip of a listener, and forwarded_headers of an upstream"},
    {kIdentity, "see client_certificate_headers of a listener, such as rfc9440"},
    {kVerifyClient,
     "see client_auth of a listener's tls, and client_certificate of a route's match"},
    {kWorkers, "see workers"},
};

}  // namespace

std::string_view ForeignKeyHint(std::string_view key) {
  std::string name = LowerCase(key);
  std::ranges::replace(name, '-', '_');
  for (const Hint& hint : kHints) {
    if (std::ranges::find(hint.keys, name) != hint.keys.end()) return hint.text;
  }
  return {};
}

}  // namespace holdfast::config
