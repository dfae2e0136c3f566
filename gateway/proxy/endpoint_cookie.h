#ifndef HOLDFAST_GATEWAY_PROXY_ENDPOINT_COOKIE_H_
#define HOLDFAST_GATEWAY_PROXY_ENDPOINT_COOKIE_H_

#include <optional>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/header_list.h"
#include "pool/net/socket_address.h"
#include "pool/tls/keyed_digest.h"

namespace holdfast::proxy {

// The cookie by which a client returns to the endpoint of an upstream that has served it.
//
// Its value is opaque and authenticated: the endpoint's address, masked, behind a tag of 16 bytes
// which the mask is made of and which proves that whoever made the value knows the key (as RFC 5297
// does it, with HMAC). All values for one endpoint are the same, so they tell who shares it, and no
// more. Nobody can make one, nor one of another upstream do for this.
//
// One thread. Immutable.
class EndpointCookie {
 public:
  // `process_key` is taken where the configuration has no key.
  EndpointCookie(std::string upstream, const config::StickyCookie& options,
                 const pool::KeyedDigest::Key& process_key);

  // Whereto the request's cookie leads; nullopt: it has none, or none of ours. That address may
  // have left the upstream since.
  std::optional<pool::SocketAddress> EndpointOf(const http::HeaderList& fields) const;
  // `*value` becomes that of a Set-Cookie field (RFC 6265 section 4.1) for the endpoint.
  // `encrypted`: the client speaks TLS.
  void WriteSetCookie(const pool::SocketAddress& endpoint, bool encrypted,
                      std::string* value) const;

 private:
  std::string TagOf(std::string_view text) const;
  // Masks what is in clear and the other way round.
  void Mask(std::string_view tag, std::string* text) const;

  const std::string upstream_;
  const config::StickyCookie options_;
  const pool::KeyedDigest digest_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_ENDPOINT_COOKIE_H_
