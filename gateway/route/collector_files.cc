#include "gateway/route/collector_files.h"

#include <string>
#include <utility>

#include <absl/status/statusor.h>

#include "gateway/route/authorities_file.h"

namespace holdfast::route {

absl::Status LoadCollectorFiles(config::Config* config) {
  if (!config->tracing.has_value()) return absl::OkStatus();
  config::Tracing& tracing = *config->tracing;
  if (tracing.ca == config::Tracing::kSystemAuthorities) return absl::OkStatus();
  absl::StatusOr<pool::TlsFile> authorities = ReadAuthoritiesFile(tracing.ca);
  if (!authorities.ok()) {
    return absl::Status(authorities.status().code(),
                        "tracing: " + std::string(authorities.status().message()));
  }
  tracing.authorities = *std::move(authorities);
  return absl::OkStatus();
}

}  // namespace holdfast::route
