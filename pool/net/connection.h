#ifndef HOLDFAST_POOL_NET_CONNECTION_H_
#define HOLDFAST_POOL_NET_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/socket.h"
#include "pool/net/transport.h"
#include "pool/net/transport_slot.h"

namespace holdfast::pool {

// Hears that a connection was established or could not be, that what it waited for has come, or
// that the peer's end or a failure was seen. Loop thread. It looks at the connection, does what it
// can, and may Close, DestroyLater or destroy it.
class ConnectionEvents {
 public:
  virtual void OnConnectionReady() = 0;

 protected:
  ~ConnectionEvents() = default;
};

enum class FillStatus {
  kRead,         // in() grew; readable() says whether there may be more
  kWouldBlock,   // nothing there
  kFull,         // in() has reached the limit; readiness is remembered
  kEndOfStream,  // the peer's end, once every byte before it was taken; end() says in what order
  kError,        // error() says why
};

enum class FlushStatus {
  kDone,     // out() is empty
  kBlocked,  // the peer is slow; OnConnectionReady comes when there is room again
  kError,    // error() says why; what the peer sent before may still be there to Fill
};

// How the peer's side of a connection ended, as far as reading, writing or the socket has told.
enum class ConnectionEnd : uint8_t {
  kOpen,
  kEndedInOrder,  // it sent its end; bytes before that may still be unread
  kTruncated,     // its socket ended before it had said so (Transport::ends_with_socket)
  kReset,
  kFailed,  // any other error
};

// One socket with what is read but not consumed and what is to be written. Edge-triggered: it
// remembers for each direction what a blocked call waits for, so a short read or write costs no
// second system call, and a reader that pauses loses nothing. An OnConnectionReady is due only when
// what was waited for has come: whoever stops reading while readable() calls Fill again by itself.
//
// One thread. Its owner destroys it (through the loop's DestroyLater when a caller's frame may
// still use it); destruction closes. The loop and the slab pool outlive it.
class Connection final : private EventHandler {
 public:
  // Read in one go, give or take part of a slab, once a peer has shown that it sends much.
  static constexpr size_t kMaxReadBytes = 64 * 1024;

  enum class Stage : uint8_t {
    kEstablishing,  // the socket connects, or the transport has to agree with the peer first
    kEstablished,
  };

  // While it is establishing it drives the transport by itself and calls `events` once that is
  // over: established() or error() then says how. Whoever waits for it keeps the deadline.
  Connection(EventLoop* loop, SlabPool* slabs, std::unique_ptr<Transport> transport,
             ConnectionEvents* events, Stage stage);
  // The same over a plain socket.
  Connection(EventLoop* loop, SlabPool* slabs, FileDescriptor socket, ConnectionEvents* events,
             Stage stage);
  // While it is establishing, and before Open: the socket is connected, and the peer speaks first.
  void AwaitPeer();
  // Takes all over, the place in the loop too; `from` is closed after it.
  Connection(Connection&& from, ConnectionEvents* events);
  ~Connection();

  // Registers with the loop: 0 or errno. Call once, before anything is waited for. A client's is
  // served in turn.
  [[nodiscard]] int Open(Precedence precedence = Precedence::kAtOnce);
  // The peer may have sent something that the loop has not told of, because the connection is not
  // open to it yet or waits for its turn: the next Fill looks. What it does not find costs a system
  // call.
  void LookForMore();
  // Closes the socket now. No callback follows; in() and out() keep their bytes,
  // Fill and Flush find nothing to do. Idempotent.
  void Close();
  // Nothing is read but not consumed, nor to be written, here or within the transport.
  bool Detachable() const;
  // Unregisters and gives the socket away, open; the connection is closed after it. Only while
  // Detachable.
  std::unique_ptr<Transport> Release();
  // Unregisters and gives the bare socket away, open, for whoever has to speak to the peer without
  // the transport; what lies within that is lost, and the connection is closed after it. Invalid:
  // there is no descriptor to be had.
  FileDescriptor ReleaseSocket();
  // As Close, but tells a TCP peer with a reset (SO_LINGER 0) that what it got is not to be
  // trusted.
  void Abort();
  // Until Close or Abort.
  bool open() const { return transport_.get() != nullptr; }

  // Reads once (the system call's size adapts, up to kMaxReadBytes) unless in() holds `limit` bytes
  // or more already; it may pass the limit by what room the last slab has. Makes no system call
  // unless readable(). The end of the stream and errors are sticky.
  FillStatus Fill(size_t limit);
  // Writes out() until it is empty or the socket takes no more. Errors are sticky.
  FlushStatus Flush();
  // Sends our end after what was flushed. Where the transport needs the peer's readiness for it,
  // the connection goes on by itself as long as it is open.
  void Shutdown();
  // Nothing is written but what is in out() already, and the connection is closed once that has
  // left: what tells the peer may leave with it.
  void ExpectEnd() { end_expected_ = true; }
  // Before Close: what the transport has to tell the peer of the end, in so far as the socket takes
  // it at once.
  void SayEnd();
  // Looks at an idle connection without taking anything: one system call. What was read already
  // counts as data. Whoever finds data and does not read it now comes back by itself: it may lie
  // inside the transport, and no OnConnectionReady be due.
  Quiet Inspect();

  bool established() const { return stage_ == Stage::kEstablished; }
  // The socket is connected, and the transport has to agree with the peer yet, or has done so.
  bool reached() const { return established() || reached_; }
  // A Fill may find bytes, the peer's end or an error.
  bool readable() const { return read_waits_ == Wants::kNothing && read_end_ == ReadEnd::kNone; }
  // The loop knows of something to be read that it has not told of: the connection's turn comes
  // yet.
  bool news_waits() const { return registered_ && loop_->ReadinessWaits(transport_->fd(), this); }
  ConnectionEnd end() const { return end_; }
  // Both directions are finished, or the socket failed: the peer takes nothing any more.
  bool gone() const { return gone_; }
  // Of the latest failed read, write or attempt to become established; errno, or 0.
  int error() const { return error_; }
  // The transport's own word for it; null: errno says it all.
  const char* error_word() const { return error_word_; }

  Buffer& in() { return in_; }
  Buffer& out() { return out_; }
  const Buffer& in() const { return in_; }
  const Buffer& out() const { return out_; }
  // -1 once closed.
  int fd() const { return open() ? transport_->fd() : -1; }
  // While open() only.
  Transport& transport() { return *transport_.get(); }
  const Transport& transport() const { return *transport_.get(); }
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_written() const { return bytes_written_; }
  // Hands the connection to another listener (idle reader <-> exchange).
  void set_events(ConnectionEvents* events) { events_ = events; }

 private:
  enum class ReadEnd : uint8_t { kNone, kEndOfStream, kError };

  void OnEvents(uint32_t events) override;
  // True once it is decided, one way or the other.
  bool Establish();
  FillStatus AcceptRead(const IoResult& result);
  void AdaptReadSize(size_t room, size_t got);
  void NoteEnd(ConnectionEnd end);
  void NoteFailure(const IoError& error);
  void LookForEnd();
  void ContinueShutdown();
  void StopWaiting();

  EventLoop* loop_;
  ConnectionEvents* events_;
  Buffer in_;
  Buffer out_;
  uint64_t bytes_read_ = 0;
  uint64_t bytes_written_ = 0;
  const char* error_word_ = nullptr;
  // What follows it lies in its padding.
  [[no_unique_address]] TransportSlot transport_;
  // Size of the next read: doubles while reads come back full, until one brings little.
  uint8_t read_slabs_ = 1;
  Stage stage_;
  // What each direction waits for; kNothing: it may go on. While establishing the latter stands for
  // the transport.
  Wants read_waits_ = Wants::kRead;
  int error_ = 0;
  Wants write_waits_;
  Wants shutdown_waits_ = Wants::kNothing;  // kNothing: it is not asked for, or done
  ReadEnd read_end_ = ReadEnd::kNone;
  ConnectionEnd end_ = ConnectionEnd::kOpen;
  bool registered_ : 1 = false;
  bool write_failed_ : 1 = false;
  bool socket_ended_ : 1 = false;  // the peer's FIN was seen
  bool gone_ : 1 = false;
  bool reached_ : 1 = false;
  bool end_expected_ : 1 = false;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_CONNECTION_H_
