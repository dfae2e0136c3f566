#ifndef HOLDFAST_GATEWAY_ROUTE_CLIENT_IDENTITY_H_
#define HOLDFAST_GATEWAY_ROUTE_CLIENT_IDENTITY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "gateway/config/config.h"
#include "pool/net/transport.h"

namespace holdfast::route {

// The names by which any listener tells upstreams who a client is, without those that
// http/hop_headers.h removes by itself. Whatever listener a client has come to, it may send none of
// them: upstreams can't tell from where a request is.
std::vector<std::string> IdentityFieldsOf(const config::Config& config);

// Of the fields below in a request.
inline constexpr size_t kMaxIdentityBytes = 16 * 1024;

// Appends the field lines that tell who the client is; `identity` is null for one that has shown no
// certificate. The chain is left out where it does not fit. False: nothing was appended, for it
// does not fit without the chain, either. Pure.
[[nodiscard]] bool AppendIdentity(const config::ClientCertificateHeaders& headers,
                                  const pool::PeerIdentity* identity, std::string* lines);

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_CLIENT_IDENTITY_H_
