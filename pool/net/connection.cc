#include "pool/net/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

constexpr size_t kMaxReadSlabs = Connection::kMaxReadBytes / SlabPool::kSlabBytes;
// The rest of the last slab, then fresh ones.
constexpr int kMaxReadPieces = kMaxReadSlabs + 1;
constexpr int kMaxWritePieces = 16;

}  // namespace

static_assert(sizeof(Buffer) <= 32, "two of them are in every idle connection");
static_assert(sizeof(Connection) <= 200, "an idle connection is to cost little");

Connection::Connection(EventLoop* loop, SlabPool* slabs, std::unique_ptr<Transport> transport,
                       ConnectionEvents* events, bool connecting)
    : loop_(loop),
      events_(events),
      transport_(std::move(transport)),
      in_(slabs),
      out_(slabs),
      writable_(!connecting) {
  HOLDFAST_CHECK(transport_ != nullptr && transport_->fd() >= 0);
}

Connection::~Connection() { Close(); }

int Connection::Open() {
  HOLDFAST_CHECK(open() && !registered_);
  const int error = loop_->Register(transport_->fd(), this);
  registered_ = error == 0;
  return error;
}

void Connection::Close() {
  if (registered_) loop_->Unregister(transport_->fd(), this);
  registered_ = false;
  readable_ = false;
  writable_ = false;
  transport_.reset();
}

std::unique_ptr<Transport> Connection::Release() {
  HOLDFAST_CHECK(open() && in_.empty() && out_.empty() && read_end_ == ReadEnd::kNone);
  if (registered_) loop_->Unregister(transport_->fd(), this);
  registered_ = false;
  readable_ = false;
  writable_ = false;
  return std::move(transport_);
}

void Connection::Abort() {
  if (!open()) return;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(transport_->fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  Close();
}

FillStatus Connection::Fill(size_t limit) {
  if (read_end_ == ReadEnd::kEndOfStream) return FillStatus::kEndOfStream;
  if (read_end_ == ReadEnd::kError) return FillStatus::kError;
  if (in_.size() >= limit) return FillStatus::kFull;
  if (!readable_) return FillStatus::kWouldBlock;

  const size_t wanted = std::min(read_slabs_ * SlabPool::kSlabCapacity, limit - in_.size());
  iovec pieces[kMaxReadPieces];
  const int count = in_.PrepareWritev(wanted, pieces, kMaxReadPieces);
  const IoResult result = transport_->Read(pieces, count);
  in_.CommitWrite(result.bytes);
  if (result.status == IoStatus::kOk) {
    size_t room = 0;
    for (int i = 0; i < count; ++i) room += pieces[i].iov_len;
    AdaptReadSize(room, result.bytes);
  }
  return AcceptRead(result);
}

FillStatus Connection::AcceptRead(const IoResult& result) {
  switch (result.status) {
    case IoStatus::kOk:
      bytes_read_ += result.bytes;
      // The end comes with no readiness of its own when its event was seen before this read.
      readable_ = result.more || peer_ended_ || hung_up_;
      return FillStatus::kRead;
    case IoStatus::kWouldBlock: readable_ = false; return FillStatus::kWouldBlock;
    case IoStatus::kEndOfStream:
      readable_ = false;
      read_end_ = ReadEnd::kEndOfStream;
      return FillStatus::kEndOfStream;
    case IoStatus::kError: break;
  }
  readable_ = false;
  read_end_ = ReadEnd::kError;
  error_ = result.error;
  return FillStatus::kError;
}

void Connection::AdaptReadSize(size_t room, size_t got) {
  // The rest of a large message is no sign that the next one will be small.
  if (got < room / 4) {
    read_slabs_ = 1;
  } else if (got < room) {
    return;
  } else if (read_slabs_ < kMaxReadSlabs) {
    read_slabs_ = static_cast<uint8_t>(read_slabs_ * 2);
  }
}

FlushStatus Connection::Flush() {
  if (write_failed_) return FlushStatus::kError;
  while (!out_.empty()) {
    if (!writable_) return FlushStatus::kBlocked;
    iovec pieces[kMaxWritePieces];
    const IoResult result = transport_->Write(pieces, out_.FillIovec(pieces, kMaxWritePieces));
    if (result.status == IoStatus::kError) {
      writable_ = false;
      write_failed_ = true;
      error_ = result.error;
      return FlushStatus::kError;
    }
    out_.Consume(result.bytes);
    bytes_written_ += result.bytes;
    writable_ = result.more;
  }
  return FlushStatus::kDone;
}

void Connection::ShutdownWrite() {
  if (open()) transport_->ShutdownWrite();
}

void Connection::OnEvents(uint32_t events) {
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const bool ended = (events & EPOLLRDHUP) != 0;
  // The end and errors are found by reading. Once one was found, nothing is left to be read.
  const bool readable = (failed || ended || (events & EPOLLIN) != 0) && read_end_ == ReadEnd::kNone;
  const bool writable = (events & EPOLLOUT) != 0 && !write_failed_;
  const bool changed = (readable && !readable_) || (writable && !writable_) ||
                       (ended && !peer_ended_) || (failed && !hung_up_);
  readable_ |= readable;
  writable_ |= writable;
  peer_ended_ |= ended;
  hung_up_ |= failed;
  if (changed) events_->OnConnectionReady();
}

}  // namespace holdfast::pool
