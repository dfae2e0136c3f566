#include "pool/net/connection.h"

#include <fcntl.h>
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

// Whether what it waits for has come; it waits no longer then.
bool Awaken(Wants* waits, bool readable, bool writable) {
  const bool come = (*waits == Wants::kRead && readable) || (*waits == Wants::kWrite && writable);
  if (come) *waits = Wants::kNothing;
  return come;
}

}  // namespace

static_assert(sizeof(Connection) <= 120, "an idle connection is to cost little");

Connection::Connection(EventLoop* loop, SlabPool* slabs, std::unique_ptr<Transport> transport,
                       ConnectionEvents* events, Stage stage)
    : loop_(loop),
      events_(events),
      in_(slabs),
      out_(slabs),
      transport_(std::move(transport)),
      stage_(stage),
      // An established socket takes bytes until it says otherwise; one that connects says when.
      write_waits_(stage == Stage::kEstablished ? Wants::kNothing : Wants::kWrite) {
  HOLDFAST_CHECK(open() && transport_->fd() >= 0);
  transport_->Arrive(loop, slabs);
}

Connection::Connection(EventLoop* loop, SlabPool* slabs, FileDescriptor socket,
                       ConnectionEvents* events, Stage stage)
    : loop_(loop),
      events_(events),
      in_(slabs),
      out_(slabs),
      transport_(std::move(socket)),
      stage_(stage),
      write_waits_(stage == Stage::kEstablished ? Wants::kNothing : Wants::kWrite) {
  HOLDFAST_CHECK(transport_->fd() >= 0);
}

Connection::Connection(Connection&& from, ConnectionEvents* events)
    : loop_(from.loop_),
      events_(events),
      in_(std::move(from.in_)),
      out_(std::move(from.out_)),
      bytes_read_(from.bytes_read_),
      bytes_written_(from.bytes_written_),
      error_word_(from.error_word_),
      transport_(std::move(from.transport_)),
      read_slabs_(from.read_slabs_),
      stage_(from.stage_),
      read_waits_(from.read_waits_),
      error_(from.error_),
      write_waits_(from.write_waits_),
      shutdown_waits_(from.shutdown_waits_),
      read_end_(from.read_end_),
      end_(from.end_),
      registered_(from.registered_),
      write_failed_(from.write_failed_),
      socket_ended_(from.socket_ended_),
      gone_(from.gone_),
      reached_(from.reached_),
      end_expected_(from.end_expected_) {
  HOLDFAST_CHECK(open() && !from.open());
  if (registered_) loop_->Rebind(transport_->fd(), &from, this);
  from.registered_ = false;
  from.StopWaiting();
}

Connection::~Connection() { Close(); }

int Connection::Open(Precedence precedence) {
  HOLDFAST_CHECK(open() && !registered_);
  const int error =
      loop_->Register(transport_->fd(), this, EventLoop::kConnectionEvents, precedence);
  registered_ = error == 0;
  return error;
}

void Connection::AwaitPeer() {
  HOLDFAST_CHECK(!registered_ && !established());
  write_waits_ = Wants::kRead;
}

void Connection::LookForMore() {
  HOLDFAST_CHECK(open() && established());
  if (read_waits_ == Wants::kRead) read_waits_ = Wants::kNothing;
}

void Connection::StopWaiting() {
  read_waits_ = Wants::kRead;
  write_waits_ = Wants::kWrite;
  shutdown_waits_ = Wants::kNothing;
}

void Connection::Close() {
  if (registered_) loop_->Forget(transport_->fd(), this);
  registered_ = false;
  StopWaiting();
  transport_.Reset();
}

bool Connection::Detachable() const {
  return open() && established() && in_.empty() && out_.empty() && read_end_ == ReadEnd::kNone &&
         transport_->Detachable();
}

std::unique_ptr<Transport> Connection::Release() {
  HOLDFAST_CHECK(Detachable());
  if (registered_) loop_->Unregister(transport_->fd(), this);
  registered_ = false;
  StopWaiting();
  transport_->Leave();
  return transport_.Release();
}

FileDescriptor Connection::ReleaseSocket() {
  HOLDFAST_CHECK(open());
  FileDescriptor socket(fcntl(transport_->fd(), F_DUPFD_CLOEXEC, 3));
  if (registered_) loop_->Unregister(transport_->fd(), this);
  registered_ = false;
  Close();
  return socket;
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
  if (read_waits_ != Wants::kNothing) return FillStatus::kWouldBlock;

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
      if (!result.more && !socket_ended_ && !gone_) read_waits_ = Wants::kRead;
      return FillStatus::kRead;
    case IoStatus::kBlocked:
      HOLDFAST_CHECK(result.wants != Wants::kNothing);
      read_waits_ = result.wants;
      return FillStatus::kWouldBlock;
    case IoStatus::kEnd:
    case IoStatus::kTruncated:
      read_end_ = ReadEnd::kEndOfStream;
      NoteEnd(result.status == IoStatus::kEnd ? ConnectionEnd::kEndedInOrder
                                              : ConnectionEnd::kTruncated);
      return FillStatus::kEndOfStream;
    case IoStatus::kFailed: break;
  }
  read_end_ = ReadEnd::kError;
  NoteFailure(result.error);
  return FillStatus::kError;
}

// What was learned of a reset stays: after it reading may show an orderly end.
void Connection::NoteEnd(ConnectionEnd end) {
  if (end_ < ConnectionEnd::kReset) end_ = std::max(end_, end);
}

// EPIPE only says that the peer takes nothing any more, which it may have told in good order.
void Connection::NoteFailure(const IoError& error) {
  error_ = error.system;
  error_word_ = error.word;
  if (error.system == EPIPE) return;
  NoteEnd(error.system == ECONNRESET ? ConnectionEnd::kReset : ConnectionEnd::kFailed);
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
    if (write_waits_ != Wants::kNothing) return FlushStatus::kBlocked;
    iovec pieces[kMaxWritePieces];
    const int count = out_.FillIovec(pieces, kMaxWritePieces);
    if (end_expected_ && count < kMaxWritePieces) transport_->ExpectEnd();
    const IoResult result = transport_->Write(pieces, count);
    if (result.status == IoStatus::kFailed) {
      write_failed_ = true;
      NoteFailure(result.error);
      return FlushStatus::kError;
    }
    out_.Consume(result.bytes);
    bytes_written_ += result.bytes;
    if (result.status == IoStatus::kBlocked) {
      HOLDFAST_CHECK(result.wants != Wants::kNothing);
      write_waits_ = result.wants;
    } else if (!result.more) {
      write_waits_ = Wants::kWrite;
    }
  }
  return FlushStatus::kDone;
}

void Connection::Shutdown() {
  if (open()) ContinueShutdown();
}

void Connection::SayEnd() {
  if (open() && !gone_) transport_->SayEnd();
}

void Connection::ContinueShutdown() {
  const IoResult result = transport_->Shutdown();
  shutdown_waits_ = result.status == IoStatus::kBlocked ? result.wants : Wants::kNothing;
}

Quiet Connection::Inspect() {
  if (!open()) return Quiet::kError;
  if (!in_.empty()) return Quiet::kData;
  const Quiet found = transport_->Inspect();
  if (read_end_ != ReadEnd::kNone) return found;
  if (found == Quiet::kQuiet) {
    // What there was has been digested.
    read_waits_ = socket_ended_ || gone_ ? Wants::kNothing : Wants::kRead;
  } else if (!transport_->ends_with_socket()) {
    // It lies inside the transport now, where no readiness tells of it.
    read_waits_ = Wants::kNothing;
  }
  return found;
}

void Connection::OnEvents(uint32_t events) {
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const bool ended = (events & EPOLLRDHUP) != 0;
  // The end and errors are found by reading. Once one was found, nothing is left to be read.
  bool readable = failed || ended || (events & EPOLLIN) != 0;
  const bool writable = failed || (events & EPOLLOUT) != 0;
  bool changed = false;
  if (ended || failed) {
    changed = (ended && !socket_ended_) || (failed && !gone_);
    socket_ended_ |= ended;
    gone_ |= failed;
  }
  if (stage_ == Stage::kEstablishing) {
    if (!Awaken(&write_waits_, readable, writable) || !Establish()) return;
    changed = true;
    // Reading has been a part of it.
    if (!transport_->ends_with_socket()) readable = socket_ended_ || gone_;
  }
  if (read_end_ == ReadEnd::kNone) changed |= Awaken(&read_waits_, readable, writable);
  if (!write_failed_) changed |= Awaken(&write_waits_, readable, writable);
  if (Awaken(&shutdown_waits_, readable, writable)) ContinueShutdown();
  if (changed && ended) LookForEnd();
  if (changed) events_->OnConnectionReady();
}

bool Connection::Establish() {
  IoResult result = transport_->Establish();
  // The end that came with what was read makes itself heard just once.
  const bool heard_all = socket_ended_ || gone_;
  if (heard_all && result.status == IoStatus::kBlocked) result = transport_->Establish();
  switch (result.status) {
    case IoStatus::kOk:
      stage_ = Stage::kEstablished;
      if (result.more) read_waits_ = Wants::kNothing;
      return true;
    case IoStatus::kBlocked:
      HOLDFAST_CHECK(result.wants != Wants::kNothing);
      write_waits_ = result.wants;
      reached_ = true;
      return false;
    case IoStatus::kEnd:
    case IoStatus::kTruncated: NoteEnd(ConnectionEnd::kTruncated); break;
    case IoStatus::kFailed: NoteFailure(result.error); break;
  }
  write_failed_ = true;
  read_end_ = ReadEnd::kError;
  return true;
}

void Connection::LookForEnd() {
  if (transport_->ends_with_socket()) return NoteEnd(ConnectionEnd::kEndedInOrder);
  if (!established() || read_end_ != ReadEnd::kNone) return;
  switch (Inspect()) {
    case Quiet::kEnd: return NoteEnd(ConnectionEnd::kEndedInOrder);
    case Quiet::kError: return NoteEnd(ConnectionEnd::kTruncated);
    case Quiet::kData:
    case Quiet::kQuiet: return;  // Reading will tell.
  }
}

}  // namespace holdfast::pool
