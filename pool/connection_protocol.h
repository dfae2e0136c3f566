#ifndef HOLDFAST_POOL_CONNECTION_PROTOCOL_H_
#define HOLDFAST_POOL_CONNECTION_PROTOCOL_H_

#include <cstdint>
#include <memory>

#include "pool/endpoint_key.h"
#include "pool/net/connection.h"
#include "pool/reasons.h"

namespace holdfast::pool {

// Hears what a protocol learns of its peer.
class ProtocolEvents {
 public:
  // capacity() or end() says something new. Called from the loop, never from inside a call to the
  // protocol.
  virtual void OnProtocolChanged() = 0;

 protected:
  ~ProtocolEvents() = default;
};

// What a pool has to know of the protocol that is spoken on one of its connections. One thread;
// owned by the connection.
class ConnectionProtocol {
 public:
  virtual ~ConnectionProtocol() = default;

  // How many leases it carries at a time: at least one. It is asked again when one begins or ends,
  // and when `events` were told.
  virtual uint32_t capacity() const = 0;
  // Why it takes no new lease, although those that are out may end well; kNone: it does.
  virtual CloseReason end() const = 0;
  // Once, before the first lease.
  virtual void Attach(ProtocolEvents* events) = 0;
  // Looks at the connection while nobody holds a lease of it: something may have come, or somebody
  // wants to use it. Takes what the protocol may send then. kNone: it is as good as before.
  virtual CloseReason OnIdleReadable(Connection& connection) = 0;
  // The connection, of which nobody holds a lease, is closed right after this, and not because of
  // the peer: says so, as far as that leaves at once.
  virtual void SayEnd() = 0;
  // It may go to another worker while nobody holds a lease.
  virtual bool travels() const = 0;
  // Who hears of the connection while there are leases. Null: the one who holds the lease, which is
  // then the only one.
  virtual ConnectionEvents* listener() = 0;
};

// One request at a time, as HTTP/1.1: an idle peer has nothing to say, so whatever it says spoils
// the connection (RFC 9112 section 9.2).
class ExclusiveProtocol final : public ConnectionProtocol {
 public:
  uint32_t capacity() const override { return 1; }
  CloseReason end() const override { return CloseReason::kNone; }
  void Attach(ProtocolEvents*) override {}
  CloseReason OnIdleReadable(Connection& connection) override;
  void SayEnd() override {}
  bool travels() const override { return true; }
  ConnectionEvents* listener() override { return nullptr; }
};

// Which protocol it will be. The thread of the pools, which it outlives.
class ProtocolChoice {
 public:
  virtual ~ProtocolChoice() = default;
  // How many leases a connection that is being opened is expected to carry, as long as none has
  // shown: at least one.
  virtual uint32_t ExpectedCapacity(const EndpointKey& key) const = 0;
  // For one that was just established, and outlives it; Transport::protocol() says what was agreed
  // on.
  virtual std::unique_ptr<ConnectionProtocol> ProtocolFor(const EndpointKey& key,
                                                          Connection& connection) const = 0;
};

// HTTP/1.1 everywhere.
const ProtocolChoice& AlwaysExclusive();

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECTION_PROTOCOL_H_
