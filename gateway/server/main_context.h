#ifndef HOLDFAST_GATEWAY_SERVER_MAIN_CONTEXT_H_
#define HOLDFAST_GATEWAY_SERVER_MAIN_CONTEXT_H_

#include "metrics/registry.h"
#include "pool/net/buffer.h"
#include "pool/net/clock.h"
#include "pool/net/event_loop.h"
#include "pool/net/mailbox.h"

namespace holdfast::server {

// What the parts of the main thread share. Owned by the server and outlives them; the loop then
// destroys what they have put aside. Main thread, but for the mailbox.
struct MainContext {
  const pool::Clock* clock;
  pool::SlabPool slabs{};
  metrics::Registry registry{};
  metrics::Shard* shard = registry.AddShard();
  pool::EventLoop loop{clock};
  pool::Mailbox mailbox{&loop};  // letters to the main thread
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_MAIN_CONTEXT_H_
