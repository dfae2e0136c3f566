#ifndef HOLDFAST_TESTS_SUPPORT_TEMP_DIR_H_
#define HOLDFAST_TESTS_SUPPORT_TEMP_DIR_H_

#include <string>
#include <string_view>

namespace holdfast::support {

// A folder of its own under /tmp, removed with all that is in it. Its name is short, so that a
// UNIX socket's path fits.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string Path(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Writes a file, replacing it at once, and returns its path.
  std::string Write(std::string_view name, std::string_view text) const;

 private:
  std::string path_;
};

// The whole file; empty when it cannot be read.
std::string ReadFile(const std::string& path);

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_TEMP_DIR_H_
