#ifndef HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_
#define HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/header_list.h"

namespace holdfast::proxy {

// Finds whom a request is from when trusted proxies stand between. Usually that is the rightmost
// address of X-Forwarded-For or Forwarded that is no trusted proxy's: everything to its left is
// only what that client says. When all are trusted it is the leftmost. With a depth it is the
// so-manyth address from the right, or the leftmost of fewer. An entry that is no address ends the
// search, because nobody can tell of whom it speaks: the last one before it is taken.
//
// A member of its exchange; one thread.
class TrueClient {
 public:
  // The most entries that it looks at: a client may send any number of them, and each is compared
  // with every trusted network.
  static constexpr int kMaxHops = 32;

  // Finds the client of a request from a trusted `peer` of this listener (the text of its address,
  // empty for that of a UNIX socket). The result is `peer` itself, or good until the next call.
  std::string_view Find(const http::HeaderList& headers, const config::Listener& listener,
                        std::string_view peer);

 private:
  std::array<char, 46> text_;
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_TRUE_CLIENT_H_
