#include "gateway/config/file_access.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "gateway/config/file_text.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kWildcards = "*?[";

// Of the folders on the way, one that is not there has no files; any other trouble is told.
int EndsSearch(const char* /*path*/, int error) { return error != ENOENT && error != ENOTDIR; }

absl::StatusOr<std::vector<std::string>> Find(const std::string& pattern) {
  glob_t found = {};
  const int result = glob(pattern.c_str(), GLOB_NOSORT, EndsSearch, &found);
  std::vector<std::string> paths;
  if (result == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (result == GLOB_ABORTED) return absl::UnavailableError("a folder of it cannot be read");
  if (result == GLOB_NOSPACE) return absl::ResourceExhaustedError("out of memory");
  // By bytes: the order of glob() is that of the locale.
  std::ranges::sort(paths);
  return paths;
}

absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) {
    const int error = errno;
    const char* const why = std::strerror(error);
    return error == ENOENT ? absl::NotFoundError(why) : absl::UnavailableError(why);
  }
  if (!S_ISREG(facts.st_mode)) return absl::InvalidArgumentError("it is no regular file");
  std::optional<std::string> text = ReadFileText(path, max_bytes);
  if (!text.has_value()) return absl::UnavailableError(std::strerror(errno));
  return *std::move(text);
}

// With the slash at its end; empty for a path without folders.
std::string_view FolderOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash + 1);
}

}  // namespace

FileAccess FilesOfThisMachine() { return {.find = Find, .read = Read, .exposed = IsExposed}; }

bool HasWildcards(std::string_view path) { return path.find_first_of(kWildcards) != path.npos; }

std::string GlobBeside(const std::string& file, std::string_view glob) {
  std::string whole;
  if (!glob.starts_with('/')) {
    for (const char c : FolderOf(file)) {
      if (c == '\\' || kWildcards.find(c) != kWildcards.npos) whole += '\\';
      whole += c;
    }
  }
  return whole.append(glob);
}

std::string PathBeside(const std::string& file, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  return std::string(FolderOf(file)).append(path);
}

}  // namespace holdfast::config
