#ifndef HOLDFAST_POOL_DNS_RESOLV_CONF_H_
#define HOLDFAST_POOL_DNS_RESOLV_CONF_H_

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::pool {

// What a resolv.conf(5) with this text says in vain, each for people: the name servers that are
// passed over (c-ares has no room for the interface of a link-local one), and that nobody but this
// machine is left to be asked. Empty: all is of use.
std::vector<std::string> ResolvConfTroubles(std::string_view text);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_RESOLV_CONF_H_
