#ifndef HOLDFAST_GATEWAY_DEMO_H_
#define HOLDFAST_GATEWAY_DEMO_H_

#include <string>

namespace holdfast {

// The configuration of `holdfast demo`: a gateway on 127.0.0.1:`port` in front of an origin that
// the same process plays on a UNIX socket named after `pid`.
std::string DemoConfig(int port, int pid, const std::string& status);
// What to try, for the terminal.
// `gateway` and `status` are the addresses bound; `status` is empty when it is off.
std::string DemoGreeting(const std::string& gateway, const std::string& status);

}  // namespace holdfast

#endif  // HOLDFAST_GATEWAY_DEMO_H_
