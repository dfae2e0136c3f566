#include "gateway/config/peer_set.h"

#include <algorithm>

namespace holdfast::config {

bool PeerSet::Add(std::string_view word) {
  if (word == "unix") {
    unix_peers_ = true;
    return true;
  }
  const std::optional<Cidr> range = Cidr::Parse(word);
  if (range.has_value()) ranges_.push_back(*range);
  return range.has_value();
}

bool PeerSet::Contains(const pool::SocketAddress& peer) const {
  if (!peer.is_ip()) return unix_peers_;
  return std::ranges::any_of(ranges_, [&](const Cidr& range) { return range.Contains(peer); });
}

bool PeerSet::Contains(uint32_t ipv4) const {
  return std::ranges::any_of(ranges_, [&](const Cidr& range) { return range.Contains(ipv4); });
}

}  // namespace holdfast::config
