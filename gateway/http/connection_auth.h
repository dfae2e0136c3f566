#ifndef HOLDFAST_GATEWAY_HTTP_CONNECTION_AUTH_H_
#define HOLDFAST_GATEWAY_HTTP_CONNECTION_AUTH_H_

#include "gateway/http/header_list.h"

namespace holdfast::http {

// Whether a message is part of an authentication of the connection it travels on, rather than of
// one request: Authorization or Proxy-Authorization of a request, WWW-Authenticate or
// Proxy-Authenticate of a response, with the scheme NTLM, Negotiate (RFC 4559) or Nego2. Whoever
// uses such a connection later is taken for the one who was authenticated. Pure, no allocation.
bool AuthenticatesConnection(const HeaderList& headers);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_CONNECTION_AUTH_H_
