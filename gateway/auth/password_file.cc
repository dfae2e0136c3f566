#include "gateway/auth/password_file.h"

#include <algorithm>
#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "pool/net/check.h"

namespace holdfast::auth {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view WithoutBlanksBehind(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

absl::Status LineError(size_t line, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line, ": ", absl::string_view(what.data(), what.size())));
}

std::string Quoted(std::string_view user) {
  return absl::StrCat("user \"", absl::CEscape(absl::string_view(user.data(), user.size())), "\"");
}

// What is wrong with a user's name; empty: nothing.
std::string_view ComplaintOf(std::string_view user) {
  if (user.empty()) return "expected a user's name before the colon";
  if (user.size() > PasswordFile::kMaxUserBytes) return "a user's name has at most 256 bytes";
  if (std::any_of(user.begin(), user.end(), IsControl)) {
    return "a user's name has no control characters";
  }
  if (kBlanks.find(user.front()) != kBlanks.npos || kBlanks.find(user.back()) != kBlanks.npos) {
    return "a user's name neither begins nor ends with a blank";
  }
  return "";
}

}  // namespace

absl::StatusOr<PasswordFile> PasswordFile::Parse(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  PasswordFile file;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = WithoutBlanksBehind(line);
    const size_t begin = line.find_first_not_of(kBlanks);
    if (begin == line.npos || line[begin] == '#') continue;
    if (absl::Status status = file.AddLine(line, number); !status.ok()) return status;
  }
  if (file.users_.empty()) {
    return absl::InvalidArgumentError("there is no user in it; htpasswd -B adds one");
  }
  file.ChooseNobody();
  return file;
}

absl::Status PasswordFile::AddLine(std::string_view line, size_t number) {
  const size_t colon = line.find(':');
  // What stands there may be a password, and so is not repeated.
  if (colon == line.npos) return LineError(number, "expected USER:HASH, as htpasswd -B writes it");
  const std::string_view user = line.substr(0, colon);
  if (const std::string_view complaint = ComplaintOf(user); !complaint.empty()) {
    return LineError(number, complaint);
  }
  absl::StatusOr<PasswordHash> hash = PasswordHash::Parse(line.substr(colon + 1));
  if (!hash.ok()) {
    return LineError(number, absl::StrCat(Quoted(user), ": ", hash.status().message()));
  }
  if (users_.size() == kMaxUsers) return LineError(number, "more than 10000 users");
  const auto [place, is_new] =
      users_.emplace(std::string(user), User{.hash = *std::move(hash), .line = number});
  if (!is_new) {
    return LineError(number,
                     absl::StrCat(Quoted(user), " is on line ", place->second.line, ", too"));
  }
  return absl::OkStatus();
}

void PasswordFile::ChooseNobody() {
  std::map<HashCost, size_t> counts;
  for (const auto& [name, user] : users_) ++counts[user.hash.cost];
  const HashCost most = std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) {
                          return a.second < b.second;
                        })->first;
  for (const auto& [name, user] : users_) {
    if (user.hash.cost == most) {
      nobody_ = user.hash.Nobodys();
      break;
    }
  }
  HOLDFAST_CHECK(!nobody_.digest.empty());
}

PasswordFile::Entry PasswordFile::Find(std::string_view user) const {
  const auto found = users_.find(user);
  if (found == users_.end()) return {.hash = nobody_, .known = false};
  return {.hash = found->second.hash, .known = true};
}

}  // namespace holdfast::auth
