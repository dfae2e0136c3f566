#include "gateway/config/surroundings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "gateway/config/diagnostic.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kUnix = "unix:";

void CheckFolder(const std::string& what, std::string_view path,
                 std::vector<std::string>* missing) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return;
  const std::string folder(path.substr(0, slash));
  struct stat facts {};
  if (stat(folder.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) return;
  missing->push_back(what + ": there is no folder " + Quoted(folder) + " on this machine");
}

void CheckBind(const std::string& what, const Bind& bind, std::vector<std::string>* missing) {
  if (bind.text.starts_with(kUnix)) {
    CheckFolder(what, std::string_view(bind.text).substr(kUnix.size()), missing);
  }
}

// Why a log's file could not be opened or made; null: it could.
const char* TroubleWith(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) == 0) {
    if (S_ISDIR(facts.st_mode)) return std::strerror(EISDIR);
    return access(path.c_str(), W_OK) == 0 ? nullptr : std::strerror(errno);
  }
  if (errno != ENOENT) return std::strerror(errno);
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  return access(folder.c_str(), W_OK | X_OK) == 0 ? nullptr : std::strerror(errno);
}

}  // namespace

absl::Status CheckLogFiles(const Config& config) {
  std::string lines;
  for (const AccessLog& log : config.access_log) {
    if (log.target != AccessLog::Target::kFile) continue;
    const char* const trouble = TroubleWith(log.path);
    if (trouble == nullptr) continue;
    lines += (lines.empty() ? "" : "\n") + ("access_log: " + log.path) +
             ": cannot be opened: " + trouble;
  }
  return lines.empty() ? absl::OkStatus() : absl::NotFoundError(lines);
}

std::vector<std::string> MissingSurroundings(const Config& config) {
  std::vector<std::string> missing;
  for (const Listener& listener : config.listeners) {
    CheckBind("listener " + listener.name, listener.bind, &missing);
  }
  if (config.status) CheckBind("status", *config.status, &missing);
  return missing;
}

}  // namespace holdfast::config
