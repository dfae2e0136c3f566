// A configuration file, and behind a NUL one that it may include. There is a configuration or an
// error, never both or neither; what is said about a file is bounded, is inside it, and does not
// change. No file of this machine is read.

#include <algorithm>
#include <string>
#include <vector>

#include "gateway/config/load.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

constexpr char kIncluded[] = "included.yaml";

// Finds the same for every glob, and reads it for every path.
config::FileAccess OneFile(std::string_view text) {
  return {.find = [](const std::string&) -> absl::StatusOr<std::vector<std::string>> {
            return std::vector<std::string>{kIncluded};
          },
          .read = [text](const std::string& path, size_t) -> absl::StatusOr<std::string> {
            if (path != kIncluded) return absl::NotFoundError("there is none");
            return std::string(text);
          }};
}

config::LoadResult Load(std::string_view text) {
  const size_t nul = text.find('\0');
  if (nul == text.npos) return config::LoadConfig(text, "fuzz.yaml");
  return config::LoadConfig(text.substr(0, nul), "fuzz.yaml", config::OfThisProcess,
                            OneFile(text.substr(nul + 1)));
}

void CheckDiagnostics(const config::LoadResult& result) {
  bool errors = false;
  for (const config::Diagnostic& diagnostic : result.diagnostics) {
    errors |= diagnostic.severity == config::Severity::kError;
    HOLDFAST_PROPERTY(!diagnostic.message.empty());
    HOLDFAST_PROPERTY(diagnostic.file == "fuzz.yaml" || diagnostic.file == kIncluded);
  }
  HOLDFAST_PROPERTY(errors != result.config.has_value());
  // One more line tells how many errors were left out.
  HOLDFAST_PROPERTY(result.diagnostics.size() <=
                    config::Report::kMaxErrors + config::Report::kMaxWarnings + 1);
}

void CheckConfig(const config::Config& config) {
  HOLDFAST_PROPERTY(!config.listeners.empty());
  HOLDFAST_PROPERTY(config.listeners.size() <= config::kMaxListeners);
  for (const config::Route& route : config.routes) {
    for (const uint32_t listener : route.match.listeners) {
      HOLDFAST_PROPERTY(listener < config.listeners.size());
    }
    if (route.action == config::Action::kUpstream) {
      HOLDFAST_PROPERTY(route.upstream < config.upstreams.size());
    }
    HOLDFAST_PROPERTY(route.retry.backoff <= route.retry.max_backoff);
  }
  for (const config::Upstream& upstream : config.upstreams) {
    HOLDFAST_PROPERTY(!std::ranges::all_of(upstream.endpoints, &config::Endpoint::backup));
    HOLDFAST_PROPERTY(!upstream.health_check ||
                      upstream.health_check->timeout <= upstream.health_check->interval);
    HOLDFAST_PROPERTY(!upstream.cluster.outlier ||
                      upstream.cluster.outlier->base_time <= upstream.cluster.outlier->max_time);
  }
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  const std::string_view text = fuzz::AsText(data, size);
  const config::LoadResult result = fuzz::Load(text);
  fuzz::CheckDiagnostics(result);
  if (result.config) fuzz::CheckConfig(*result.config);
  const config::LoadResult again = fuzz::Load(text);
  HOLDFAST_PROPERTY(config::FormatDiagnostics(result.diagnostics) ==
                    config::FormatDiagnostics(again.diagnostics));
  return 0;
}
