#include "gateway/server/log_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <absl/strings/str_cat.h>

#include "pool/net/check.h"

namespace holdfast::server {
namespace {

// Non-blocking for a FIFO's sake: opening one that nobody reads would hold up the start.
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

// Standard output may be a pipe that others write to as well, so it cannot be made non-blocking.
// But when poll(2) says that there is room, a write of PIPE_BUF bytes does not block (pipe(7)).
size_t PieceBytes(int fd) {
  struct stat file;
  const bool never_blocks = fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
  return never_blocks ? std::numeric_limits<size_t>::max() : PIPE_BUF;
}

}  // namespace

LogWriter::LogWriter(const pool::Clock* clock)
    : loop_(clock),
      mailbox_(&loop_),
      interrupts_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) {
  HOLDFAST_CHECK(interrupts_.valid());
  thread_ = std::thread([this] { loop_.Run(); });
}

LogWriter::~LogWriter() {
  Interrupt();
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
  Interrupt();
  mailbox_.Post([this, fd, path = target.path, file = std::move(file)]() mutable {
    TakeOver(std::move(file), fd);
    path_ = std::move(path);
  });
  return absl::OkStatus();
}

void LogWriter::Reopen() {
  Interrupt();
  mailbox_.Post([this] {
    pool::FileDescriptor file;
    const bool reopened = !path_.empty() && OpenFile(path_, &file).ok();
    if (!reopened) file = std::move(file_);
    const int fd = file.valid() ? file.get() : fd_;
    TakeOver(std::move(file), fd);
  });
}

void LogWriter::Interrupt() { HOLDFAST_CHECK(eventfd_write(interrupts_.get(), 1) == 0); }

void LogWriter::TakeOver(pool::FileDescriptor file, int fd) {
  file_ = std::move(file);
  fd_ = fd;
  piece_bytes_ = PieceBytes(fd);
  eventfd_t one;
  HOLDFAST_CHECK(eventfd_read(interrupts_.get(), &one) == 0);
  give_up_at_.reset();
}

void LogWriter::Write(std::string batch, std::function<void(bool written)> done) {
  mailbox_.Post(
      [this, batch = std::move(batch), done = std::move(done)] { done(WriteAll(batch)); });
}

// What cannot be written (a full disk, a reader that went away) is lost: there is nobody to tell
// who would not be told through the same file.
bool LogWriter::WriteAll(const std::string& batch) {
  HOLDFAST_CHECK(fd_ >= 0);
  size_t written = 0;
  while (written < batch.size() && AwaitRoom()) {
    const size_t piece = std::min(batch.size() - written, piece_bytes_);
    const ssize_t result = write(fd_, batch.data() + written, piece);
    if (result > 0) {
      written += static_cast<size_t>(result);
    } else if (result == 0 || (errno != EINTR && errno != EAGAIN)) {
      return false;
    }
  }
  return written == batch.size();
}

bool LogWriter::AwaitRoom() {
  while (true) {
    int timeout = -1;
    if (give_up_at_.has_value()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*give_up_at_ - loop_.clock().Now());
      timeout = static_cast<int>(std::max<int64_t>(left.count(), 0));
    }
    // A negative descriptor is not looked at.
    pollfd waiting[] = {
        {.fd = fd_, .events = POLLOUT, .revents = 0},
        {.fd = give_up_at_.has_value() ? -1 : interrupts_.get(), .events = POLLIN, .revents = 0}};
    if (poll(waiting, 2, timeout) == 0) return false;
    if (waiting[0].revents != 0) return true;
    if (waiting[1].revents != 0) give_up_at_ = loop_.clock().Now() + kLastPatience;
  }
}

}  // namespace holdfast::server
