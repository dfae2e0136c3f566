#ifndef HOLDFAST_POOL_TLS_PEER_IDENTITY_H_
#define HOLDFAST_POOL_TLS_PEER_IDENTITY_H_

#include "pool/net/transport.h"

struct ssl_st;

namespace holdfast::pool {

// Whether the client of this connection, which is established and a server's, has shown a
// certificate that is good, in this handshake or in the one that began its session.
bool IsVerified(const ssl_st* connection);
// Who that is: subject and names. Only while IsVerified.
PeerIdentity IdentityOf(const ssl_st* connection);
// Adds the certificate, its chain and its fingerprint.
void AddCertificate(const ssl_st* connection, PeerIdentity* identity);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_PEER_IDENTITY_H_
