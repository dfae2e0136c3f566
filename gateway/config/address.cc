#include "gateway/config/address.h"

#include <algorithm>
#include <charconv>

namespace holdfast::config {
namespace {

constexpr uint16_t kDnsPort = 53;
constexpr size_t kMaxHostName = 253;
constexpr size_t kMaxLabel = 63;

bool IsLabelByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), IsLabelByte);
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// An endpoint needs a host; a bind does not.
std::optional<Endpoint> ParseLiteralEndpoint(std::string_view text) {
  const std::optional<pool::SocketAddress> address = pool::SocketAddress::Parse(text);
  if (!address || text.starts_with(':')) return std::nullopt;
  Endpoint endpoint{.text = std::string(text), .host = {}, .port = 0, .literal = address};
  if (address->is_ip()) {
    if (address->port() == 0) return std::nullopt;
    // Without an interface nothing can be sent there.
    if (address->link_local() && address->interface_index() == 0) return std::nullopt;
    endpoint.host = address->Ip();
    endpoint.port = address->port();
  }
  return endpoint;
}

}  // namespace

std::optional<Bind> ParseBind(std::string_view text) {
  std::optional<pool::SocketAddress> address = pool::SocketAddress::Parse(text);
  if (!address) return std::nullopt;
  return Bind{.text = std::string(text), .address = *address};
}

std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  if (std::optional<Endpoint> endpoint = ParseLiteralEndpoint(text)) return endpoint;
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  const std::optional<uint16_t> port = ParsePort(text.substr(colon + 1));
  if (!port || !IsHostName(host)) return std::nullopt;
  return Endpoint{
      .text = std::string(text), .host = std::string(host), .port = *port, .literal = std::nullopt};
}

std::optional<Endpoint> ParseService(std::string_view text) {
  // _service._protocol.name: what looks otherwise is most likely a host whose port was forgotten.
  const size_t service_end = text.find("._");
  const size_t protocol_end = text.find('.', service_end + 1);
  if (!text.starts_with('_') || text.find('.') != service_end ||
      protocol_end == std::string_view::npos || protocol_end + 1 == text.size() ||
      !IsHostName(text)) {
    return std::nullopt;
  }
  return Endpoint{
      .text = std::string(text), .host = std::string(text), .literal = std::nullopt, .srv = true};
}

std::optional<pool::SocketAddress> ParseDnsServer(std::string_view text) {
  std::optional<pool::SocketAddress> server = pool::SocketAddress::FromIp(text, kDnsPort);
  if (const std::optional<Endpoint> endpoint = ParseLiteralEndpoint(text);
      !server.has_value() && endpoint.has_value()) {
    server = endpoint->literal;
  }
  if (!server.has_value() || !server->is_ip()) return std::nullopt;
  // c-ares has no room for the interface.
  if (server->link_local() || server->interface_index() != 0) return std::nullopt;
  return server;
}

bool IsPort(std::string_view text) { return ParsePort(text).has_value(); }

bool IsHostName(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kMaxHostName) return false;
  // "10.0.0.300" is a mistyped address rather than a name: no top-level domain is a number.
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return false;
  while (true) {
    const size_t dot = text.find('.');
    if (!IsLabel(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace holdfast::config
