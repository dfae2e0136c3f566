#ifndef HOLDFAST_GATEWAY_ROUTE_ERROR_PAGE_FILES_H_
#define HOLDFAST_GATEWAY_ROUTE_ERROR_PAGE_FILES_H_

#include <absl/status/status.h>

#include "gateway/config/config.h"

namespace holdfast::route {

// Reads the error pages that listeners name, each file once, and gives the listeners what is in
// them. The error has a line "listener NAME: PATH: ..." for each that is wrong; NotFound: all that
// is wrong is that files are missing. Blocks; main thread.
absl::Status LoadErrorPages(config::Config* config);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_ERROR_PAGE_FILES_H_
