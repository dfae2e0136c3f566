#ifndef HOLDFAST_GATEWAY_CONFIG_LOAD_H_
#define HOLDFAST_GATEWAY_CONFIG_LOAD_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"
#include "gateway/config/file_access.h"

namespace holdfast::config {

struct LoadResult {
  std::optional<Config> config;         // absent when there is an error
  std::vector<Diagnostic> diagnostics;  // in the files' order; warnings may come with a config
  std::vector<Diagnostic> notes;  // what a check tells: what globs found, who may read secrets
};

// Reads YAML text. `file_name` appears in the diagnostics, and what the text includes is beside it.
// It is safe on any bytes: the size, the nesting and the number of reported errors are bounded, and
// it looks at nothing outside the text but the variables and files that it names; without `files`
// at none of these.
LoadResult LoadConfig(std::string_view text, std::string_view file_name,
                      const Environment& environment = OfThisProcess, const FileAccess& files = {});

// Reads a file and those that it includes or has secrets in. If it cannot be read there is one
// error without a position. It warns of what the configuration needs and this machine lacks.
LoadResult LoadConfigFile(const std::string& path, const FileAccess& files = FilesOfThisMachine());

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_LOAD_H_
