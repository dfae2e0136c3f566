#ifndef HOLDFAST_GATEWAY_CONFIG_SURROUNDINGS_H_
#define HOLDFAST_GATEWAY_CONFIG_SURROUNDINGS_H_

#include <string>
#include <vector>

#include <absl/status/status.h>

#include "gateway/config/config.h"

namespace holdfast::config {

// What a correct configuration needs and this machine does not have: the folders of UNIX sockets to
// listen on. These are sentences for warnings, because a file may be checked on another machine
// than the one for which it is meant.
std::vector<std::string> MissingSurroundings(const Config& config);

// kNotFound if a file of the access log could not be opened by this process, with a line for each:
// "access_log: PATH: cannot be opened: No such file or directory". It makes none.
absl::Status CheckLogFiles(const Config& config);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_SURROUNDINGS_H_
