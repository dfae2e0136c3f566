#ifndef HOLDFAST_GATEWAY_ROUTE_KEY_FILES_H_
#define HOLDFAST_GATEWAY_ROUTE_KEY_FILES_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/auth/key_set.h"
#include "gateway/auth/token_rules.h"
#include "gateway/config/config.h"

namespace holdfast::route {

// Reads the files that routes name for tokens, each once, and gives the routes what is in them:
// keys, or who may vouch for the server that has the keys, which are left to GiveKeys then. The
// error has a line "route NAME: PATH: ..." for each that is wrong; NotFound: all that is wrong is
// that files are missing. Blocks; main thread.
absl::Status LoadKeyFiles(config::Config* config);

// From now on tokens are good by these.
void GiveKeys(std::shared_ptr<const auth::KeySet> keys, auth::TokenRules* rules);

// A sentence for each key of these files that is not used. After LoadKeyFiles.
std::vector<std::string> KeyFileNotes(const config::Config& config);

// A sentence for each URL of keys, about what a process with this configuration would do. Asks
// nobody.
std::vector<std::string> KeyUrlNotes(const config::Config& config);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_KEY_FILES_H_
