#include "tests/support/gateway_config.h"

#include <string_view>

#include "tests/support/wire.h"
#include "tests/support/wire_tls.h"

namespace holdfast::support {
namespace {

std::string More(const std::string& keys) { return keys.empty() ? "" : ", " + keys; }

// Each line as an item of a list that is indented by two.
std::string Items(std::string_view lines) {
  std::string items;
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    items += "  " + std::string(lines.substr(0, end)) + "\n";
    lines.remove_prefix(end == lines.npos ? lines.size() : end + 1);
  }
  return items;
}

std::string QuotedList(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "\"" : ", \"") + text + "\"";
  return "[" + list + "]";
}

// Of an upstream with these keys. The test shakes hands itself, and a busy machine may keep it from
// that for longer than a gateway waits by default.
std::string UnhurriedTls(std::string_view upstream) {
  std::string keys = More(UpstreamTls());
  if (upstream.find("connect_timeout:") == upstream.npos) keys += ", connect_timeout: 20s";
  if (upstream.find("queue:") == upstream.npos) keys += ", queue: {timeout: 20s}";
  return keys;
}

}  // namespace

std::string GatewayConfig::Text() const {
  std::string text =
      "workers: " + workers + "\nstatus: {bind: \"127.0.0.1:0\"}\ndrain: " + drain + "\n" + top;
  text += "listeners:\n  - {name: edge, bind: \"" + bind + "\"" + More(listener) +
          (errors.empty() ? "" : ", errors: " + errors) + (OverTls() ? More(ListenerTls()) : "") +
          "}\n" + Items(listeners);
  if (!endpoints.empty()) {
    text += "upstreams:\n  web: {endpoints: " + QuotedList(endpoints) + More(upstream) +
            (OverTls() ? UnhurriedTls(upstream) : "") + "}\n" + Items(upstreams);
  }
  text += "routes:\n" + Items(routes);
  text += "  - {name: local, match: {path: /local}, respond: {body: \"local\"}}\n";
  if (!endpoints.empty()) text += "  - {name: web, upstream: web" + More(route) + "}\n";
  return text;
}

}  // namespace holdfast::support
