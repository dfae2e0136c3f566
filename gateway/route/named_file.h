#ifndef HOLDFAST_GATEWAY_ROUTE_NAMED_FILE_H_
#define HOLDFAST_GATEWAY_ROUTE_NAMED_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace holdfast::route {

// What a file that the configuration names holds: a regular one of at most `max_bytes`, which
// `limit` puts in words ("64 KiB"). Otherwise an error that begins with the path: kNotFound where
// nothing is there, kInvalidArgument for the rest. Blocks; main thread.
absl::StatusOr<std::string> ReadNamedFile(const std::string& path, size_t max_bytes,
                                          std::string_view limit);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_NAMED_FILE_H_
