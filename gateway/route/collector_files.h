#ifndef HOLDFAST_GATEWAY_ROUTE_COLLECTOR_FILES_H_
#define HOLDFAST_GATEWAY_ROUTE_COLLECTOR_FILES_H_

#include <absl/status/status.h>

#include "gateway/config/config.h"

namespace holdfast::route {

// Reads the file that `tracing` names for who may vouch for the collector, if it names one. The
// error is one line, "tracing: PATH: ..."; NotFound: the file is missing. Blocks; main thread.
absl::Status LoadCollectorFiles(config::Config* config);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_COLLECTOR_FILES_H_
