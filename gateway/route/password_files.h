#ifndef HOLDFAST_GATEWAY_ROUTE_PASSWORD_FILES_H_
#define HOLDFAST_GATEWAY_ROUTE_PASSWORD_FILES_H_

#include <absl/status/status.h>

#include "gateway/config/config.h"

namespace holdfast::route {

// Reads the files of users that routes name, each once, and gives the routes what is in them. The
// error has a line "route NAME: PATH: ..." for each that is wrong; NotFound: all that is wrong is
// that files are missing. Blocks; main thread.
absl::Status LoadPasswordFiles(config::Config* config);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_PASSWORD_FILES_H_
