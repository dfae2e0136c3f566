#ifndef HOLDFAST_GATEWAY_CONFIG_PEER_SET_H_
#define HOLDFAST_GATEWAY_CONFIG_PEER_SET_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "gateway/config/cidr.h"
#include "pool/net/socket_address.h"

namespace holdfast::config {

// Networks, and whoever may open a UNIX socket. A plain value.
class PeerSet {
 public:
  // Adds one word of the file: `unix`, or a range that Cidr::Parse reads. False when it is neither.
  bool Add(std::string_view word);

  // A peer without an IP address is that of a UNIX socket.
  bool Contains(const pool::SocketAddress& peer) const;
  // An IPv4 address in the order of the host.
  bool Contains(uint32_t ipv4) const;

  const std::vector<Cidr>& ranges() const { return ranges_; }
  bool unix_peers() const { return unix_peers_; }
  bool empty() const { return ranges_.empty() && !unix_peers_; }

 private:
  std::vector<Cidr> ranges_;
  bool unix_peers_ = false;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_PEER_SET_H_
