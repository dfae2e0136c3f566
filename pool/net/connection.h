#ifndef HOLDFAST_POOL_NET_CONNECTION_H_
#define HOLDFAST_POOL_NET_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/transport.h"

namespace holdfast::pool {

// Hears that a connection's readiness changed. Loop thread. It looks at readable(), writable() and
// hung_up(), does what it can, and may Close, DestroyLater or destroy the connection.
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
  kEndOfStream,  // the peer's end, once every byte before it was taken
  kError,        // error() says why
};

enum class FlushStatus {
  kDone,     // out() is empty
  kBlocked,  // the peer is slow; OnConnectionReady comes when there is room again
  kError,    // error() says why; what the peer sent before may still be there to Fill
};

// One socket with what is read but not consumed and what is to be written. Edge-triggered: it
// remembers readiness, so a short read or write costs no second system call, and a reader that
// pauses loses nothing. An OnConnectionReady is due only for new readiness: whoever stops reading
// while readable() calls Fill again by itself.
//
// One thread. Its owner destroys it (through the loop's DestroyLater when a caller's frame may
// still use it); destruction closes. The loop and the slab pool outlive it.
class Connection final : private EventHandler {
 public:
  // Read in one go, give or take part of a slab, once a peer has shown that it sends much.
  static constexpr size_t kMaxReadBytes = 64 * 1024;

  // `connecting`: wait for the connect to finish before writing.
  Connection(EventLoop* loop, SlabPool* slabs, std::unique_ptr<Transport> transport,
             ConnectionEvents* events, bool connecting);
  ~Connection();

  // Registers with the loop: 0 or errno. Call once, before anything else.
  [[nodiscard]] int Open();
  // Unregisters and closes the socket now. No callback follows; in() and out() keep their bytes,
  // Fill and Flush find nothing to do. Idempotent.
  void Close();
  // Unregisters and gives the socket away, open; the connection is closed after it. Only while
  // nothing is read but not consumed, nor to be written.
  std::unique_ptr<Transport> Release();
  // As Close, but tells a TCP peer with a reset (SO_LINGER 0) that what it got is not to be
  // trusted.
  void Abort();
  // Until Close or Abort.
  bool open() const { return transport_ != nullptr; }

  // Reads once (the system call's size adapts, up to kMaxReadBytes) unless in() holds `limit` bytes
  // or more already; it may pass the limit by what room the last slab has. Makes no system call
  // unless readable(). The end of the stream and errors are sticky.
  FillStatus Fill(size_t limit);
  // Writes out() until it is empty or the socket takes no more. Errors are sticky.
  FlushStatus Flush();
  // Sends our end after what was flushed.
  void ShutdownWrite();

  // A Fill may find bytes, the peer's end or an error.
  bool readable() const { return readable_; }
  // The socket may take bytes. After `connecting`: the attempt has ended, TakeSocketError says how.
  bool writable() const { return writable_; }
  // The peer sent its end (EPOLLRDHUP): bytes before it may still be unread.
  bool peer_ended() const { return peer_ended_; }
  // Both directions are finished, or the socket failed.
  bool hung_up() const { return hung_up_; }
  // errno of the latest failed read or write, or 0.
  int error() const { return error_; }

  Buffer& in() { return in_; }
  Buffer& out() { return out_; }
  const Buffer& in() const { return in_; }
  const Buffer& out() const { return out_; }
  // -1 once closed.
  int fd() const { return open() ? transport_->fd() : -1; }
  // While open() only.
  Transport& transport() { return *transport_; }
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_written() const { return bytes_written_; }
  // Hands the connection to another listener (idle reader <-> exchange).
  void set_events(ConnectionEvents* events) { events_ = events; }

 private:
  enum class ReadEnd : uint8_t { kNone, kEndOfStream, kError };

  void OnEvents(uint32_t events) override;
  FillStatus AcceptRead(const IoResult& result);
  void AdaptReadSize(size_t room, size_t got);

  EventLoop* loop_;
  ConnectionEvents* events_;
  std::unique_ptr<Transport> transport_;
  Buffer in_;
  Buffer out_;
  uint64_t bytes_read_ = 0;
  uint64_t bytes_written_ = 0;
  int error_ = 0;
  // Size of the next read: doubles while reads come back full, until one brings little.
  uint8_t read_slabs_ = 1;
  ReadEnd read_end_ = ReadEnd::kNone;
  bool registered_ = false;
  bool readable_ = false;
  bool writable_;
  bool write_failed_ = false;
  bool peer_ended_ = false;
  bool hung_up_ = false;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_CONNECTION_H_
