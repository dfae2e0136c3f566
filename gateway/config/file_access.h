#ifndef HOLDFAST_GATEWAY_CONFIG_FILE_ACCESS_H_
#define HOLDFAST_GATEWAY_CONFIG_FILE_ACCESS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace holdfast::config {

// How the files that a configuration includes are found and read. One without functions is none: a
// text that comes from elsewhere than a file includes nothing, whatever it says.
struct FileAccess {
  // The paths that a glob names, in the order of their bytes; none is no error.
  std::function<absl::StatusOr<std::vector<std::string>>(const std::string& glob)> find;
  // What a file holds, and of one with more than `max_bytes` one byte more than that. An error
  // says why it can't be read; kNotFound: it is not there.
  std::function<absl::StatusOr<std::string>(const std::string& path, size_t max_bytes)> read;
  // Whether a secret in this file would be none (file_text.h); null: that is not asked.
  std::function<bool(const std::string& path)> exposed;
  // Secrets may be missing, and some other value stands for them then: for a check elsewhere than
  // where the configuration is used, which takes nothing into use.
  bool forgives_missing = false;

  bool any() const { return find != nullptr && read != nullptr; }
};

// The files of this machine, by glob(7). Only regular files can be read: another kind could be
// waited for in vain. Its functions block.
FileAccess FilesOfThisMachine();

// Whether a path is a glob that may name several files, or none.
bool HasWildcards(std::string_view path);

// `path`, unless it is absolute, as it is called from where `file` is. It is a glob, in which the
// folders of `file` stand for themselves.
std::string GlobBeside(const std::string& file, std::string_view glob);
// The same of a path that is no glob.
std::string PathBeside(const std::string& file, std::string_view path);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_FILE_ACCESS_H_
