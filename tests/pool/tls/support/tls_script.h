#ifndef HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_SCRIPT_H_
#define HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_SCRIPT_H_

#include <memory>

#include "tests/pool/net/transport_script.h"

namespace holdfast::pool {

// The peer of a TlsTransport; `server`: that one is.
std::unique_ptr<TransportScript> NewTlsScript(bool server);

// Of either kind.
std::unique_ptr<TransportScript> NewScript(ScriptKind kind, bool server);

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_TLS_SUPPORT_TLS_SCRIPT_H_
