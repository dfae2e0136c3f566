#include "gateway/server/log_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <absl/strings/str_cat.h>

namespace holdfast::server {
namespace {

absl::Status OpenFile(const std::string& path, pool::FileDescriptor* file) {
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) {
    return absl::UnavailableError(
        absl::StrCat("access log ", path, ": cannot open: ", strerror(errno)));
  }
  *file = pool::FileDescriptor(fd);
  return absl::OkStatus();
}

}  // namespace

LogWriter::LogWriter(const pool::Clock* clock) : loop_(clock), mailbox_(&loop_) {
  thread_ = std::thread([this] { loop_.Run(); });
}

LogWriter::~LogWriter() {
  mailbox_.Post([this] { loop_.Stop(); });
  thread_.join();
}

absl::Status LogWriter::Open(const config::AccessLog& target) {
  // Opened here for the error's sake, handed to the thread for the writing's.
  pool::FileDescriptor file;
  int fd = target.target == config::AccessLog::Target::kStdout ? STDOUT_FILENO : STDERR_FILENO;
  if (target.target == config::AccessLog::Target::kFile) {
    if (absl::Status status = OpenFile(target.path, &file); !status.ok()) return status;
    fd = file.get();
  }
  mailbox_.Post([this, fd, path = target.path, file = std::move(file)]() mutable {
    file_ = std::move(file);
    fd_ = fd;
    path_ = std::move(path);
  });
  return absl::OkStatus();
}

void LogWriter::Reopen() {
  mailbox_.Post([this] {
    if (path_.empty()) return;
    pool::FileDescriptor file;
    if (!OpenFile(path_, &file).ok()) return;
    file_ = std::move(file);
    fd_ = file_.get();
  });
}

void LogWriter::Write(std::string batch, std::function<void()> done) {
  mailbox_.Post([this, batch = std::move(batch), done = std::move(done)] {
    WriteAll(batch);
    done();
  });
}

// What cannot be written (a full disk, a reader that went away) is lost: there is nobody to tell
// who would not be told through the same file.
void LogWriter::WriteAll(const std::string& batch) {
  size_t written = 0;
  while (written < batch.size()) {
    const ssize_t result = write(fd_, batch.data() + written, batch.size() - written);
    if (result > 0) {
      written += static_cast<size_t>(result);
    } else if (result < 0 && errno == EAGAIN) {
      pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
      poll(&waiting, 1, -1);
    } else if (result == 0 || errno != EINTR) {
      return;
    }
  }
}

}  // namespace holdfast::server
