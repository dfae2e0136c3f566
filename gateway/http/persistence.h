#ifndef HOLDFAST_GATEWAY_HTTP_PERSISTENCE_H_
#define HOLDFAST_GATEWAY_HTTP_PERSISTENCE_H_

#include <cstdint>
#include <string_view>

#include "gateway/http/message.h"

namespace holdfast::http {

// Whether a client's connection is kept after an exchange, and if not, why. Values are metric
// labels (client_connections_closed).
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
  bool switch_refused = false;  // of CONNECT or Upgrade
  bool draining = false;
  bool too_old = false;
  bool last_request = false;  // of as many as a connection may have
};
// Pure. The gravest reason wins: first what makes another message impossible (framing error,
// a refused change of the protocol, a response without an end, an unread request), then what the
// client wants, then what we want (drain, age, number of requests).
ClientPersistence DecideClientPersistence(const ClientPersistenceFacts& facts);

// Whether an HTTP response lets its upstream connection be used again (RFC 9112 section 9.3).
bool ResponseAllowsReuse(const ResponseHead& response);

// Whether content may follow a response that must have none. Its bytes would be read as the answer
// to the next request.
enum class StrayContent : uint8_t {
  kNone,
  // To HEAD, and with 304, a head may say what it would say with a body, or nothing (RFC 9110
  // sections 9.3.2 and 15.4.5).
  kPossible,
  // 1xx and 204 may not (RFC 9110 section 8.6, RFC 9112 section 6.1); nobody sends an honest 304
  // with Transfer-Encoding.
  kForbidden,
};
// Pure.
StrayContent FindStrayContent(const ResponseHead& response);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_PERSISTENCE_H_
