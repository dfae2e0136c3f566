#ifndef HOLDFAST_GATEWAY_ACME_HTTPS_URL_H_
#define HOLDFAST_GATEWAY_ACME_HTTPS_URL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::acme {

// An https URL taken apart (RFC 9110 section 4.2.2).
struct HttpsUrl {
  std::string host;  // a name or an address, without brackets
  uint16_t port = 443;
  std::string authority;  // as the Host field has it
  std::string target;     // path and query
};

// nullopt: it is no https URL, or has bytes in it that could end a line. Pure; safe on any bytes.
std::optional<HttpsUrl> ParseHttpsUrl(std::string_view url);

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_HTTPS_URL_H_
