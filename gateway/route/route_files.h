#ifndef HOLDFAST_GATEWAY_ROUTE_ROUTE_FILES_H_
#define HOLDFAST_GATEWAY_ROUTE_ROUTE_FILES_H_

#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/config/config.h"

namespace holdfast::route {

// Reads all files that routes name (users, keys), that `tracing` names, and that listeners answer
// with (pages), and gives them what is in there. The first kind that is wrong is the error, as its
// own reader has it; `*notes` get a sentence for each thing that is right and may surprise. Blocks;
// main thread.
absl::Status LoadRouteFiles(config::Config* config, std::vector<std::string>* notes);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_ROUTE_FILES_H_
