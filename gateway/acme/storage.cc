#include "gateway/acme/storage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "gateway/config/file_text.h"
#include "gateway/tls/acme_files.h"
#include "pool/tls/digest.h"

namespace holdfast::acme {
namespace {

constexpr size_t kMaxAccountBytes = 64 * 1024;
constexpr size_t kMaxProofBytes = 4 * 1024;
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
// What stands before the URL of an account, at the end of the file of its key.
constexpr std::string_view kUrlMark = "account: ";

absl::Status SystemError(const std::string& path, const char* what) {
  const int error = errno;
  const std::string text = absl::StrCat(path, ": ", what, ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(text) : absl::UnavailableError(text);
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// One directory, one account. The name need not be read by people.
std::string AccountFile(std::string_view directory) {
  const std::string digest = pool::Sha256(directory).substr(0, 8);
  return "account-" + absl::BytesToHexString(digest) + ".pem";
}

}  // namespace

Storage::Storage(std::string folder) : folder_(std::move(folder)) {}

std::string Storage::Path(std::string_view file) const {
  std::string path = folder_;
  if (!path.ends_with('/')) path += '/';
  return path.append(file);
}

absl::Status Storage::Prepare() const {
  // The folders above are somebody else's.
  if (mkdir(folder_.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return SystemError(folder_, "cannot be made");
  }
  struct stat facts;
  if (stat(folder_.c_str(), &facts) != 0) return SystemError(folder_, "cannot be looked at");
  if (!S_ISDIR(facts.st_mode)) return absl::UnavailableError(folder_ + ": is no folder");
  if (access(folder_.c_str(), R_OK | W_OK | X_OK) != 0) {
    return SystemError(folder_, "cannot be written");
  }
  return absl::OkStatus();
}

absl::Status Storage::Write(std::string_view file, std::string_view text) const {
  const std::string path = Path(file);
  // Of one process at a time: who writes has the lock.
  const std::string early = path + ".new";
  unlink(early.c_str());
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  const pool::FileDescriptor out(open(early.c_str(), flags, kFileMode));
  if (!out.valid()) return SystemError(early, "cannot be made");
  if (!WriteAll(out.get(), text) || fsync(out.get()) != 0) {
    const absl::Status failed = SystemError(early, "cannot be written");
    unlink(early.c_str());
    return failed;
  }
  if (rename(early.c_str(), path.c_str()) != 0) return SystemError(path, "cannot be replaced");
  // The name, too, is to outlive a crash of the machine; if it does not, the order is repeated.
  const pool::FileDescriptor folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) fsync(folder.get());
  return absl::OkStatus();
}

absl::StatusOr<Account> Storage::ReadAccount(std::string_view directory) const {
  const std::string path = Path(AccountFile(directory));
  std::optional<std::string> text = config::ReadFileText(path, kMaxAccountBytes);
  if (!text.has_value()) return SystemError(path, "cannot be read");
  absl::StatusOr<pool::SigningKey> key = pool::SigningKey::Parse({.pem = *text, .name = path});
  if (!key.ok()) return key.status();
  Account account{.key = *std::move(key), .url = {}};
  if (const size_t mark = text->find(kUrlMark); mark != std::string::npos) {
    const size_t begin = mark + kUrlMark.size();
    account.url = text->substr(begin, text->find('\n', begin) - begin);
  }
  return account;
}

absl::Status Storage::WriteAccount(std::string_view directory, const Account& account) const {
  std::string text = absl::StrCat("directory: ", std::string(directory), "\n");
  if (!account.url.empty()) absl::StrAppend(&text, std::string(kUrlMark), account.url, "\n");
  return Write(AccountFile(directory), text + account.key.Pem());
}

absl::Status Storage::WriteCertificate(std::string_view directory, std::string_view name,
                                       std::string_view chain, std::string_view key) const {
  std::string text(chain);
  if (!text.ends_with('\n')) text += '\n';
  return Write(tls::AcmeFileName(directory, name), text.append(key));
}

absl::Status Storage::WriteProof(std::string_view text) const { return Write("proof", text); }

std::string Storage::ReadProof() const {
  return config::ReadFileText(Path("proof"), kMaxProofBytes).value_or(std::string());
}

absl::StatusOr<pool::FileDescriptor> Storage::ShowPresence() const {
  const std::string path = Path("present");
  pool::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode));
  if (!file.valid()) return SystemError(path, "cannot be opened");
  // Somebody who looks whether others are there may have it for a moment.
  while (flock(file.get(), LOCK_SH) != 0) {
    if (errno != EINTR) return SystemError(path, "cannot be locked");
  }
  return file;
}

bool Storage::IsAlone(const pool::FileDescriptor& presence) {
  const bool alone = flock(presence.get(), LOCK_EX | LOCK_NB) == 0;
  // To change it lets go of it first.
  flock(presence.get(), LOCK_SH);
  return alone;
}

absl::StatusOr<pool::FileDescriptor> Storage::TryLock() const {
  const std::string path = Path("lock");
  pool::FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode));
  if (!file.valid()) return SystemError(path, "cannot be opened");
  while (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return pool::FileDescriptor();
    if (errno != EINTR) return SystemError(path, "cannot be locked");
  }
  return file;
}

}  // namespace holdfast::acme
