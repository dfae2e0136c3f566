#ifndef HOLDFAST_GATEWAY_CONFIG_DEFAULTS_FILE_H_
#define HOLDFAST_GATEWAY_CONFIG_DEFAULTS_FILE_H_

#include <string>

namespace holdfast::config {

// A configuration file that says every default: `holdfast config defaults`. It loads, and means the
// same as a file with only what is required. What has no value of its own, or is switched off, is
// in comments.
std::string DefaultsFile();

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_DEFAULTS_FILE_H_
