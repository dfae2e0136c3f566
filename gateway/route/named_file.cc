#include "gateway/route/named_file.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/config/file_text.h"

namespace holdfast::route {

absl::StatusOr<std::string> ReadNamedFile(const std::string& path, size_t max_bytes,
                                          std::string_view limit) {
  if (config::IsIrregular(path)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": it is no regular file"));
  }
  std::optional<std::string> text = config::ReadFileText(path, max_bytes);
  if (!text.has_value()) {
    const int error = errno;
    const std::string why = absl::StrCat(path, ": cannot be read: ", std::strerror(error));
    return error == ENOENT ? absl::NotFoundError(why) : absl::InvalidArgumentError(why);
  }
  if (text->size() > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": it is larger than ", std::string(limit)));
  }
  return *std::move(text);
}

}  // namespace holdfast::route
