#ifndef HOLDFAST_GATEWAY_CONFIG_FILE_TEXT_H_
#define HOLDFAST_GATEWAY_CONFIG_FILE_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>

namespace holdfast::config {

// What a file holds, and of one with more than `max_bytes` one byte more than that. nullopt: it
// can't be read, and errno says why. Blocks.
std::optional<std::string> ReadFileText(const std::string& path, size_t max_bytes);

// It is there and no regular file: to read from it (a pipe, a device) may have no end.
bool IsIrregular(const std::string& path);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_FILE_TEXT_H_
