#ifndef HOLDFAST_METRICS_CATALOG_H_
#define HOLDFAST_METRICS_CATALOG_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::metrics {

// Every metric there is, named as it is exported. A new metric is one value here and one row, at
// the same place, in the table of catalog.cc; the compiler refuses one without the other.
enum class Metric {
  kRequestsTotal,
  kRequestFirstByteSeconds,
  kRequestDurationSeconds,
  kRequestBytesTotal,
  kResponseBytesTotal,
  kGrpcCallsTotal,
  kRequestFailuresTotal,

  kClientConnections,
  kClientConnectionsAcceptedTotal,
  kClientConnectionsClosedTotal,
  kClientConnectionsRefusedTotal,
  kClientConnectionsUncountedTotal,
  kClientStreams,
  kClientRequestsInFlight,
  kClientConnectionRequests,
  kClientConnectionsMax,
  kClientGlitchesTotal,
  kAcceptErrorsTotal,
  kClientTlsHandshakesTotal,
  kClientTlsSessionsTotal,
  kClientTlsHandshakeSeconds,
  kTlsCertificateExpiryTimestampSeconds,
  kAcmeOrdersTotal,
  kAcmeRenewalTimestampSeconds,
  kTlsFileReloadsTotal,
  kJwksFetchesTotal,
  kJwksLastSuccessTimestampSeconds,

  kUpstreamConnections,
  kUpstreamStreams,
  kUpstreamConnectionsOpenedTotal,
  kUpstreamConnectionsClosedTotal,
  kUpstreamTlsHandshakesTotal,
  kUpstreamTlsSessionsTotal,
  kUpstreamTlsHandshakeSeconds,
  kUpstreamCheckoutsTotal,
  kUpstreamReuseRatio,
  kUpstreamIdleExpirySeconds,
  kUpstreamWaiters,
  kUpstreamRetriesTotal,
  kUpstreamRequestFailuresTotal,
  kUpstreamFirstByteSeconds,
  kUpstreamConnectSeconds,
  kUpstreamQueueSeconds,
  kUpstreamConnectionRequests,
  kUpstreamRetriesInFlight,
  kUpstreamBreakerOpen,
  kUpstreamPanic,
  kUpstreamEndpoints,
  kUpstreamEndpointsAtCap,
  kUpstreamEndpointUp,
  kUpstreamEndpointRequestsTotal,
  kUpstreamEndpointConnections,
  kUpstreamEndpointStateChangesTotal,
  kUpstreamEjectionsTotal,
  kHealthChecksTotal,
  kDnsLookupsTotal,
  kDnsLookupSeconds,
  kDnsNameFailuresTotal,
  kDnsNameLastSuccessTimestampSeconds,

  kFramingRefusalsTotal,
  kRateLimitedRequestsTotal,
  kRouteInFlight,
  kRouteInFlightWaiting,
  kInFlightRequestsTotal,
  kSharedRateLimitSyncsTotal,
  kSharedRateLimitDroppedTotal,
  kSharedRateLimitUp,
  kAuthRequestsTotal,
  kRequestBufferingTotal,
  kMirrorRequestsTotal,
  kCompressionResponsesTotal,
  kCompressionInputBytesTotal,
  kCompressionOutputBytesTotal,
  kTunnels,
  kTunnelsTotal,
  kAccessLogDroppedTotal,
  kAccessLogWrittenTotal,
  kSpansTotal,

  kLoopTurnsTotal,
  kLoopBusySecondsTotal,
  kLoopTimersFiredTotal,

  kConfigReloadsTotal,
  kConfigLastReloadSuccessful,
  kConfigLastReloadTimestampSeconds,
  kBuildInfo,
  kWorkers,
  kReady,
  kDraining,
  kLimitUsed,
  kLimitMax,
  kMemoryBytes,
  kSeriesDroppedTotal,

  kProcessCpuSecondsTotal,
  kProcessResidentMemoryBytes,
  kProcessVirtualMemoryBytes,
  kProcessOpenFds,
  kProcessMaxFds,
  kProcessStartTimeSeconds,

  kCount,  // Not a metric; stays last.
};

inline constexpr size_t kMetricCount = static_cast<size_t>(Metric::kCount);

constexpr size_t IndexOf(Metric metric) { return static_cast<size_t>(metric); }

enum class Type { kCounter, kGauge, kHistogram };

// The unit that a cell counts in. Prometheus wants seconds and ratios. Cells are integers, so they
// count nanoseconds where a second is too coarse, and millionths of a ratio or of what a histogram
// of numbers counts; the export divides.
enum class Unit { kNone, kBytes, kSeconds, kNanoseconds, kMillionths };

// The label names of one metric, in the order in which values are given to it.
class LabelNames {
 public:
  static constexpr size_t kMax = 5;

  constexpr LabelNames() = default;
  constexpr LabelNames(std::initializer_list<std::string_view> names) : size_(names.size()) {
    std::copy(names.begin(), names.end(), names_.begin());
  }

  constexpr size_t size() const { return size_; }
  constexpr auto begin() const { return names_.begin(); }
  constexpr auto end() const { return names_.begin() + size_; }
  constexpr std::string_view operator[](size_t i) const { return names_[i]; }

 private:
  std::array<std::string_view, kMax> names_;
  size_t size_ = 0;
};

// One value for each label name. The values are valid UTF-8: a Prometheus server that meets one
// that is not refuses the whole scrape.
using LabelValues = std::vector<std::string>;

struct Description {
  Metric metric;
  std::string_view name;
  Type type;
  Unit unit;
  LabelNames labels;
  std::string_view help;

  // The exported number is the cell's divided by this.
  constexpr double divisor() const {
    return unit == Unit::kNanoseconds ? 1e9 : unit == Unit::kMillionths ? 1e6 : 1.0;
  }
};

const Description& Describe(Metric metric);

// The rows, in the order of the enum.
std::span<const Description> AllMetrics();

// Aborts and names the metric: what a caller asked for contradicts the metric's row.
[[noreturn]] void AbortMisuse(Metric metric, std::string_view what);

// Aborts unless `count` label values fit the metric's row.
void CheckLabelCount(Metric metric, size_t count);

}  // namespace holdfast::metrics

#endif  // HOLDFAST_METRICS_CATALOG_H_
