#ifndef HOLDFAST_POOL_POOL_CONTEXT_H_
#define HOLDFAST_POOL_POOL_CONTEXT_H_

#include <cstddef>
#include <functional>
#include <string>

#include "pool/connection_protocol.h"
#include "pool/dialer.h"
#include "pool/net/buffer.h"
#include "pool/net/event_loop.h"
#include "pool/net/random.h"
#include "pool/net/socket_address.h"
#include "pool/peers.h"
#include "pool/shelves.h"
#include "pool/worker_pools.h"

namespace holdfast::pool {

// What a pool needs of its worker and of the other workers. Everything outlives the pool.
struct PoolContext {
  EventLoop* loop;
  SlabPool* slabs;
  Dialer* dialer;
  Random* random;
  Shelves* shelves;
  const Peers* peers = nullptr;  // null: nothing is shared
  size_t worker = 0;
  WorkerPools* pools = nullptr;  // null: it stands alone
  const ProtocolChoice* protocols = &AlwaysExclusive();
  // An endpoint has failed so many requests in a row that it may have to be left out.
  // `cause` is for people.
  std::function<void(const std::string& upstream, const SocketAddress& endpoint,
                     const std::string& cause)>
      on_trouble;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_POOL_CONTEXT_H_
