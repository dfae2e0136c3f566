#ifndef HOLDFAST_GATEWAY_ROUTE_AUTHORITIES_FILE_H_
#define HOLDFAST_GATEWAY_ROUTE_AUTHORITIES_FILE_H_

#include <string>

#include <absl/status/statusor.h>

#include "pool/tls/tls_settings.h"

namespace holdfast::route {

// A PEM file of those who may vouch for a server that the gateway itself asks something. The error
// begins with the path and is as ReadNamedFile has it; a file by which nobody can be verified is
// kInvalidArgument, too. Blocks; main thread.
absl::StatusOr<pool::TlsFile> ReadAuthoritiesFile(const std::string& path);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_AUTHORITIES_FILE_H_
