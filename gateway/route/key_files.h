#ifndef HOLDFAST_GATEWAY_ROUTE_KEY_FILES_H_
#define HOLDFAST_GATEWAY_ROUTE_KEY_FILES_H_

#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/config/config.h"

namespace holdfast::route {

// Reads the files of keys that routes name for tokens, each once, and gives the routes what is in
// them. The error has a line "route NAME: PATH: ..." for each that is wrong; NotFound: all that is
// wrong is that files are missing. Blocks; main thread.
absl::Status LoadKeyFiles(config::Config* config);

// A sentence for each key of these files that is not used. After LoadKeyFiles.
std::vector<std::string> KeyFileNotes(const config::Config& config);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_KEY_FILES_H_
