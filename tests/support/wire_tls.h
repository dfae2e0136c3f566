#ifndef HOLDFAST_TESTS_SUPPORT_WIRE_TLS_H_
#define HOLDFAST_TESTS_SUPPORT_WIRE_TLS_H_

#include <memory>
#include <string>

#include "tests/pool/tls/support/tls_peer.h"

// What the two sides of a TLS connection are made of where it is not a test's subject.

namespace holdfast::support {

enum class TlsSide { kClient, kServer };

// A client that believes anybody; a server that the gateway believes with UpstreamTls. Each
// handshake brings session tickets, and sessions are resumed. Any thread.
std::unique_ptr<pool::TlsPeer> NewTlsPeer(TlsSide side);

// Keys of a configuration's listener, of its upstream.
std::string ListenerTls();
std::string UpstreamTls();

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_WIRE_TLS_H_
