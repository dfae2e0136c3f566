#ifndef HOLDFAST_GATEWAY_ACME_HTTPS_EXCHANGES_H_
#define HOLDFAST_GATEWAY_ACME_HTTPS_EXCHANGES_H_

#include <string>

#include <absl/functional/any_invocable.h>

#include "gateway/http/message.h"

namespace holdfast::acme {

struct HttpsRequest {
  http::Method method = http::Method::kGet;  // GET, HEAD, or POST with `body`
  std::string url;
  std::string body;  // application/jose+json
};

// What came of a request.
struct HttpsResponse {
  std::string trouble;  // why there is no response, for people; empty: there is one
  int status = 0;
  std::string body;
  // Fields; empty where they are not.
  std::string nonce;        // Replay-Nonce
  std::string location;     // Location
  std::string retry_after;  // Retry-After
};

// The way to an authority's server (the seam: https_client in production, a script in tests). Main
// thread. One exchange at a time.
class HttpsExchanges {
 public:
  using Callback = absl::AnyInvocable<void(HttpsResponse)>;
  virtual ~HttpsExchanges() = default;
  // The callback comes from the loop, never within the call, and once; never if this is destroyed
  // first. It may start another exchange, and may destroy this.
  virtual void Start(HttpsRequest request, Callback callback) = 0;
};

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_HTTPS_EXCHANGES_H_
