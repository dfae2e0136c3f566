#include "gateway/route/password_files.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "gateway/auth/password_file.h"
#include "gateway/config/file_text.h"

namespace holdfast::route {
namespace {

using Users = std::shared_ptr<const auth::PasswordFile>;

absl::StatusOr<Users> ReadUsers(const std::string& path) {
  if (config::IsIrregular(path)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": it is no regular file"));
  }
  const std::optional<std::string> text =
      config::ReadFileText(path, auth::PasswordFile::kMaxFileBytes);
  if (!text.has_value()) {
    const int error = errno;
    const std::string why = absl::StrCat(path, ": cannot be read: ", std::strerror(error));
    return error == ENOENT ? absl::NotFoundError(why) : absl::InvalidArgumentError(why);
  }
  if (text->size() > auth::PasswordFile::kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": it is larger than 8 MiB"));
  }
  absl::StatusOr<auth::PasswordFile> parsed = auth::PasswordFile::Parse(*text);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", std::string(parsed.status().message())));
  }
  return std::make_shared<const auth::PasswordFile>(*std::move(parsed));
}

}  // namespace

absl::Status LoadPasswordFiles(config::Config* config) {
  std::map<std::string, absl::StatusOr<Users>> files;
  std::string wrong;
  bool only_missing = true;
  for (config::Route& route : config->routes) {
    if (!route.basic_auth.has_value()) continue;
    const std::string& path = route.basic_auth->file;
    auto known = files.find(path);
    if (known == files.end()) known = files.emplace(path, ReadUsers(path)).first;
    const absl::StatusOr<Users>& users = known->second;
    if (users.ok()) {
      route.basic_auth->users = *users;
      continue;
    }
    only_missing &= absl::IsNotFound(users.status());
    absl::StrAppend(&wrong, wrong.empty() ? "" : "\n", "route ", route.name, ": ",
                    std::string(users.status().message()));
  }
  if (wrong.empty()) return absl::OkStatus();
  return only_missing ? absl::NotFoundError(wrong) : absl::InvalidArgumentError(wrong);
}

}  // namespace holdfast::route
