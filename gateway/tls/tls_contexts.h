#ifndef HOLDFAST_GATEWAY_TLS_TLS_CONTEXTS_H_
#define HOLDFAST_GATEWAY_TLS_TLS_CONTEXTS_H_

#include <map>
#include <memory>
#include <string>

#include <absl/container/flat_hash_map.h>

#include "gateway/config/config.h"
#include "gateway/tls/tls_plan.h"
#include "pool/tls/ticket_keys.h"
#include "pool/tls/tls_client_context.h"
#include "pool/tls/tls_server_context.h"
#include "pool/tls_identity.h"

namespace holdfast::tls {

// By the listener's name.
using TicketKeySets = std::map<std::string, std::shared_ptr<const pool::TicketKeys>>;

// What one worker speaks TLS with. Made on the main thread, which takes its time, and the worker's
// from then on; the main thread keeps it only to know what the worker has.
struct TlsContexts {
  absl::flat_hash_map<std::string, std::shared_ptr<pool::TlsServerContext>> servers;  // by listener
  absl::flat_hash_map<pool::TlsIdentity, std::shared_ptr<pool::TlsClientContext>> clients;
};

// For a worker that has `before`: those whose settings and files say the same are kept, with the
// sessions that may be resumed. `keys` has those of the listeners that give tickets. Main thread.
TlsContexts MakeContexts(const config::Config& config, const TlsPlan& plan,
                         const TicketKeySets& keys, const TlsContexts& before);

}  // namespace holdfast::tls

#endif  // HOLDFAST_GATEWAY_TLS_TLS_CONTEXTS_H_
