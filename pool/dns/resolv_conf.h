#ifndef HOLDFAST_POOL_DNS_RESOLV_CONF_H_
#define HOLDFAST_POOL_DNS_RESOLV_CONF_H_

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::pool {

// What people should know of a resolv.conf(5) with this text: which name servers are passed over
// (c-ares has no room for the interface of a link-local one), and that only this machine is left to
// be asked. Empty: every line is of use.
std::vector<std::string> ResolvConfTroubles(std::string_view text);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_RESOLV_CONF_H_
