#include "gateway/route/error_page_files.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "gateway/config/error_pages.h"
#include "gateway/config/file_text.h"

namespace holdfast::route {
namespace {

using Page = std::shared_ptr<const std::string>;

absl::StatusOr<Page> ReadPage(const std::string& path) {
  if (config::IsIrregular(path)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": it is no regular file"));
  }
  std::optional<std::string> text = config::ReadFileText(path, config::kMaxErrorPageBytes);
  if (!text.has_value()) {
    const int error = errno;
    const std::string why = absl::StrCat(path, ": cannot be read: ", std::strerror(error));
    return error == ENOENT ? absl::NotFoundError(why) : absl::InvalidArgumentError(why);
  }
  if (text->size() > config::kMaxErrorPageBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": it is larger than 64 KiB"));
  }
  return std::make_shared<const std::string>(*std::move(text));
}

}  // namespace

absl::Status LoadErrorPages(config::Config* config) {
  std::map<std::string, absl::StatusOr<Page>> files;
  std::string wrong;
  bool only_missing = true;
  for (config::Listener& listener : config->listeners) {
    for (config::ErrorPage& page : listener.error_pages) {
      auto known = files.find(page.file);
      if (known == files.end()) known = files.emplace(page.file, ReadPage(page.file)).first;
      const absl::StatusOr<Page>& read = known->second;
      if (read.ok()) {
        page.body = *read;
        continue;
      }
      only_missing &= absl::IsNotFound(read.status());
      absl::StrAppend(&wrong, wrong.empty() ? "" : "\n", "listener ", listener.name, ": ",
                      std::string(read.status().message()));
    }
  }
  if (wrong.empty()) return absl::OkStatus();
  return only_missing ? absl::NotFoundError(wrong) : absl::InvalidArgumentError(wrong);
}

}  // namespace holdfast::route
