#include "pool/net/plain_transport.h"

#include <cerrno>

#include "pool/net/check.h"
#include "pool/net/socket_calls.h"

namespace holdfast::pool {
namespace {

size_t TotalBytes(const iovec* pieces, int count) {
  size_t total = 0;
  for (int i = 0; i < count; ++i) total += pieces[i].iov_len;
  return total;
}

IoResult Failure(int error, Wants wants) {
  if (error == EAGAIN || error == EWOULDBLOCK) return {.wants = wants};
  return {.status = IoStatus::kFailed, .error = {.system = error}};
}

// A stream socket that moves fewer bytes than it was asked to is empty or full: epoll(7), Q9.
IoResult Moved(ssize_t bytes, size_t asked) {
  const auto moved = static_cast<size_t>(bytes);
  return {.status = IoStatus::kOk, .more = moved == asked, .bytes = moved};
}

}  // namespace

IoResult PlainTransport::Establish() {
  const int error = TakeSocketError(fd());
  if (error != 0) return Failure(error, Wants::kWrite);
  const std::optional<uint64_t> acknowledged = AcknowledgedBytes(fd());
  if (acknowledged.has_value()) acknowledged_at_start_ = static_cast<uint32_t>(*acknowledged);
  return {.status = IoStatus::kOk};
}

IoResult PlainTransport::Read(const iovec* pieces, int count) {
  const size_t room = TotalBytes(pieces, count);
  HOLDFAST_CHECK(room > 0);
  ssize_t got;
  do {
    // One piece is the usual case, and the kernel takes it with less ado than a vector.
    got = count == 1 ? ReceiveBytes(fd(), pieces->iov_base, pieces->iov_len, 0)
                     : readv(fd(), pieces, count);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return Failure(errno, Wants::kRead);
  if (got == 0) return {.status = IoStatus::kEnd};
  return Moved(got, room);
}

IoResult PlainTransport::Write(const iovec* pieces, int count) {
  const size_t size = TotalBytes(pieces, count);
  HOLDFAST_CHECK(size > 0);
  ssize_t put;
  do {
    if (count == 1) {
      put = SendBytes(fd(), pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(pieces);
      message.msg_iovlen = static_cast<size_t>(count);
      put = sendmsg(fd(), &message, MSG_NOSIGNAL);
    }
  } while (put < 0 && errno == EINTR);
  if (put < 0) return Failure(errno, Wants::kWrite);
  written_ += static_cast<uint64_t>(put);
  return Moved(put, size);
}

IoResult PlainTransport::Shutdown() {
  shutdown(fd(), SHUT_WR);
  return {.status = IoStatus::kOk};
}

Quiet PlainTransport::Inspect() {
  switch (PeekSocket(fd())) {
    case PeekResult::kNothing: return Quiet::kQuiet;
    case PeekResult::kBytes: return Quiet::kData;
    case PeekResult::kEndOfStream: return Quiet::kEnd;
    case PeekResult::kError: return Quiet::kError;
  }
  HOLDFAST_CHECK(false);
}

std::optional<uint64_t> PlainTransport::wire_bytes_acknowledged() const {
  if (acknowledged_at_start_ == kUnknown) return std::nullopt;
  const std::optional<uint64_t> acknowledged = AcknowledgedBytes(fd());
  if (!acknowledged.has_value()) return std::nullopt;
  return *acknowledged - acknowledged_at_start_;
}

}  // namespace holdfast::pool
