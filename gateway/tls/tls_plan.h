#ifndef HOLDFAST_GATEWAY_TLS_TLS_PLAN_H_
#define HOLDFAST_GATEWAY_TLS_TLS_PLAN_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "pool/tls/certificate_facts.h"
#include "pool/tls/tls_material.h"

namespace holdfast::tls {

// What the files that a configuration names for TLS hold, read and parsed once for all workers.
// Immutable; any thread; the configuration's listeners and upstreams by their places.
struct TlsPlan {
  std::vector<std::shared_ptr<const pool::TlsServerMaterial>> listeners;  // null: plain
  std::vector<std::shared_ptr<const pool::TlsClientMaterial>> upstreams;  // null: plain
};

// Reads them all, and tells the upstreams' connections what they have to be (ClusterOptions::tls).
// The error names the file, and the listener or upstream that it is for; NotFound when there is
// no such file. Blocks on files; main thread.
absl::StatusOr<TlsPlan> LoadTls(config::Config* config);

// What is worth a warning at `now`: certificates that have expired or will within kExpiryWarning,
// hosts of routes that a TLS listener has no certificate for, and settings that this library does
// not know. A sentence each. Pure.
inline constexpr pool::Duration kExpiryWarning = std::chrono::hours(14 * 24);
std::vector<std::string> TlsWarnings(const config::Config& config, const TlsPlan& plan,
                                     pool::WallTime now);

}  // namespace holdfast::tls

#endif  // HOLDFAST_GATEWAY_TLS_TLS_PLAN_H_
