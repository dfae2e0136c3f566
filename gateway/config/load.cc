#include "gateway/config/load.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "gateway/config/build.h"
#include "gateway/config/file_defaults.h"
#include "gateway/config/file_text.h"
#include "gateway/config/include.h"
#include "gateway/config/schema.h"
#include "gateway/config/secret_files.h"
#include "gateway/config/shape_check.h"
#include "gateway/config/surroundings.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {
namespace {

void AddSurroundings(const std::string& path, LoadResult* result) {
  for (std::string& message : MissingSurroundings(*result->config)) {
    result->diagnostics.push_back({.severity = Severity::kWarning,
                                   .file = path,
                                   .position = {},
                                   .message = std::move(message),
                                   .source = {}});
  }
}

Config BuildFile(YamlNode root, const FileAccess& files, Report* report) {
  ReadSecretFiles(files, &root, report);
  ApplyFileDefaults(&root, report);
  CheckShape(root, FileShape(), report);
  return BuildConfig(root, report);
}

}  // namespace

LoadResult LoadConfig(std::string_view text, std::string_view file_name,
                      const Environment& environment, const FileAccess& files) {
  Report report(text, file_name);
  LoadResult result;
  if (std::optional<YamlNode> root = ReadWithIncludes(environment, files, &report)) {
    if (root->kind == YamlNode::Kind::kNull) {
      report.Error({}, "the file is empty; expected " + Expectation(FileShape()));
    } else {
      result.config = BuildFile(*std::move(root), files, &report);
    }
  }
  if (report.has_errors()) result.config.reset();
  result.diagnostics = report.Take();
  result.notes = report.TakeNotes();
  return result;
}

LoadResult LoadConfigFile(const std::string& path, const FileAccess& files) {
  // One byte more than the parser takes, which then says so.
  const std::optional<std::string> text = ReadFileText(path, kMaxYamlBytes);
  if (text) {
    LoadResult result = LoadConfig(*text, path, OfThisProcess, files);
    if (result.config) AddSurroundings(path, &result);
    return result;
  }
  Report report({}, path);
  report.Error({}, std::string("cannot be read: ") + std::strerror(errno));
  return {.config = std::nullopt, .diagnostics = report.Take(), .notes = {}};
}

}  // namespace holdfast::config
