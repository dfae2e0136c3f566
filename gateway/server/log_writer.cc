#include "gateway/server/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

namespace holdfast::server {
namespace {

// Opens without blocking, because opening a FIFO that nobody reads would hold up the start.
absl::Status OpenFile(const std::string& path, pool::FileDescriptor* file) {
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
  if (fd < 0) {
    const char* hint = errno == ENXIO ? " (nobody reads from this FIFO)" : "";
    return absl::UnavailableError(
        absl::StrCat("access log ", path, ": cannot open: ", strerror(errno), hint));
  }
  *file = pool::FileDescriptor(fd);
  return absl::OkStatus();
}

}  // namespace

LogWriter::LogWriter(const pool::Clock* clock) : loop_(clock), mailbox_(&loop_), output_(clock) {
  thread_ = std::thread([this] { loop_.Run(); });
}

LogWriter::~LogWriter() {
  output_.Interrupt();
  mailbox_.Post([this] { loop_.Stop(); });
  thread_.join();
}

absl::Status LogWriter::Open(const config::AccessLog& target) {
  // Opened here, where an error can be returned, and handed to the thread that writes.
  pool::FileDescriptor file;
  int fd = target.target == config::AccessLog::Target::kStdout ? STDOUT_FILENO : STDERR_FILENO;
  if (target.target == config::AccessLog::Target::kFile) {
    if (absl::Status status = OpenFile(target.path, &file); !status.ok()) return status;
    fd = file.get();
  }
  path_ = target.path;
  Move(std::move(file), fd);
  return absl::OkStatus();
}

absl::Status LogWriter::Reopen() {
  if (path_.empty()) return absl::OkStatus();
  pool::FileDescriptor file;
  if (absl::Status status = OpenFile(path_, &file); !status.ok()) return status;
  const int fd = file.get();
  Move(std::move(file), fd);
  return absl::OkStatus();
}

void LogWriter::Close() {
  path_.clear();
  pool::FileDescriptor nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const int fd = nowhere.get();
  Move(std::move(nowhere), fd);
}

// If the target stays the same file, pipe or stream nobody is hurried: lines that wait for their
// reader may go on waiting.
void LogWriter::Move(pool::FileDescriptor file, int fd) {
  std::optional<Identity> identity;
  struct stat target;
  if (fstat(fd, &target) == 0) identity = Identity(target.st_dev, target.st_ino);
  const bool elsewhere = !identity.has_value() || identity != identity_;
  identity_ = identity;
  if (elsewhere) output_.Interrupt();
  mailbox_.Post([this, fd, elsewhere, file = std::move(file)]() mutable {
    file_ = std::move(file);
    output_.SetTarget(fd);
    if (elsewhere) output_.Resume();
  });
}

// Lines that cannot be written (a full disk, a reader that went away) are lost: the only way to
// tell anybody would be through the same file.
void LogWriter::Write(std::string batch, std::function<void(bool written)> done) {
  mailbox_.Post(
      [this, batch = std::move(batch), done = std::move(done)] { done(output_.Write(batch)); });
}

}  // namespace holdfast::server
