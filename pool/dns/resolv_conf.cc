#include "pool/dns/resolv_conf.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "pool/net/socket_address.h"

namespace holdfast::pool {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

// What the line names as a name server; empty: nothing.
std::string_view ServerOf(std::string_view line) {
  if (TakeWord(line) != "nameserver") return {};
  const std::string_view server = TakeWord(line);
  return server.substr(0, server.find_first_of("#;"));
}

std::string_view TroubleOf(std::string_view server) {
  // The interface may not be there (yet); the address is as useless with it.
  const std::string_view bare = server.substr(0, server.find('%'));
  const std::optional<SocketAddress> address = SocketAddress::FromIp(bare, 53);
  if (!address.has_value()) return "is no IP address";
  if (bare != server || address->link_local()) return "is bound to one interface";
  return {};
}

}  // namespace

std::vector<std::string> ResolvConfTroubles(std::string_view text) {
  std::vector<std::string> troubles;
  bool usable = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view server = ServerOf(line);
    if (server.empty()) continue;
    const std::string_view trouble = TroubleOf(server);
    usable = usable || trouble.empty();
    if (trouble.empty()) continue;
    std::string told = "nameserver ";
    told += server;
    told += " is never asked: it ";
    told += trouble;
    troubles.push_back(std::move(told));
  }
  if (!troubles.empty() && !usable) {
    troubles.push_back("no name server can be asked but this machine, 127.0.0.1");
  }
  return troubles;
}

}  // namespace holdfast::pool
