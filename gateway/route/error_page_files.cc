#include "gateway/route/error_page_files.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "gateway/config/error_pages.h"
#include "gateway/route/named_file.h"

namespace holdfast::route {
namespace {

using Page = std::shared_ptr<const std::string>;

absl::StatusOr<Page> ReadPage(const std::string& path) {
  absl::StatusOr<std::string> text = ReadNamedFile(path, config::kMaxErrorPageBytes, "64 KiB");
  if (!text.ok()) return text.status();
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
