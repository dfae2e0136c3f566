#ifndef HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_
#define HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/config/trusted_proxies.h"
#include "gateway/http/header_list.h"

namespace holdfast::proxy {

// Who a request is from when trusted proxies stand between: the rightmost address of
// X-Forwarded-For that is not a trusted proxy's. What stands left of it is only what that one says.
// When all are trusted it is the leftmost; an entry that is no address ends the search, since
// nobody can say whom it speaks of.
//
// A member of its exchange; one thread.
class TrueClient {
 public:
  // Entries looked at: a client may send any number of them, and each is compared with every
  // trusted network.
  static constexpr int kMaxHops = 32;

  // For a request of a trusted `peer` (the text of its address, empty for a UNIX socket's). The
  // text is good until the next call, or as long as `peer` is.
  std::string_view Find(const http::HeaderList& headers, const config::TrustedProxies& trusted,
                        std::string_view peer);

 private:
  std::array<char, 46> text_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_
