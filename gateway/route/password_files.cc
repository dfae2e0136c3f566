#include "gateway/route/password_files.h"

#include <map>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include "gateway/auth/password_file.h"
#include "gateway/route/named_file.h"

namespace holdfast::route {
namespace {

using Users = std::shared_ptr<const auth::PasswordFile>;

absl::StatusOr<Users> ReadUsers(const std::string& path) {
  absl::StatusOr<std::string> text =
      ReadNamedFile(path, auth::PasswordFile::kMaxFileBytes, "8 MiB");
  if (!text.ok()) return text.status();
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
