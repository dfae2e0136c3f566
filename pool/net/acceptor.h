#ifndef HOLDFAST_POOL_NET_ACCEPTOR_H_
#define HOLDFAST_POOL_NET_ACCEPTOR_H_

#include <cstdint>

#include "pool/net/event_loop.h"
#include "pool/net/socket.h"
#include "pool/net/tcp_options.h"

namespace holdfast::pool {

// Receives accepted connections and hears of trouble. Loop thread.
class AcceptorEvents {
 public:
  // The socket is non-blocking and close-on-exec; TCP_NODELAY is set when Listen made the listener.
  virtual void OnAccept(FileDescriptor socket, const SocketAddress& peer) = 0;
  // accept(2) failed with `error` (EMFILE, ENFILE, ENOBUFS, ...): for the metric.
  virtual void OnAcceptError(int error) = 0;
  // Asked before each accept; false stops accepting until Resume (the connection cap).
  virtual bool MayAccept() = 0;
  // Accepting pauses here. MayAccept may have said yes once more than a connection came.
  virtual void OnBatchEnd() {}

 protected:
  ~AcceptorEvents() = default;
};

// Accepts on one listening socket, in batches per turn that follow what comes: asking once more
// than there are clients costs a system call, which at one client per turn is a tenth of what a
// client costs. A batch is one, doubles each kFullTurns turns in which it was filled, up to kBatch,
// and is what had come when less had.
//
// When descriptors run out it spends its reserved descriptor on accepting one waiting client and
// closes it at once, so that the client is told. Then it takes the reserve back and rests for
// kBackoff. So it neither spins nor leaves clients hanging in the backlog for long.
//
// One thread. The caller owns it; destruction closes the listening socket. The events may call
// Pause and Resume, and destroy the acceptor only through EventLoop::DestroyLater (after Pause, if
// no more is to be accepted meanwhile).
class Acceptor final : private EventHandler {
 public:
  static constexpr int kBatch = 64;  // at the most
  static constexpr int kFullTurns = 4;
  static constexpr Duration kBackoff = std::chrono::milliseconds(100);

  // `listener` is a non-blocking listening socket. Accepting begins with the loop's next turn. When
  // the kernel refuses to watch the socket the acceptor tries again every kBackoff, and
  // OnAcceptError hears of it from the second time on.
  Acceptor(EventLoop* loop, FileDescriptor listener, AcceptorEvents* events);
  ~Acceptor();

  // Connections that are accepted from now on have these options; so many may wait to be. Not when
  // the socket is bound: one that was handed over by an older process gets them, too.
  void Configure(const TcpOptions& options, int backlog);
  // Stops listening to new connections (drain) but keeps the socket, or begins again.
  void Pause();
  void Resume();
  bool paused() const { return paused_; }
  int fd() const { return listener_.get(); }

 private:
  void OnEvents(uint32_t events) override;
  void OnRestEnd(TimePoint now);
  enum class Outcome : uint8_t { kAccepted, kPassedOver, kNobody, kFailed };
  Outcome AcceptOne();
  bool ShedOne();
  // So many were accepted in a turn; `emptied`: and nobody else had come.
  void AdaptBatch(int accepted, bool emptied);
  void Rest();
  // Brings what the loop watches in line with paused_ and rest_. 0, or errno when the kernel
  // refuses; then it rests.
  int Watch();

  EventLoop* loop_;
  FileDescriptor listener_;
  // Spent when descriptors run out. Invalid only while the kernel gives none.
  FileDescriptor reserve_;
  AcceptorEvents* events_;
  MemberTimer<Acceptor, &Acceptor::OnRestEnd> rest_{this};
  int batch_ = 1;
  int full_turns_ = 0;  // in a row
  bool paused_ = false;
  bool registered_ = false;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_NET_ACCEPTOR_H_
