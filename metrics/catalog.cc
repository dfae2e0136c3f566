#include "metrics/catalog.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast::metrics {
namespace {

// The values of the labels "reason", "result" and "error" are the names of the enum that decides (a
// reuse refusal, a framing refusal, a close reason); deploy/REASONS.md explains them. The other
// labels have the values that the help lists, or are free text.
constexpr std::array<Description, kMetricCount> kCatalog = {{
    {Metric::kRequestsTotal,
     "holdfast_requests_total",
     Type::kCounter,
     Unit::kNone,
     {"listener", "route", "method", "code"},
     "Requests that have ended, by the status code that the client was sent: 499 if it left before "
     "one, 0 if the gateway cut it off before one."},
    {Metric::kRequestFirstByteSeconds,
     "holdfast_request_first_byte_seconds",
     Type::kHistogram,
     Unit::kNanoseconds,
     {"listener", "route"},
     "Time from a request's first byte to its response's first byte."},
    {Metric::kRequestDurationSeconds,
     "holdfast_request_duration_seconds",
     Type::kHistogram,
     Unit::kNanoseconds,
     {"listener", "route"},
     "Time from a request's first byte to its response's last byte."},
    {Metric::kRequestBytesTotal,
     "holdfast_request_bytes_total",
     Type::kCounter,
     Unit::kBytes,
     {"listener"},
     "Bytes read from clients."},
    {Metric::kResponseBytesTotal,
     "holdfast_response_bytes_total",
     Type::kCounter,
     Unit::kBytes,
     {"listener"},
     "Bytes written to clients."},

    {Metric::kClientConnections,
     "holdfast_client_connections",
     Type::kGauge,
     Unit::kNone,
     {"listener", "state"},
     "Open client connections by state: idle or active."},
    {Metric::kClientConnectionsAcceptedTotal,
     "holdfast_client_connections_accepted_total",
     Type::kCounter,
     Unit::kNone,
     {"listener"},
     "Client connections accepted."},
    {Metric::kClientConnectionsClosedTotal,
     "holdfast_client_connections_closed_total",
     Type::kCounter,
     Unit::kNone,
     {"listener", "reason"},
     "Client connections closed, by why they were not kept."},
    {Metric::kClientConnectionsRefusedTotal,
     "holdfast_client_connections_refused_total",
     Type::kCounter,
     Unit::kNone,
     {"listener", "reason"},
     "Times a listener stopped accepting, or gave a client up, because a limit was reached."},
    {Metric::kAcceptErrorsTotal,
     "holdfast_accept_errors_total",
     Type::kCounter,
     Unit::kNone,
     {"listener", "error"},
     "Failed accept calls by error, such as EMFILE."},

    {Metric::kUpstreamConnections,
     "holdfast_upstream_connections",
     Type::kGauge,
     Unit::kNone,
     {"upstream", "state"},
     "Upstream connections by state: idle, busy or connecting."},
    {Metric::kUpstreamConnectionsOpenedTotal,
     "holdfast_upstream_connections_opened_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "reason"},
     "Upstream connections opened, by why no kept one was used."},
    {Metric::kUpstreamConnectionsClosedTotal,
     "holdfast_upstream_connections_closed_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "reason"},
     "Upstream connections closed, by why they were not kept."},
    {Metric::kUpstreamCheckoutsTotal,
     "holdfast_upstream_checkouts_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "result"},
     "Requests for an upstream connection, by what the pool answered."},
    {Metric::kUpstreamReuseRatio,
     "holdfast_upstream_reuse_ratio",
     Type::kGauge,
     Unit::kMillionths,
     {"upstream"},
     "Share of the requests that were given a connection which got a kept one, since the start."},
    {Metric::kUpstreamIdleExpirySeconds,
     "holdfast_upstream_idle_expiry_seconds",
     Type::kGauge,
     Unit::kNanoseconds,
     {"upstream"},
     "How long a connection is kept idle: idle_timeout, or with auto what was learned of the "
     "upstream. Absent with off."},
    {Metric::kUpstreamWaiters,
     "holdfast_upstream_waiters",
     Type::kGauge,
     Unit::kNone,
     {"upstream"},
     "Requests waiting for an upstream connection."},
    {Metric::kUpstreamRetriesTotal,
     "holdfast_upstream_retries_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "result"},
     "Requests that an upstream failed, by whether they were sent again and why (or why not)."},
    {Metric::kUpstreamRequestFailuresTotal,
     "holdfast_upstream_request_failures_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "reason"},
     "Requests for which the upstream gave no usable response."},
    {Metric::kUpstreamEndpoints,
     "holdfast_upstream_endpoints",
     Type::kGauge,
     Unit::kNone,
     {"upstream", "state"},
     "Endpoints by state: up, unhealthy, ejected, drained or maintenance."},
    {Metric::kUpstreamEndpointUp,
     "holdfast_upstream_endpoint_up",
     Type::kGauge,
     Unit::kNone,
     {"upstream", "endpoint"},
     "1 if the endpoint may get requests, 0 if it is left out."},
    {Metric::kUpstreamEndpointStateChangesTotal,
     "holdfast_upstream_endpoint_state_changes_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "endpoint", "state"},
     "Times an endpoint came into a state."},
    {Metric::kUpstreamEjectionsTotal,
     "holdfast_upstream_ejections_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "result"},
     "Endpoints that failed requests in a row, by whether they were ejected or why not."},
    {Metric::kHealthChecksTotal,
     "holdfast_health_checks_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "endpoint", "result"},
     "Health checks made, by result."},
    {Metric::kDnsLookupsTotal,
     "holdfast_dns_lookups_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream", "result"},
     "Look-ups of upstream names by result."},
    {Metric::kDnsNameFailuresTotal,
     "holdfast_dns_name_failures_total",
     Type::kCounter,
     Unit::kNone,
     {"name"},
     "Look-ups of a name that brought no address."},
    {Metric::kDnsNameLastSuccessTimestampSeconds,
     "holdfast_dns_name_last_success_timestamp_seconds",
     Type::kGauge,
     Unit::kSeconds,
     {"name"},
     "Unix time of the last look-up of a name that brought an address, 0 before the first."},

    {Metric::kFramingRefusalsTotal,
     "holdfast_framing_refusals_total",
     Type::kCounter,
     Unit::kNone,
     {"side", "reason"},
     "Messages refused for their framing, by the side (client or upstream) that sent them."},
    {Metric::kTunnels,
     "holdfast_tunnels",
     Type::kGauge,
     Unit::kNone,
     {"upstream"},
     "Open tunnels of upgraded connections."},
    {Metric::kTunnelsTotal,
     "holdfast_tunnels_total",
     Type::kCounter,
     Unit::kNone,
     {"upstream"},
     "Tunnels opened for upgraded connections."},
    {Metric::kAccessLogDroppedTotal,
     "holdfast_access_log_dropped_total",
     Type::kCounter,
     Unit::kNone,
     {},
     "Access log lines dropped because the log could not keep up."},
    {Metric::kAccessLogWrittenTotal,
     "holdfast_access_log_written_total",
     Type::kCounter,
     Unit::kNone,
     {},
     "Access log lines written."},

    {Metric::kLoopTurnsTotal,
     "holdfast_loop_turns_total",
     Type::kCounter,
     Unit::kNone,
     {"worker"},
     "Turns of a worker's event loop."},
    {Metric::kLoopBusySecondsTotal,
     "holdfast_loop_busy_seconds_total",
     Type::kCounter,
     Unit::kNanoseconds,
     {"worker"},
     "Time a worker's event loop spent not waiting for events."},
    {Metric::kLoopTimersFiredTotal,
     "holdfast_loop_timers_fired_total",
     Type::kCounter,
     Unit::kNone,
     {"worker"},
     "Timers that fired in a worker's event loop."},

    {Metric::kConfigReloadsTotal,
     "holdfast_config_reloads_total",
     Type::kCounter,
     Unit::kNone,
     {"result"},
     "Configuration reloads by result."},
    {Metric::kConfigLastReloadSuccessful,
     "holdfast_config_last_reload_successful",
     Type::kGauge,
     Unit::kNone,
     {},
     "1 if the last configuration, at the start or by a reload, was adopted, 0 if it was refused."},
    {Metric::kConfigLastReloadTimestampSeconds,
     "holdfast_config_last_reload_timestamp_seconds",
     Type::kGauge,
     Unit::kSeconds,
     {},
     "Unix time at which the configuration in force was adopted, at the start or by a reload."},
    {Metric::kBuildInfo,
     "holdfast_build_info",
     Type::kGauge,
     Unit::kNone,
     {"version", "commit", "compiler"},
     "Always 1; the labels say what is running."},
    {Metric::kWorkers, "holdfast_workers", Type::kGauge, Unit::kNone, {}, "Worker threads."},

    // Named as every Prometheus client library names them, so that common dashboards work.
    {Metric::kProcessCpuSecondsTotal,
     "process_cpu_seconds_total",
     Type::kCounter,
     Unit::kNanoseconds,
     {},
     "User and system CPU time spent."},
    {Metric::kProcessResidentMemoryBytes,
     "process_resident_memory_bytes",
     Type::kGauge,
     Unit::kBytes,
     {},
     "Resident memory size."},
    {Metric::kProcessVirtualMemoryBytes,
     "process_virtual_memory_bytes",
     Type::kGauge,
     Unit::kBytes,
     {},
     "Virtual memory size."},
    {Metric::kProcessOpenFds,
     "process_open_fds",
     Type::kGauge,
     Unit::kNone,
     {},
     "Open file descriptors."},
    {Metric::kProcessMaxFds,
     "process_max_fds",
     Type::kGauge,
     Unit::kNone,
     {},
     "The most file descriptors the process may open."},
    {Metric::kProcessStartTimeSeconds,
     "process_start_time_seconds",
     Type::kGauge,
     Unit::kNanoseconds,
     {},
     "Unix time at which the process started."},
}};

constexpr bool RowsFollowTheEnum() {
  for (size_t i = 0; i < kCatalog.size(); ++i) {
    if (IndexOf(kCatalog[i].metric) != i || kCatalog[i].name.empty()) return false;
  }
  return true;
}

// The serializer writes HELP as it is, so a help text holds nothing that needs escaping.
constexpr bool HelpNeedsNoEscaping() {
  for (const Description& row : kCatalog) {
    if (row.help.empty() || row.help.find_first_of("\\\n") != row.help.npos) return false;
  }
  return true;
}

constexpr bool HistogramsCountNanoseconds() {
  for (const Description& row : kCatalog) {
    if (row.type == Type::kHistogram && row.unit != Unit::kNanoseconds) return false;
  }
  return true;
}

static_assert(RowsFollowTheEnum(), "each Metric needs its row, in the order of the enum");
static_assert(HelpNeedsNoEscaping(), "a help text is missing, or holds a backslash or a newline");
static_assert(HistogramsCountNanoseconds(), "Histogram observes nanoseconds");

}  // namespace

const Description& Describe(Metric metric) { return kCatalog.at(IndexOf(metric)); }

std::span<const Description> AllMetrics() { return kCatalog; }

void AbortMisuse(Metric metric, std::string_view what) {
  const std::string_view name = Describe(metric).name;
  std::fprintf(stderr, "metric %.*s: %.*s\n", static_cast<int>(name.size()), name.data(),
               static_cast<int>(what.size()), what.data());
  std::abort();
}

void CheckLabelCount(Metric metric, size_t count) {
  if (count == Describe(metric).labels.size()) return;
  AbortMisuse(metric, "given " + std::to_string(count) + " label values, has " +
                          std::to_string(Describe(metric).labels.size()) + " labels");
}

}  // namespace holdfast::metrics
