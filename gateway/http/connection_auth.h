#ifndef HOLDFAST_GATEWAY_HTTP_CONNECTION_AUTH_H_
#define HOLDFAST_GATEWAY_HTTP_CONNECTION_AUTH_H_

#include "gateway/http/header_list.h"

namespace holdfast::http {

// Whether a message authenticates the connection on which it travels, rather than one request: it
// has Authorization or Proxy-Authorization (a request) or WWW-Authenticate or Proxy-Authenticate (a
// response) with the scheme NTLM, Negotiate (RFC 4559) or Nego2. The peer takes whoever uses such a
// connection later for the one who was authenticated. Pure, no allocation.
bool AuthenticatesConnection(const HeaderList& headers);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_CONNECTION_AUTH_H_
