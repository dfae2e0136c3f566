#include "gateway/server/line_output.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "pool/net/check.h"

namespace holdfast::server {

size_t NextPiece(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text.size();
  const size_t end = text.rfind('\n', limit - 1);
  return end == text.npos ? limit : end + 1;
}

LineOutput::LineOutput(const pool::Clock* clock)
    : clock_(clock), interrupts_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) {
  HOLDFAST_CHECK(interrupts_.valid());
}

void LineOutput::SetTarget(int fd) {
  struct stat file;
  const bool known = fstat(fd, &file) == 0;
  fd_ = fd;
  may_wait_ = !known || !S_ISREG(file.st_mode);
  has_nowait_ = known && (S_ISFIFO(file.st_mode) || S_ISSOCK(file.st_mode));
  torn_ = false;
}

void LineOutput::Interrupt() { HOLDFAST_CHECK(eventfd_write(interrupts_.get(), 1) == 0); }

void LineOutput::Resume() {
  eventfd_t one;
  HOLDFAST_CHECK(eventfd_read(interrupts_.get(), &one) == 0);
  give_up_at_.reset();
}

bool LineOutput::Write(std::string_view lines) {
  HOLDFAST_CHECK(fd_ >= 0);
  // A full disk, or a line longer than PIPE_BUF, has left half a line there.
  const std::string mended = torn_ ? std::string("\n").append(lines) : std::string();
  std::string_view rest = torn_ ? mended : lines;
  while (!rest.empty() && AwaitRoom()) {
    const size_t piece = may_wait_ ? NextPiece(rest, PIPE_BUF) : rest.size();
    const ssize_t result = WriteNow(rest.substr(0, piece));
    if (result > 0) {
      torn_ = rest[static_cast<size_t>(result) - 1] != '\n';
      rest.remove_prefix(static_cast<size_t>(result));
    } else if (result == 0 || (errno != EINTR && errno != EAGAIN)) {
      break;
    }
  }
  torn_ = torn_ && !rest.empty();
  return rest.empty();
}

// Others share a standard stream, so it cannot be made non-blocking, but one write can (since Linux
// 6.4 on pipes). Elsewhere poll(2) has said that so many bytes do not block (pipe(7)), which holds
// unless somebody else writes in this very moment.
ssize_t LineOutput::WriteNow(std::string_view piece) {
  if (has_nowait_) {
    const iovec part{.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
    const ssize_t result = pwritev2(fd_, &part, 1, -1, RWF_NOWAIT);
    if (result >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM)) return result;
    has_nowait_ = false;
  }
  return write(fd_, piece.data(), piece.size());
}

bool LineOutput::AwaitRoom() {
  if (!may_wait_) return true;
  while (true) {
    int timeout = -1;
    if (give_up_at_.has_value()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*give_up_at_ - clock_->Now());
      timeout = static_cast<int>(std::max<int64_t>(left.count(), 0));
    }
    // poll(2) passes over a negative descriptor.
    pollfd waiting[] = {
        {.fd = fd_, .events = POLLOUT, .revents = 0},
        {.fd = give_up_at_.has_value() ? -1 : interrupts_.get(), .events = POLLIN, .revents = 0}};
    if (poll(waiting, 2, timeout) == 0) return false;
    if (waiting[0].revents != 0) return true;
    if (waiting[1].revents != 0) give_up_at_ = clock_->Now() + kLastPatience;
  }
}

}  // namespace holdfast::server
