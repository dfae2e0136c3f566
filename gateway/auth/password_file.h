#ifndef HOLDFAST_GATEWAY_AUTH_PASSWORD_FILE_H_
#define HOLDFAST_GATEWAY_AUTH_PASSWORD_FILE_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "gateway/auth/password_hash.h"

namespace holdfast::auth {

// Who may pass: the users of a file as htpasswd writes it, USER:HASH on each line. Lines that are
// blank or begin with '#' say nothing. Immutable; any thread.
class PasswordFile {
 public:
  static constexpr size_t kMaxUsers = 10'000;
  static constexpr size_t kMaxUserBytes = 256;
  // For whoever reads the file: that many users fit, each with a comment.
  static constexpr size_t kMaxFileBytes = size_t{8} << 20;

  // What a user's password is checked against. It lives as long as the file.
  struct Entry {
    const PasswordHash& hash;
    bool known;  // false: there is no such user, and no password is the right one
  };

  // The error names the line, and the user if that can be told; the caller adds the file.
  static absl::StatusOr<PasswordFile> Parse(std::string_view text);

  // Of somebody who is not in the file it is a hash that costs what most in there cost, to be
  // checked all the same: how long an answer takes does not tell who is in the file. Where costs
  // differ, it tells who has another one than most.
  Entry Find(std::string_view user) const;
  size_t size() const { return users_.size(); }

 private:
  struct User {
    PasswordHash hash;
    size_t line;
  };

  PasswordFile() = default;
  absl::Status AddLine(std::string_view line, size_t number);
  void ChooseNobody();

  std::map<std::string, User, std::less<>> users_;
  PasswordHash nobody_;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_PASSWORD_FILE_H_
