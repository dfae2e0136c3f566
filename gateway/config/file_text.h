#ifndef HOLDFAST_GATEWAY_CONFIG_FILE_TEXT_H_
#define HOLDFAST_GATEWAY_CONFIG_FILE_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::config {

// What a file holds, and of one with more than `max_bytes` one byte more than that. nullopt: it
// can't be read, and errno says why. Blocks.
std::optional<std::string> ReadFileText(const std::string& path, size_t max_bytes);

// It is there and no regular file: to read from it (a pipe, a device) may have no end.
bool IsIrregular(const std::string& path);

// It is there, and others than its owner and group may read it, or others than its owner change it:
// what a secret is worth is what the least of its readers is.
bool IsExposed(const std::string& path);
// What is said of such a one, behind its path.
inline constexpr std::string_view kExposed =
    "others than its owner and group can read or change it";

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_FILE_TEXT_H_
