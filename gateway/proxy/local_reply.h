#ifndef HOLDFAST_GATEWAY_PROXY_LOCAL_REPLY_H_
#define HOLDFAST_GATEWAY_PROXY_LOCAL_REPLY_H_

#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/grpc/status.h"
#include "gateway/http/framing.h"
#include "gateway/http/message.h"
#include "gateway/policy/token_buckets.h"
#include "gateway/proxy/failure.h"

namespace holdfast::route {
struct Route;
}

namespace holdfast::proxy {

// A response that the gateway makes by itself. `head` has views into the strings beside it, so it
// stays where it is built.
struct LocalReply {
  LocalReply() = default;
  LocalReply(const LocalReply&) = delete;
  LocalReply& operator=(const LocalReply&) = delete;

  // What is sent behind the head.
  std::string_view content() const { return page.data() != nullptr ? page : body; }

  http::ResponseHead head;
  std::string body;
  std::string_view page;    // in place of `body`; its listener's (error_style.h)
  std::string_view word;    // of an error: why; static
  std::string location;     // of a redirect
  std::string allow;        // of a 405 and of the answer to OPTIONS
  std::string detail;       // of an error
  std::string message;      // of an error that a client of gRPC is told
  std::string retry_after;  // of one that came too often, as below
  std::string limit_policy;
  std::string limit;
  std::string challenge;  // of one that has to say who it is
};

// RFC 9110 section 15; "" for a status that has no registered phrase.
std::string_view ReasonPhrase(int status);

inline constexpr std::string_view kErrorMediaType = "text/plain; charset=utf-8";

// The body of an error in plain text, at the status port and, where nothing else is asked for, at
// the listeners (error_style.h):
//
//   404 Not Found
//   reason: no_route
//   detail: No route matches host "a.example.com" and path "/x".
//
// `reason` is the log's word for it. `detail` is one sentence, sent as it is, so it holds no
// control characters. What is empty has no line.
std::string ErrorBody(int status, std::string_view reason, std::string_view detail);
// The detail of a 405, whose Allow field has this value.
std::string AllowedDetail(std::string_view allow);

// An error with the failure's status and word; `detail` as in ErrorBody. One about a token asks for
// another (RFC 6750 section 3).
void FillErrorReply(Failure failure, std::string_view detail, LocalReply* reply);
// How a call of gRPC ends over that failure, which HTTP tells with `status`.
grpc::Status GrpcStatusOf(Failure failure, int status);
// The error that was filled in last as clients of gRPC read it: 200 with nothing but a head, in
// which grpc-status and grpc-message say the rest.
void TurnIntoGrpc(grpc::Status status, LocalReply* reply);
// The broken rule's word and sentence:
// "malformed_chunk_size: A chunk size is not made of hexadecimal digits alone."
std::string RefusalDetail(http::Refusal refusal);
// The refusal's own status; the reason is refused_framing, as in the log, and the detail names the
// rule.
void FillRefusalReply(http::Refusal refusal, LocalReply* reply);
// 404, naming the host and path that were looked up (shortened).
void FillNoRouteReply(const http::RequestHead& request, LocalReply* reply);
// 405, which names the allowed methods.
void FillMethodNotAllowedReply(const config::MethodSet& allowed, LocalReply* reply);
// The answer to an OPTIONS request that may not go further (RFC 9110 section 7.6.2): the methods
// that its route allows.
void FillOptionsReply(config::MethodSet allowed, LocalReply* reply);
// For who has asked too often: when to come back, and what the limit is.
void FillRateLimitReply(const route::Route& route, const policy::TokenBuckets::Verdict& verdict,
                        LocalReply* reply);
// 401, which asks for a user's name and password (RFC 7617 section 2).
void FillUnauthorizedReply(const config::BasicAuth& auth, LocalReply* reply);
// What a browser asks for before it sends a request from elsewhere (policy/cors.h).
void FillPreflightReply(const route::Route& route, const http::RequestHead& request,
                        LocalReply* reply);
// What an authority asks for, to see that a name leads here (RFC 8555 section 8.3).
void FillChallengeReply(const std::string& key_authorization, LocalReply* reply);
void FillRedirectReply(const config::Route& route, const http::RequestHead& request,
                       LocalReply* reply);
// The head of a `respond:` route; its views point into `respond`.
void FillRespondHead(const config::Respond& respond, http::ResponseHead* head);

}  // namespace holdfast::proxy

#endif  // HOLDFAST_GATEWAY_PROXY_LOCAL_REPLY_H_
