#ifndef HOLDFAST_GATEWAY_PROXY_WEBSOCKET_HANDSHAKE_H_
#define HOLDFAST_GATEWAY_PROXY_WEBSOCKET_HANDSHAKE_H_

#include <string>
#include <string_view>

#include "gateway/http/message.h"
#include "pool/net/random.h"

namespace holdfast::proxy {

// What a WebSocket's opening says in HTTP/1 alone: a key of the client's and what the server makes
// of it, which prove that the server has understood (RFC 6455 section 4). HTTP/2 has no need of
// them (RFC 8441 section 5), so that between the versions somebody has to write and check them.
//
//   handshake.Offer(random, &request);            // before the request is sent
//   if (!handshake.Complete(request, &response))  // with a 101
//   handshake.Clear();                            // the views are used no more
//
// One thread. A member of its exchange; at rest it holds no memory.
class WebSocketHandshake {
 public:
  // Gives the request of an HTTP/2 client a key, which an upstream of HTTP/1 wants; no effect on
  // any other.
  void Offer(pool::Random* random, http::RequestHead* request);
  // Gives an HTTP/1 client the proof that an upstream of HTTP/2 does not send. False: the upstream
  // was given our key and has not proved that it knows WebSocket.
  bool Complete(const http::RequestHead& request, http::ResponseHead* response);
  void Clear() {
    if (!key_.empty() || !accept_.empty()) Forget();
  }

 private:
  void Forget();

  std::string key_;     // ours
  std::string accept_;  // made for the client
};

// What proves that a server has understood the key (RFC 6455 section 4.2.2).
std::string WebSocketAccept(std::string_view key);

// The client asks for another protocol in HTTP/2's way, so that 2xx would mean that it has it.
inline bool AsksForTunnel(const http::RequestHead& request) {
  return request.version == http::Version::kHttp2 && request.connection_upgrade;
}

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_WEBSOCKET_HANDSHAKE_H_
