#ifndef HOLDFAST_GATEWAY_FETCH_EXCHANGES_H_
#define HOLDFAST_GATEWAY_FETCH_EXCHANGES_H_

#include <cstddef>
#include <string>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "gateway/http/message.h"
#include "pool/net/clock.h"

namespace holdfast::fetch {

struct Field {
  std::string name;
  std::string value;
};

struct Request {
  http::Method method = http::Method::kGet;  // GET, HEAD, or POST with `body`
  std::string url;
  std::string body;
  std::string content_type;            // of the body
  std::string accept;                  // the field Accept; empty: there is none
  std::string accept_language = "en";  // the same
  // Further ones, that a request does not have by itself. They are sent as they are.
  std::vector<Field> fields;
  bool clear = false;  // the URL may be one of http
  // The connection stays for the next request, if that wants to keep it as well, leads to the same
  // origin, and the server agrees. One that was kept and ends before a response begins is replaced,
  // once, and the request is sent again: only for requests that may come twice.
  bool keep = false;
  // A longer response is trouble.
  size_t max_body_bytes = 256 * 1024;
  // For a connection to one address, TLS included; the next has its own.
  pool::Duration dial_timeout = std::chrono::seconds(5);
  // For the whole exchange, the look-up of the name included.
  pool::Duration timeout = std::chrono::seconds(30);
};

// What came of a request.
struct Response {
  std::string trouble;  // why there is no whole response, for people; empty: there is one
  // 0 until a response's head has come. With trouble it says that the server has answered, and that
  // only the body broke off, is too long or took too long.
  int status = 0;
  std::string body;  // as much as came, of one that is too long the beginning
  // Fields that one of those who ask wants; empty where they are not.
  std::string nonce;          // Replay-Nonce
  std::string location;       // Location
  std::string retry_after;    // Retry-After
  std::string cache_control;  // Cache-Control, all of them in one list
  std::string age;            // Age
  std::string expires;        // Expires
  std::string date;           // Date
};

// The way to a server that the gateway itself asks something (the seam: fetch/client in production,
// a script in tests). One thread, and one exchange at a time.
class Exchanges {
 public:
  using Callback = absl::AnyInvocable<void(Response)>;
  virtual ~Exchanges() = default;
  // The callback comes from the loop, never within the call, and once; never if this is destroyed
  // first. It may start another exchange, and may destroy this.
  virtual void Start(Request request, Callback callback) = 0;
};

}  // namespace holdfast::fetch

#endif  // HOLDFAST_GATEWAY_FETCH_EXCHANGES_H_
