#ifndef HOLDFAST_POOL_DNS_CARES_HOSTS_FILE_H_
#define HOLDFAST_POOL_DNS_CARES_HOSTS_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "pool/net/socket_address.h"

struct ares_channeldata;

namespace holdfast::pool {

// /etc/hosts, which every look reads anew. Thread: that of the c-ares channels (c-ares' set-up is
// global). It has no callbacks, and its destruction affects nobody else.
class CaresHostsFile {
 public:
  CaresHostsFile();
  ~CaresHostsFile();
  CaresHostsFile(const CaresHostsFile&) = delete;
  CaresHostsFile& operator=(const CaresHostsFile&) = delete;

  // The name's addresses, each with `port`; empty: the file does not have the name.
  std::vector<SocketAddress> Find(const std::string& name, uint16_t port);

 private:
  ares_channeldata* channel_ = nullptr;  // one that never has a question to send
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_CARES_HOSTS_FILE_H_
