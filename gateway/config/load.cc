#include "gateway/config/load.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "gateway/config/build.h"
#include "gateway/config/schema.h"
#include "gateway/config/shape_check.h"
#include "gateway/config/surroundings.h"
#include "gateway/config/yaml_node.h"
#include "pool/net/socket.h"

namespace holdfast::config {
namespace {

// Reads up to one byte more than the parser takes, which then says so. On failure errno is the
// reason.
std::optional<std::string> ReadFile(const std::string& path) {
  const pool::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  std::string text(kMaxYamlBytes + 1, '\0');
  size_t used = 0;
  while (used < text.size()) {
    const ssize_t count = read(file.get(), text.data() + used, text.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    used += static_cast<size_t>(count);
  }
  text.resize(used);
  return text;
}

void AddSurroundings(const std::string& path, LoadResult* result) {
  for (std::string& message : MissingSurroundings(*result->config)) {
    result->diagnostics.push_back({.severity = Severity::kWarning,
                                   .file = path,
                                   .position = {},
                                   .message = std::move(message),
                                   .source = {}});
  }
}

}  // namespace

LoadResult LoadConfig(std::string_view text, std::string_view file_name) {
  Report report(text, file_name);
  LoadResult result;
  if (const std::optional<YamlNode> root = ParseYaml(text, &report)) {
    if (root->kind == YamlNode::Kind::kNull) {
      report.Error({}, "the file is empty; expected " + Expectation(FileShape()));
    } else {
      CheckShape(*root, FileShape(), &report);
      result.config = BuildConfig(*root, &report);
    }
  }
  if (report.has_errors()) result.config.reset();
  result.diagnostics = report.Take();
  return result;
}

LoadResult LoadConfigFile(const std::string& path) {
  const std::optional<std::string> text = ReadFile(path);
  if (text) {
    LoadResult result = LoadConfig(*text, path);
    if (result.config) AddSurroundings(path, &result);
    return result;
  }
  Report report({}, path);
  report.Error({}, std::string("cannot be read: ") + std::strerror(errno));
  return {.config = std::nullopt, .diagnostics = report.Take()};
}

}  // namespace holdfast::config
