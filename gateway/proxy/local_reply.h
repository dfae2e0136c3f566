#ifndef HOLDFAST_GATEWAY_PROXY_LOCAL_REPLY_H_
#define HOLDFAST_GATEWAY_PROXY_LOCAL_REPLY_H_

#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/proxy/failure.h"

namespace holdfast::proxy {

// A response that the gateway makes by itself. `head` has views into the strings beside it, so it
// stays where it is built.
struct LocalReply {
  LocalReply() = default;
  LocalReply(const LocalReply&) = delete;
  LocalReply& operator=(const LocalReply&) = delete;

  http::ResponseHead head;
  std::string body;
  std::string location;  // of a redirect
  std::string allow;     // of a 405 and of the answer to OPTIONS
};

// RFC 9110 section 15; "" for a status that has no registered phrase.
std::string_view ReasonPhrase(int status);

// An error in plain text: status, reason by name, one sentence. `detail` may be empty and is sent
// as it is: nothing secret, no control characters.
void FillErrorReply(Failure failure, std::string_view detail, LocalReply* reply);
// "malformed_chunk_size: A chunk size is not made of hexadecimal digits alone."
std::string RefusalDetail(http::Refusal refusal);
void FillRefusalReply(http::Refusal refusal, LocalReply* reply);
// 404, naming the host and path that were looked up (shortened).
void FillNoRouteReply(const http::RequestHead& request, LocalReply* reply);
void FillMethodNotAllowedReply(config::MethodSet allowed, LocalReply* reply);
// To an OPTIONS request that may not go further (RFC 9110 section 7.6.2): `allowed` by its route.
void FillOptionsReply(config::MethodSet allowed, LocalReply* reply);
void FillRedirectReply(const config::Route& route, const http::RequestHead& request,
                       LocalReply* reply);
// The head of a `respond:` route; its views point into `respond`.
void FillRespondHead(const config::Respond& respond, http::ResponseHead* head);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_LOCAL_REPLY_H_
