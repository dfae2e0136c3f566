#ifndef HOLDFAST_GATEWAY_TLS_TLS_PLAN_H_
#define HOLDFAST_GATEWAY_TLS_TLS_PLAN_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "gateway/tls/stand_ins.h"
#include "pool/tls/certificate_facts.h"
#include "pool/tls/tls_material.h"

namespace holdfast::tls {

// What the files that a configuration names for TLS hold, read and parsed once for all workers.
// Immutable; any thread; the configuration's listeners and upstreams by their places.
struct TlsPlan {
  std::vector<std::shared_ptr<const pool::TlsServerMaterial>> listeners;  // null: plain
  std::vector<std::shared_ptr<const pool::TlsClientMaterial>> upstreams;  // null: plain
  // Of the upstreams' health checks, where those speak another protocol; null: as the upstream.
  std::vector<std::shared_ptr<const pool::TlsClientMaterial>> checks;
  // Files of secrets that others than their owner may read: a sentence each.
  std::vector<std::string> exposed;
  // What ACME has not brought yet, a sentence for each listener, and for each file that does not
  // do.
  std::vector<std::string> awaited;
  // Names that ACME is asked for though a certificate in a file is for them, a sentence each.
  std::vector<std::string> doubled;
};

// Reads them all, and tells the upstreams' connections what they have to be (ClusterOptions::tls).
// The error has a line for each thing that is wrong, at most kMaxTlsErrors and one that counts the
// rest; each names the file, and the listener or upstream that it is for. NotFound: all that is
// wrong is that files are missing. What is in ACME's storage is never an error: a name whose file
// does not do keeps the certificate that was read last, until it has ended at `now`, and else has a
// temporary one, unless another of the listener's is for it. Fills ListenerAcme::covered. Blocks on
// files; main thread.
inline constexpr size_t kMaxTlsErrors = 20;
absl::StatusOr<TlsPlan> LoadTls(config::Config* config, StandIns* stand_ins, pool::WallTime now);

// The files that LoadTls reads for this configuration, each once.
std::vector<std::string> FilesOf(const config::Config& config);

// Whether both were made of files and settings that say the same. Pure.
bool SameTls(const TlsPlan& a, const TlsPlan& b);

// What is worth a warning at `now`: certificates that have expired or will within kExpiryWarning,
// hosts of routes that a TLS listener has no certificate for, names that have two, and settings
// that this library does not know. A sentence each. Pure.
inline constexpr pool::Duration kExpiryWarning = std::chrono::hours(14 * 24);
std::vector<std::string> TlsWarnings(const config::Config& config, const TlsPlan& plan,
                                     pool::WallTime now);

}  // namespace holdfast::tls

#endif  // HOLDFAST_GATEWAY_TLS_TLS_PLAN_H_
