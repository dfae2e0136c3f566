#include "gateway/demo.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/substitute.h>

namespace holdfast {

std::string DemoConfig(int port, int pid, const std::string& status) {
  return absl::Substitute(R"(# What `holdfast demo` runs: a gateway and, behind it, an origin.
status: $2
drain: {delay: 0s, timeout: 5s}
listeners:
  - name: gateway
    bind: 127.0.0.1:$0
    errors: {detail: full}
  - name: origin
    bind: unix:@holdfast-demo-$1
upstreams:
  origin:
    endpoints: ["unix:@holdfast-demo-$1"]
routes:
  - name: proxied
    match: {listeners: [gateway], path_prefix: /}
    upstream: origin
  - name: answered-by-the-gateway
    match: {listeners: [gateway], path: /hello}
    respond: {status: 200, body: "hello from the gateway\n", headers: {content-type: text/plain}}
  - name: redirected
    match: {listeners: [gateway], path_prefix: /old/}
    redirect: {status: 308, to: /}
  - name: origin
    match: {listeners: [origin], path_prefix: /}
    respond:
      status: 200
      body: "hello from the origin, over a kept connection\n"
      headers: {content-type: text/plain}
)",
                          port, pid, status == "off" ? "off" : "{bind: \"" + status + "\"}");
}

std::string DemoGreeting(const std::string& gateway, const std::string& status) {
  std::string greeting =
      absl::Substitute(R"(
Holdfast is listening:
  gateway  http://$0/
  status   $1

Try, in another terminal:
  curl -v http://$0/ http://$0/   # two requests, one connection on each side
  curl -i http://$0/hello                       # answered by the gateway itself
)",
                       gateway, status.empty() ? "off" : "http://" + status + "/metrics");
  if (!status.empty()) {
    absl::SubstituteAndAppend(
        &greeting,
        "  curl -s http://$0/metrics | grep 'checkouts_total.* [1-9]'   # fresh, then reused\n",
        status);
  }
  return greeting + "\nCtrl-C stops it.\n";
}

}  // namespace holdfast
