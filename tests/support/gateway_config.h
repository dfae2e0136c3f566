#ifndef HOLDFAST_TESTS_SUPPORT_GATEWAY_CONFIG_H_
#define HOLDFAST_TESTS_SUPPORT_GATEWAY_CONFIG_H_

#include <string>
#include <vector>

namespace holdfast::support {

// The configuration most tests want: one worker, the listener "edge" and the status listener on
// free ports, everything to the upstream "web", a short drain; "edge" and "web" speak what the test
// does (wire.h). A test says what it wants otherwise, in the file's own words.
struct GatewayConfig {
  std::vector<std::string> endpoints = {};  // none: no upstream, only `routes`
  std::string listener = {};   // more keys of the listener, such as "head_timeout: 200ms"
  std::string upstream = {};   // more keys of the upstream
  std::string route = {};      // more keys of the route to it
  std::string routes = {};     // more routes: whole list items, each a line such as "- {...}"
  std::string upstreams = {};  // more upstreams: whole entries, each a line such as "a: {...}"
  std::string listeners = {};  // more listeners, likewise
  std::string top = {};        // more keys of the file: whole lines
  std::string errors = "{detail: full}";  // of the listener; empty: as it is by default
  std::string bind = "127.0.0.1:0";
  std::string workers = "1";
  std::string drain = "{delay: 0s, timeout: 1s}";

  std::string Text() const;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_GATEWAY_CONFIG_H_
