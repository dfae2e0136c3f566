#include "tests/pool/net/record_transport.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

IoResult Ok(bool more = false, size_t bytes = 0) {
  return {.status = IoStatus::kOk, .more = more, .bytes = bytes};
}
IoResult Blocked(Wants wants) { return {.wants = wants}; }
IoResult Failed(const char* word, int error = 0) {
  return {.status = IoStatus::kFailed, .error = {.system = error, .word = word}};
}

}  // namespace

std::string RecordTransport::Record(Type type, std::string_view payload) {
  HOLDFAST_CHECK(payload.size() <= UINT16_MAX);
  std::string record{static_cast<char>(type), static_cast<char>(payload.size() >> 8),
                     static_cast<char>(payload.size() & 0xff)};
  return record.append(payload);
}

std::optional<RecordTransport::Type> RecordTransport::TakeRecord(std::string* payload) {
  if (received_.size() < kHeaderBytes) return std::nullopt;
  const size_t size = (static_cast<size_t>(static_cast<uint8_t>(received_[1])) << 8) |
                      static_cast<uint8_t>(received_[2]);
  if (received_.size() < kHeaderBytes + size) return std::nullopt;
  const Type type = static_cast<Type>(received_[0]);
  *payload = received_.substr(kHeaderBytes, size);
  received_.erase(0, kHeaderBytes + size);
  return type;
}

IoResult RecordTransport::Receive() {
  std::array<char, 16 * 1024> bytes;
  const ssize_t got = recv(fd(), bytes.data(), bytes.size(), 0);
  if (got > 0) {
    received_.append(bytes.data(), static_cast<size_t>(got));
    return Ok();
  }
  if (got == 0) return {.status = IoStatus::kTruncated};
  return errno == EAGAIN ? Blocked(Wants::kRead) : Failed(nullptr, errno);
}

IoResult RecordTransport::SendRest() {
  while (!unsent_.empty()) {
    const ssize_t put = send(fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN ? Blocked(Wants::kWrite) : Failed(nullptr, errno);
    written_ += static_cast<uint64_t>(put);
    unsent_.erase(0, static_cast<size_t>(put));
  }
  return Ok();
}

IoResult RecordTransport::Establish() {
  if (!connected_) {
    const int error = TakeSocketError(fd());
    if (error != 0) return Failed(nullptr, error);
    acknowledged_at_start_ = AcknowledgedBytes(fd());
    connected_ = true;
  }
  while (true) {
    if (!said_hello_ && (heard_hello_ || !server_)) {
      unsent_ += Record(Type::kHello);
      said_hello_ = true;
    }
    if (const IoResult sent = SendRest(); sent.status != IoStatus::kOk) return sent;
    if (heard_hello_ && !server_) return Ok(!received_.empty());
    std::string payload;
    const std::optional<Type> type = TakeRecord(&payload);
    if (!type.has_value()) {
      if (const IoResult got = Receive(); got.status != IoStatus::kOk) return got;
    } else if (*type == Type::kHello && !heard_hello_) {
      heard_hello_ = true;
      if (!server_) unsent_ += Record(Type::kFinished);
    } else if (*type == Type::kFinished && heard_hello_ && server_) {
      return Ok(!received_.empty());
    } else {
      return Failed("unexpected_record");
    }
  }
}

IoResult RecordTransport::Advance() {
  while (plain_.empty()) {
    // A question is answered before anything else is read.
    if (const IoResult sent = SendRest(); sent.status != IoStatus::kOk) return sent;
    if (ended_) return {.status = IoStatus::kEnd};
    std::string payload;
    const std::optional<Type> type = TakeRecord(&payload);
    if (!type.has_value()) {
      if (const IoResult got = Receive(); got.status != IoStatus::kOk) return got;
      continue;
    }
    switch (*type) {
      case Type::kData: plain_ = std::move(payload); break;
      case Type::kQuestion: unsent_ += Record(Type::kAnswer); break;
      case Type::kTicket: break;
      case Type::kEnd: ended_ = true; break;
      default: return Failed("unexpected_record");
    }
  }
  return Ok();
}

IoResult RecordTransport::Read(const iovec* pieces, int count) {
  HOLDFAST_CHECK(count > 0 && pieces[0].iov_len > 0);
  if (const IoResult ready = Advance(); ready.status != IoStatus::kOk) return ready;
  const size_t bytes = std::min(pieces[0].iov_len, plain_.size());
  std::memcpy(pieces[0].iov_base, plain_.data(), bytes);
  plain_.erase(0, bytes);
  return Ok(!plain_.empty() || !received_.empty(), bytes);
}

// One record at a time, of which all must leave before the next.
IoResult RecordTransport::Write(const iovec* pieces, int count) {
  HOLDFAST_CHECK(count > 0 && pieces[0].iov_len > 0);
  if (const IoResult sent = SendRest(); sent.status != IoStatus::kOk) return sent;
  const size_t bytes = std::min<size_t>(pieces[0].iov_len, 4096);
  unsent_ = Record(Type::kData, {static_cast<const char*>(pieces[0].iov_base), bytes});
  if (end_expected_ && count == 1 && bytes == pieces[0].iov_len) AddEnd();
  const IoResult sent = SendRest();
  if (sent.status == IoStatus::kFailed) return sent;
  return Ok(sent.status == IoStatus::kOk, bytes);
}

void RecordTransport::AddEnd() {
  if (!shutdown_) unsent_ += Record(Type::kEnd);
  shutdown_ = true;
}

void RecordTransport::SayEnd() {
  AddEnd();
  SendRest();
}

IoResult RecordTransport::Shutdown() {
  AddEnd();
  if (const IoResult sent = SendRest(); sent.status != IoStatus::kOk) return sent;
  shutdown(fd(), SHUT_WR);
  return Ok();
}

Quiet RecordTransport::Inspect() {
  switch (Advance().status) {
    case IoStatus::kOk: return Quiet::kData;
    case IoStatus::kBlocked: return Quiet::kQuiet;
    case IoStatus::kEnd: return Quiet::kEnd;
    case IoStatus::kTruncated:
    case IoStatus::kFailed: return Quiet::kError;
  }
  HOLDFAST_CHECK(false);
}

std::optional<uint64_t> RecordTransport::wire_bytes_acknowledged() const {
  const std::optional<uint64_t> now = AcknowledgedBytes(fd());
  if (!now.has_value() || !acknowledged_at_start_.has_value()) return std::nullopt;
  return *now - *acknowledged_at_start_;
}

}  // namespace holdfast::pool
