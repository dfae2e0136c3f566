#include "gateway/proxy/true_client.h"

#include <algorithm>
#include <optional>
#include <string>

#include "gateway/http/syntax.h"
#include "pool/net/check.h"
#include "pool/net/socket_address.h"

namespace holdfast::proxy {
namespace {

// One entry, as proxies write it: an address alone, or with a port.
std::optional<pool::SocketAddress> ParseEntry(std::string_view entry) {
  entry = http::TrimWhiteSpace(entry);
  if (auto address = pool::SocketAddress::FromIp(entry, 0)) return address;
  auto address = pool::SocketAddress::Parse(entry);
  const bool names_a_client = address.has_value() && address->is_ip() && !address->dual_stack();
  return names_a_client ? address : std::nullopt;
}

// Takes the last entry off a list; what is left may be empty.
std::string_view TakeLast(std::string_view* list) {
  const size_t comma = list->rfind(',');
  const size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
  const std::string_view entry = list->substr(begin);
  *list = list->substr(0, comma == std::string_view::npos ? 0 : comma);
  return entry;
}

}  // namespace

std::string_view TrueClient::Find(const http::HeaderList& headers,
                                  const config::TrustedProxies& trusted, std::string_view peer) {
  std::optional<pool::SocketAddress> client;
  int hops = 0;
  bool more = true;
  // Several fields are one list (RFC 9110 section 5.3).
  for (size_t i = headers.size(); more && i > 0; --i) {
    const http::HeaderField& field = headers.fields()[i - 1];
    if (field.id != http::FieldId::kXForwardedFor) continue;
    for (std::string_view list = field.value; more && !list.empty();) {
      const std::optional<pool::SocketAddress> entry = ParseEntry(TakeLast(&list));
      if (entry.has_value()) client = entry;
      more = entry.has_value() && trusted.Contains(*entry) && ++hops < kMaxHops;
    }
  }
  if (!client.has_value()) return peer;
  const std::string ip = client->Ip();
  HOLDFAST_CHECK(ip.size() <= text_.size());
  return {text_.data(),
          static_cast<size_t>(std::ranges::copy(ip, text_.begin()).out - text_.begin())};
}

}  // namespace holdfast::proxy
