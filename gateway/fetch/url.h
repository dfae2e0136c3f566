#ifndef HOLDFAST_GATEWAY_FETCH_URL_H_
#define HOLDFAST_GATEWAY_FETCH_URL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::fetch {

// A URL of https or http taken apart (RFC 9110 section 4.2).
struct Url {
  bool clear = false;  // it is one of http
  std::string host;    // a name or an address, without brackets
  uint16_t port = 443;
  std::string authority;  // as the Host field has it
  std::string target;     // path and query

  // Its host is this machine, whatever DNS says: localhost, or an address of the loopback.
  bool loopback() const;
};

// Scheme, host as it is spelt, and port: one connection can serve both. Pure.
bool SameOrigin(const Url& a, const Url& b);

// nullopt: it is no such URL, or has bytes in it that could end a line. Pure; safe on any bytes.
std::optional<Url> ParseUrl(std::string_view url);

}  // namespace holdfast::fetch

#endif  // HOLDFAST_GATEWAY_FETCH_URL_H_
