#ifndef HOLDFAST_GATEWAY_CONFIG_TRUSTED_PROXIES_H_
#define HOLDFAST_GATEWAY_CONFIG_TRUSTED_PROXIES_H_

#include <string_view>
#include <vector>

#include "gateway/config/cidr.h"
#include "pool/net/socket_address.h"

namespace holdfast::config {

// Whom a listener believes when they say for whom they ask: networks, and whoever may open its UNIX
// socket. A plain value.
class TrustedProxies {
 public:
  // Adds one word of the file: `unix`, or a range that Cidr::Parse reads. False when it is neither.
  bool Add(std::string_view word);

  // A peer without an IP address is that of a UNIX socket.
  bool Contains(const pool::SocketAddress& peer) const;

  const std::vector<Cidr>& ranges() const { return ranges_; }
  bool unix_peers() const { return unix_peers_; }

 private:
  std::vector<Cidr> ranges_;
  bool unix_peers_ = false;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_TRUSTED_PROXIES_H_
