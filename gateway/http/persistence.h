#ifndef HOLDFAST_GATEWAY_HTTP_PERSISTENCE_H_
#define HOLDFAST_GATEWAY_HTTP_PERSISTENCE_H_

#include <cstdint>
#include <string_view>

#include "gateway/http/message.h"

namespace holdfast::http {

// Whether a client's connection is kept after an exchange, and if not, why. The names are label
// values of holdfast_client_connections_closed_total.
enum class ClientPersistence : uint8_t {
  kKeep,
  kClientAsked,         // Connection: close
  kHttp10,              // HTTP/1.0 without keep-alive
  kResponseUntilClose,  // the response's end is the connection's end (HTTP/1.0 client, unknown
                        // length)
  kRequestUnread,       // the response ended before the request's body did
  kFramingError,
  kSwitchRefused,  // the client may speak another protocol by now
  kDraining,
  kConnectionAge,
  kMaxRequests,  // it has had as many as it may
};
std::string_view PersistenceName(ClientPersistence value);

struct ClientPersistenceFacts {
  Version version = Version::kHttp11;
  bool client_close = false;
  bool client_keep_alive = false;
  bool response_until_close = false;
  bool request_finished = true;
  bool framing_error = false;
  bool switch_refused = false;  // CONNECT or an upgrade was refused
  bool draining = false;
  bool too_old = false;
  bool last_request = false;  // the connection has had as many requests as it may
};
// Pure. The gravest reason wins: first the facts that make another message impossible (a framing
// error, a refused change of the protocol, a response without an end, an unread request), then what
// the client wants, then what we want (drain, age, number of requests).
ClientPersistence DecideClientPersistence(const ClientPersistenceFacts& facts);

// Whether an HTTP response lets its upstream connection be used again (RFC 9112 section 9.3).
bool ResponseAllowsReuse(const ResponseHead& response);

// Whether content may follow a response that must have none. Its bytes would be read as the answer
// to the next request.
enum class StrayContent : uint8_t {
  kNone,
  // In answer to HEAD, and with 304, a head may announce the body that it does not bring (RFC 9110
  // sections 9.3.2 and 15.4.5).
  kPossible,
  // 1xx and 204 may not (RFC 9110 section 8.6, RFC 9112 section 6.1), and no honest 304 has
  // Transfer-Encoding.
  kForbidden,
};
// Pure.
StrayContent FindStrayContent(const ResponseHead& response);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_PERSISTENCE_H_
