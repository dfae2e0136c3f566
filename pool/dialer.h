#ifndef HOLDFAST_POOL_DIALER_H_
#define HOLDFAST_POOL_DIALER_H_

#include <memory>
#include <optional>

#include "pool/endpoint_key.h"
#include "pool/net/buffer.h"
#include "pool/net/clock.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/net/proxy_header.h"
#include "pool/net/socket.h"
#include "pool/net/transport.h"
#include "pool/reasons.h"

namespace holdfast::pool {

// How long one attempt to connect may take, and what it has to bring.
struct DialTerms {
  std::optional<TimePoint> slow_at;   // OnDialSlow comes then; nullopt: never
  std::optional<TimePoint> deadline;  // the attempt is given up then; nullopt: its owner does that
  // A peer that has spoken or ended before it was asked is a failure: what it says is no response
  // (RFC 9112 section 9.2).
  bool quiet = true;
  // Whom the connection is introduced for, if the key asks for that; null: nobody, it is made on
  // our own behalf. Not used after the call.
  const ProxiedEnds* ends = nullptr;
  // It is for a client whose ends are not known.
  bool for_client = false;
  TcpOptions tcp;
};

// Hears how an attempt goes. Loop thread, never from inside Dial.
class DialEvents {
 public:
  // At most once. The attempt goes on; it must not be destroyed from inside this call.
  virtual void OnDialSlow() = 0;
  // The attempt is over with either of these, and may be destroyed from inside the call. The
  // connection is established; whoever takes it must set its events before the call returns.
  virtual void OnDialed(std::unique_ptr<Connection> connection) = 0;
  virtual void OnDialFailed(CheckoutFailure failure) = 0;

 protected:
  ~DialEvents() = default;
};

// An attempt that is under way or over. Destruction gives it up and calls nothing.
class DialAttempt {
 public:
  virtual ~DialAttempt() = default;
  // The socket is connected: what is left is for the transport to agree on with the peer.
  virtual bool reached() const { return false; }
};

// What Dial answers, by value: an attempt whose end will be told, or a failure at once (no
// descriptor, no route).
struct DialStart {
  std::unique_ptr<DialAttempt> attempt;  // null: it failed
  CheckoutResult refusal = CheckoutResult::kConnectFailed;
};

// Makes connections to endpoints. One thread; outlives its attempts.
class Dialer {
 public:
  virtual ~Dialer() = default;
  // `events` outlives the attempt.
  virtual DialStart Dial(const EndpointKey& key, const DialTerms& terms, DialEvents* events) = 0;
};

// Makes the transports of connections to upstreams that are not plain. Loop thread.
class UpstreamTransports {
 public:
  // Over a socket that connects, for a key whose `tls` is not plain. Null: it can't be made.
  virtual std::unique_ptr<Transport> MakeFor(FileDescriptor socket, const EndpointKey& key) = 0;
  // A connection for this key was established, or failed.
  virtual void OnEstablished(const EndpointKey& key, const Handshake& handshake) = 0;

 protected:
  ~UpstreamTransports() = default;
};

// Connects sockets and establishes connections over them. The one place on the side of the
// upstreams that chooses a transport, from the key.
//
// The backlog of a UNIX socket may be full, and unlike TCP the kernel does not wait until it has
// room: the connect is tried again until the deadline.
class SocketDialer : public Dialer {
 public:
  // A full backlog is tried again after so long, then after twice as long each time up to the
  // second.
  static constexpr Duration kFirstAgain = std::chrono::milliseconds(10);
  static constexpr Duration kLastAgain = std::chrono::milliseconds(100);

  // All outlive it. `transports` may be null where every key is plain.
  SocketDialer(EventLoop* loop, SlabPool* slabs, UpstreamTransports* transports = nullptr)
      : loop_(loop), slabs_(slabs), transports_(transports) {}
  SocketDialer(const SocketDialer&) = delete;
  SocketDialer& operator=(const SocketDialer&) = delete;

  DialStart Dial(const EndpointKey& key, const DialTerms& terms, DialEvents* events) override;

 private:
  // Chooses the transport over a socket that connects; null: there is none. Tests have one of their
  // own.
  virtual std::unique_ptr<Transport> MakeTransport(FileDescriptor socket, const EndpointKey& key);

  EventLoop* loop_;
  SlabPool* slabs_;
  UpstreamTransports* transports_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DIALER_H_
