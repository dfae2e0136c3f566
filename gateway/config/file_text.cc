#include "gateway/config/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "pool/net/socket.h"

namespace holdfast::config {
namespace {

constexpr size_t kFirstBytes = 16 * 1024;

}  // namespace

std::optional<std::string> ReadFileText(const std::string& path, size_t max_bytes) {
  const pool::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  std::string text;
  size_t used = 0;
  while (used <= max_bytes) {
    if (used == text.size()) text.resize(std::min(max_bytes + 1, std::max(kFirstBytes, used * 2)));
    const ssize_t count = read(file.get(), text.data() + used, text.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    used += static_cast<size_t>(count);
  }
  text.resize(used);
  return text;
}

bool IsIrregular(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode);
}

bool IsExposed(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 && (facts.st_mode & (S_IRWXO | S_IWGRP)) != 0;
}

}  // namespace holdfast::config
