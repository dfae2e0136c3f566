#include "tests/support/wire_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/socket_address.h"

namespace holdfast::support {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kRecordBytes = 16 * 1024;

// The end of what was received, for a failure's message.
std::string Tail(const std::string& bytes) {
  constexpr size_t kShown = 400;
  if (bytes.size() <= kShown) return bytes;
  return "..." + bytes.substr(bytes.size() - kShown);
}

pool::SocketAddress ParseAddress(std::string_view text) {
  const std::optional<pool::SocketAddress> address = pool::SocketAddress::Parse(text);
  EXPECT_TRUE(address.has_value()) << "no address: " << text;
  return address.value_or(pool::SocketAddress());
}

bool FinishConnect(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  if (!AwaitReady(fd, POLLOUT, Deadline())) return false;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  errno = error;
  return error == 0;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, StreamEnd end) {
  switch (end) {
    case StreamEnd::kOpen: return out << "nothing";
    case StreamEnd::kClosed: return out << "an orderly close";
    case StreamEnd::kReset: return out << "a reset";
    case StreamEnd::kCut: return out << "an end without close_notify";
  }
  return out;
}

WireSocket::WireSocket(int fd) : fd_(fd) {
  if (fd < 0) return;
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int on = 1;  // What a test sends in pieces shall arrive in pieces.
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

WireSocket::WireSocket(WireSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      buffered_(std::move(other.buffered_)),
      tls_(std::move(other.tls_)),
      sealed_(std::move(other.sealed_)) {}

WireSocket& WireSocket::operator=(WireSocket&& other) noexcept {
  Close();
  fd_ = std::exchange(other.fd_, -1);
  buffered_ = std::move(other.buffered_);
  tls_ = std::move(other.tls_);
  sealed_ = std::move(other.sealed_);
  return *this;
}

bool WireSocket::BeginTls(TlsSide side, const Deadline& deadline) {
  tls_ = NewTlsPeer(side);
  while (!tls_->Handshake()) {
    if (!FlushTls() && errno != EAGAIN) return false;
    if (!tls_->error().empty() || FeedTls(deadline).has_value()) return false;
  }
  buffered_ += tls_->Read();  // It may have come with the last message.
  return FlushTls() || errno == EAGAIN;
}

bool WireSocket::FlushTls() {
  sealed_ += tls_->Take();
  while (!sealed_.empty()) {
    const ssize_t result = send(fd_, sealed_.data(), sealed_.size(), MSG_NOSIGNAL);
    if (result < 0) return false;
    sealed_.erase(0, static_cast<size_t>(result));
  }
  return true;
}

std::optional<StreamEnd> WireSocket::FeedTls(const Deadline& deadline) {
  while (true) {
    const bool flushed = FlushTls();
    const int events = POLLIN | (!flushed && errno == EAGAIN ? POLLOUT : 0);
    if (!AwaitReady(fd_, static_cast<short>(events), deadline)) return StreamEnd::kOpen;
    std::string records(kReadBytes, '\0');
    const ssize_t received = recv(fd_, records.data(), records.size(), 0);
    if (received < 0 && errno == EAGAIN) continue;
    if (received < 0) return StreamEnd::kReset;
    if (received == 0) {
      const bool in_order = tls_->heard_end() && tls_->error().empty();
      return in_order ? StreamEnd::kClosed : StreamEnd::kCut;
    }
    tls_->Feed(std::string_view(records).substr(0, static_cast<size_t>(received)));
    return std::nullopt;
  }
}

StreamEnd WireSocket::FillFromTls(const Deadline& deadline) {
  const size_t before = buffered_.size();
  while (buffered_.size() == before) {
    if (const auto end = FeedTls(deadline)) return *end;
    buffered_ += tls_->Read();
    FlushTls();
  }
  return StreamEnd::kOpen;
}

void WireSocket::Send(std::string_view bytes) {
  EXPECT_TRUE(SendIfWanted(bytes)) << "could not send: " << std::strerror(errno);
}

size_t WireSocket::TrySend(std::string_view bytes) {
  size_t sent = 0;
  if (tls_ != nullptr) {
    while (FlushTls() && sent < bytes.size()) {
      const std::string_view record = bytes.substr(sent, kRecordBytes);
      sealed_ += tls_->Data(record);
      sent += record.size();
    }
    return sent;
  }
  while (sent < bytes.size()) {
    const ssize_t result = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (result < 0) break;
    sent += static_cast<size_t>(result);
  }
  return sent;
}

bool WireSocket::SendIfWanted(std::string_view bytes, const Deadline& deadline) {
  while (true) {
    bytes.remove_prefix(TrySend(bytes));
    if (bytes.empty() && sealed_.empty()) return true;
    if (errno != EAGAIN || !AwaitReady(fd_, POLLOUT, deadline)) return false;
  }
}

StreamEnd WireSocket::Fill(const Deadline& deadline) {
  if (tls_ != nullptr) return FillFromTls(deadline);
  if (!AwaitReady(fd_, POLLIN, deadline)) return StreamEnd::kOpen;
  const size_t before = buffered_.size();
  buffered_.resize(before + kReadBytes);
  const ssize_t received = recv(fd_, buffered_.data() + before, kReadBytes, 0);
  buffered_.resize(before + static_cast<size_t>(std::max<ssize_t>(received, 0)));
  if (received > 0) return StreamEnd::kOpen;
  return received == 0 ? StreamEnd::kClosed : StreamEnd::kReset;
}

std::string WireSocket::ReadUntil(std::string_view delimiter) {
  const Deadline deadline;
  size_t searched = 0;
  while (true) {
    const size_t found = buffered_.find(delimiter, searched);
    if (found != std::string::npos) return ReadBytes(found + delimiter.size());
    searched = buffered_.size() - std::min(buffered_.size(), delimiter.size() - 1);
    const size_t before = buffered_.size();
    const StreamEnd end = Fill(deadline);
    if (buffered_.size() > before) continue;
    ADD_FAILURE() << end << " came instead of " << ::testing::PrintToString(std::string(delimiter))
                  << " after " << ::testing::PrintToString(Tail(buffered_));
    return std::exchange(buffered_, {});
  }
}

std::string WireSocket::ReadBytes(size_t bytes) {
  const Deadline deadline;
  while (buffered_.size() < bytes) {
    const size_t before = buffered_.size();
    const StreamEnd end = Fill(deadline);
    if (buffered_.size() > before) continue;
    ADD_FAILURE() << end << " came instead of " << bytes << " bytes, after "
                  << ::testing::PrintToString(Tail(buffered_));
    return std::exchange(buffered_, {});
  }
  std::string result = buffered_.substr(0, bytes);
  buffered_.erase(0, bytes);
  return result;
}

std::string WireSocket::ReadSome(size_t limit) {
  if (buffered_.empty()) {
    const StreamEnd end = Fill(Deadline());
    EXPECT_FALSE(buffered_.empty()) << end << " came instead of more bytes";
  }
  return ReadBytes(std::min(limit, buffered_.size()));
}

std::string WireSocket::ReadToEnd(StreamEnd* end) {
  const Deadline deadline;
  size_t before;
  do {
    before = buffered_.size();
    *end = Fill(deadline);
  } while (buffered_.size() > before);
  return std::exchange(buffered_, {});
}

std::string WireSocket::ReadNow(StreamEnd* end) {
  const Deadline none(std::chrono::milliseconds(0));
  size_t before;
  do {
    before = buffered_.size();
    *end = Fill(none);
  } while (buffered_.size() > before);
  return std::exchange(buffered_, {});
}

void WireSocket::Discard(size_t bytes) {
  while (bytes > 0) {
    if (buffered_.empty()) {
      const StreamEnd end = Fill(Deadline());
      if (buffered_.empty()) {
        ADD_FAILURE() << end << " came with " << bytes << " bytes to go";
        return;
      }
    }
    const size_t take = std::min(bytes, buffered_.size());
    buffered_.erase(0, take);
    bytes -= take;
  }
}

void WireSocket::ExpectClosed() {
  StreamEnd end;
  const std::string rest = ReadToEnd(&end);
  EXPECT_EQ(rest, "") << "came before the end";
  EXPECT_EQ(end, StreamEnd::kClosed) << end << " came instead of an orderly close";
}

void WireSocket::ExpectReset() {
  StreamEnd end;
  ReadToEnd(&end);
  EXPECT_EQ(end, StreamEnd::kReset) << end << " came instead of a reset";
}

void WireSocket::ExpectQuiet() {
  StreamEnd end;
  EXPECT_EQ(ReadNow(&end), "") << "was received but not awaited";
  EXPECT_EQ(end, StreamEnd::kOpen) << end << " came but was not awaited";
}

StreamEnd WireSocket::AwaitInput() {
  if (!buffered_.empty()) return StreamEnd::kOpen;
  const StreamEnd end = Fill(Deadline());
  EXPECT_FALSE(end == StreamEnd::kOpen && buffered_.empty()) << "neither bytes nor an end came";
  return end;
}

void WireSocket::SendCloseNotify() {
  if (tls_ == nullptr || !tls_->handshaken()) return;
  sealed_ += tls_->End();
  FlushTls();
}

void WireSocket::SendAside() {
  if (tls_ == nullptr) return;
  if (tls_->server()) sealed_ += tls_->Ticket();
  sealed_ += tls_->KeyUpdate(/*ask=*/false);
  FlushTls();
}

void WireSocket::ShutdownWrite() {
  SendCloseNotify();
  shutdown(fd_, SHUT_WR);
}

void WireSocket::Close() {
  if (!open()) return;
  SendCloseNotify();
  Cut();
}

void WireSocket::Cut() {
  if (open()) close(std::exchange(fd_, -1));
}

void WireSocket::Reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  Cut();
}

WireSocket Connect(std::string_view address, const ConnectOptions& options) {
  const pool::SocketAddress peer = ParseAddress(address);
  const int fd = socket(peer.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  WireSocket socket(fd);
  if (options.receive_buffer > 0) {  // before connecting, or the window has been announced
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof(int));
  }
  if (!options.local_address.empty()) {
    const auto local = pool::SocketAddress::FromIp(options.local_address, 0);
    EXPECT_TRUE(local && bind(fd, local->get(), local->length()) == 0) << options.local_address;
  }
  const int result = connect(fd, peer.get(), peer.length());
  if (result == 0 || (errno == EINPROGRESS && FinishConnect(fd))) return socket;
  ADD_FAILURE() << "cannot connect to " << address << ": " << std::strerror(errno);
  return {};
}

bool Accepts(std::string_view address) {
  const pool::SocketAddress peer = ParseAddress(address);
  const WireSocket socket(::socket(peer.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(socket.fd(), peer.get(), peer.length()) == 0) return true;
  return errno == EINPROGRESS && FinishConnect(socket.fd());
}

int Listen(std::string_view address, int backlog) {
  const pool::SocketAddress local = ParseAddress(address);
  const int fd = socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, local.get(), local.length()) != 0 || listen(fd, backlog) != 0) {
    ADD_FAILURE() << "cannot listen on " << address << ": " << std::strerror(errno);
    close(fd);
    return -1;
  }
  return fd;
}

// With SO_REUSEADDR it is in nobody's way who has that as well, until it listens itself.
int HoldPort(std::string_view address) {
  const pool::SocketAddress local = ParseAddress(address);
  if (!local.is_ip()) return -1;
  const int fd = socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, local.get(), local.length()) == 0) return fd;
  ADD_FAILURE() << "cannot hold " << address << ": " << std::strerror(errno);
  close(fd);
  return -1;
}

std::string LocalAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  getsockname(fd, address, &length);
  return pool::SocketAddress(address, length).ToString();
}

}  // namespace holdfast::support
