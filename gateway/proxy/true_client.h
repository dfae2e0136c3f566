#ifndef HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_
#define HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/config/trusted_proxies.h"
#include "gateway/http/header_list.h"

namespace holdfast::proxy {

// Finds whom a request is from when trusted proxies stand between: the rightmost address of
// X-Forwarded-For that is no trusted proxy's. Everything to its left is only what that client says.
// When all are trusted it is the leftmost. An entry that is no address ends the search, because
// nobody can tell of whom it speaks.
//
// A member of its exchange; one thread.
class TrueClient {
 public:
  // The most entries that it looks at: a client may send any number of them, and each is compared
  // with every trusted network.
  static constexpr int kMaxHops = 32;

  // Finds the client of a request from a trusted `peer` (the text of its address, empty for that of
  // a UNIX socket). The result is good until the next call, or as long as `peer` is.
  std::string_view Find(const http::HeaderList& headers, const config::TrustedProxies& trusted,
                        std::string_view peer);

 private:
  std::array<char, 46> text_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_
