#include "gateway/proxy/true_client.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "gateway/http/forwarded.h"
#include "gateway/http/syntax.h"
#include "pool/net/check.h"
#include "pool/net/socket_address.h"

namespace holdfast::proxy {
namespace {

using From = config::ClientIp::From;

// ":4711", or the obfuscated port of RFC 7239 section 6.3; nothing at all is fine, too.
bool IsPort(std::string_view text) {
  if (text.empty()) return true;
  text.remove_prefix(1);
  if (text.starts_with('_')) return http::IsToken(text);
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, http::IsDigit);
}

// One entry, as proxies write it: an address alone, or with a port.
std::optional<pool::SocketAddress> ParseEntry(std::string_view entry) {
  entry = http::TrimWhiteSpace(entry);
  size_t ip_end = entry.size();
  if (entry.starts_with('[')) {
    ip_end = entry.find(']');
    if (ip_end == std::string_view::npos) return std::nullopt;
    ++ip_end;
  } else if (std::ranges::count(entry, ':') == 1) {
    ip_end = entry.find(':');
  }
  const std::string_view port = entry.substr(ip_end);
  if ((!port.empty() && port[0] != ':') || !IsPort(port)) return std::nullopt;
  // A zone means something to its sender alone, and to look one up would ask the kernel.
  if (entry.find('%') != std::string_view::npos) return std::nullopt;
  return pool::SocketAddress::FromIp(entry.substr(0, ip_end), 0);
}

// Takes the last entry off a list; what is left may be empty.
std::string_view TakeLast(std::string_view* list) {
  const size_t comma = list->rfind(',');
  const size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
  const std::string_view entry = list->substr(begin);
  *list = list->substr(0, comma == std::string_view::npos ? 0 : comma);
  return entry;
}

std::string_view TakeLast(From from, std::string_view* list) {
  switch (from) {
    case From::kXForwardedFor: return TakeLast(list);
    case From::kForwarded: return http::ForwardedNode(http::TakeLastForwarded(list));
    case From::kXRealIp: return std::exchange(*list, {});
  }
  HOLDFAST_CHECK(false);
}

bool IsFrom(From from, const http::HeaderField& field) {
  switch (from) {
    case From::kXForwardedFor: return field.id == http::FieldId::kXForwardedFor;
    case From::kForwarded: return field.id == http::FieldId::kForwarded;
    case From::kXRealIp: return http::EqualsIgnoreCase(field.name, "x-real-ip");
  }
  HOLDFAST_CHECK(false);
}

}  // namespace

std::string_view TrueClient::Find(const http::HeaderList& headers, const config::Listener& listener,
                                  std::string_view peer) {
  const config::ClientIp& rule = listener.client_ip;
  std::optional<pool::SocketAddress> client;
  uint32_t hops = 0;
  bool more = true;
  // Several fields are one list (RFC 9110 section 5.3).
  for (size_t i = headers.size(); more && i > 0; --i) {
    const http::HeaderField& field = headers.fields()[i - 1];
    if (!IsFrom(rule.from, field)) continue;
    for (std::string_view list = field.value; more && !list.empty();) {
      const std::optional<pool::SocketAddress> entry = ParseEntry(TakeLast(rule.from, &list));
      if (entry.has_value()) client = entry;
      more = entry.has_value() && ++hops < rule.depth.value_or(kMaxHops) &&
             (rule.depth.has_value() || listener.trusted_proxies.Contains(*entry));
    }
    // The last one is what the next proxy says; those before may be anybody's.
    if (rule.from == From::kXRealIp) break;
  }
  if (!client.has_value()) return peer;
  const std::string ip = client->Ip();
  HOLDFAST_CHECK(ip.size() <= text_.size());
  return {text_.data(),
          static_cast<size_t>(std::ranges::copy(ip, text_.begin()).out - text_.begin())};
}

}  // namespace holdfast::proxy
