#include "gateway/proxy/local_reply.h"

#include <absl/strings/str_cat.h>

#include "gateway/grpc/fields.h"
#include "gateway/route/redirect.h"
#include "gateway/route/route_table.h"

namespace holdfast::proxy {
namespace {

// Of the host and path that an error names.
constexpr size_t kMaxEchoBytes = 200;
// How long a client should stay away after a 503, in seconds.
constexpr std::string_view kRetryAfterSeconds = "1";

void AddField(std::string_view name, std::string_view value, http::ResponseHead* head) {
  head->headers.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
}

// A status that by its nature has no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
bool Bodiless(int status) { return status == 204 || status == 205 || status == 304; }

void StartHead(int status, size_t body_bytes, http::ResponseHead* head) {
  head->Clear();
  head->status = static_cast<uint16_t>(status);
  head->reason = ReasonPhrase(status);
  head->body = Bodiless(status) && status != 205 ? http::BodyKind::kNone : http::BodyKind::kLength;
  head->has_content_length = head->body == http::BodyKind::kLength;
  head->content_length = body_bytes;
}

void FinishTextReply(int status, LocalReply* reply) {
  StartHead(status, reply->body.size(), &reply->head);
  AddField("Content-Type", kErrorMediaType, &reply->head);
  // The body may quote the request; no browser shall take it for anything but text.
  AddField("X-Content-Type-Options", "nosniff", &reply->head);
  AddField("Cache-Control", "no-store", &reply->head);
  if (status == 503) AddField("Retry-After", kRetryAfterSeconds, &reply->head);
}

absl::string_view Piece(std::string_view text) { return {text.data(), text.size()}; }

void FillReply(int status, Failure failure, std::string_view detail, LocalReply* reply) {
  reply->word = FailureName(failure);
  reply->detail = detail;
  reply->page = {};
  reply->body = ErrorBody(status, FailureName(failure), detail);
  FinishTextReply(status, reply);
}

std::string Shortened(std::string_view text) {
  if (text.size() <= kMaxEchoBytes) return std::string(text);
  return std::string(text.substr(0, kMaxEchoBytes)) + "...";
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 508: return "Loop Detected";
    default: return "";
  }
}

std::string ErrorBody(int status, std::string_view reason, std::string_view detail) {
  return absl::StrCat(status, " ", Piece(ReasonPhrase(status)),
                      reason.empty() ? "" : "\nreason: ", Piece(reason),
                      detail.empty() ? "" : "\ndetail: ", Piece(detail), "\n");
}

std::string AllowedDetail(std::string_view allow) {
  return absl::StrCat("The allowed methods are: ", Piece(allow), ".");
}

// RFC 6750 section 3: who sent nothing is told no error, and who sent something not which.
std::string_view TokenChallenge(Failure failure) {
  switch (failure) {
    case Failure::kJwtMissing: return "Bearer";
    case Failure::kJwtInvalid:
    case Failure::kJwtExpired: return "Bearer error=\"invalid_token\"";
    default: return {};
  }
}

void FillErrorReply(Failure failure, std::string_view detail, LocalReply* reply) {
  FillReply(FailureStatus(failure), failure, detail, reply);
  const std::string_view challenge = TokenChallenge(failure);
  if (!challenge.empty()) AddField("WWW-Authenticate", challenge, &reply->head);
}

grpc::Status GrpcStatusOf(Failure failure, int status) {
  switch (failure) {
    case Failure::kFirstByteTimeout:
    case Failure::kStallTimeout:
    case Failure::kTotalTimeout:
    case Failure::kClientBodyTimeout: return grpc::Status::kDeadlineExceeded;
    default: return grpc::StatusOfHttp(status);
  }
}

void TurnIntoGrpc(grpc::Status status, LocalReply* reply) {
  reply->message = reply->word.empty() ? reply->head.reason : reply->word;
  if (!reply->detail.empty()) reply->message += ": " + grpc::EncodeMessage(reply->detail);
  reply->body.clear();
  reply->page = {};
  StartHead(200, 0, &reply->head);
  AddField("Content-Type", grpc::kContentType, &reply->head);
  AddField("grpc-status", grpc::StatusNumber(status), &reply->head);
  AddField("grpc-message", reply->message, &reply->head);
}

std::string RefusalDetail(http::Refusal refusal) {
  return absl::StrCat(Piece(http::RefusalName(refusal)), ": ", Piece(http::RefusalText(refusal)));
}

void FillRefusalReply(http::Refusal refusal, LocalReply* reply) {
  FillReply(http::RefusalStatus(refusal), Failure::kRefusedFraming, RefusalDetail(refusal), reply);
}

void FillNoRouteReply(const http::RequestHead& request, LocalReply* reply) {
  FillErrorReply(Failure::kNoRoute,
                 absl::StrCat("No route matches host \"", Shortened(request.host), "\" and path \"",
                              Shortened(request.path), "\"."),
                 reply);
}

void FillMethodNotAllowedReply(const config::MethodSet& allowed, LocalReply* reply) {
  reply->allow = route::AllowValue(allowed);
  FillErrorReply(Failure::kMethodNotAllowed, AllowedDetail(reply->allow), reply);
  AddField("Allow", reply->allow, &reply->head);
}

// Without a list of its own a route takes what this gateway passes on at all.
void FillOptionsReply(config::MethodSet allowed, LocalReply* reply) {
  if (allowed.empty()) {
    for (const http::Method method :
         {http::Method::kGet, http::Method::kHead, http::Method::kPost, http::Method::kPut,
          http::Method::kDelete, http::Method::kOptions, http::Method::kPatch}) {
      allowed.Add(method);
    }
  }
  reply->allow = route::AllowValue(allowed);
  reply->body.clear();
  StartHead(200, 0, &reply->head);
  AddField("Allow", reply->allow, &reply->head);
}

void FillRateLimitReply(const route::Route& route, const policy::TokenBuckets::Verdict& verdict,
                        LocalReply* reply) {
  const policy::RateLimitRule& rule = route.limiter->rule();
  reply->retry_after = policy::RetryAfterValue(verdict);
  reply->limit_policy = policy::RateLimitPolicyValue(route.name, rule);
  reply->limit = policy::RateLimitValue(route.name, verdict);
  FillReply(rule.status, Failure::kRateLimited,
            "There were too many requests; wait as long as Retry-After says.", reply);
  http::HeaderList& fields = reply->head.headers;
  for (http::HeaderField& field : fields.fields()) {
    field.dropped |= field.id == http::FieldId::kRetryAfter;
  }
  AddField("Retry-After", reply->retry_after, &reply->head);
  AddField("RateLimit-Policy", reply->limit_policy, &reply->head);
  AddField("RateLimit", reply->limit, &reply->head);
}

void FillUnauthorizedReply(const config::BasicAuth& auth, LocalReply* reply) {
  reply->challenge = absl::StrCat("Basic realm=\"", auth.realm, "\", charset=\"UTF-8\"");
  FillErrorReply(Failure::kUnauthorized, {}, reply);
  AddField("WWW-Authenticate", reply->challenge, &reply->head);
}

void FillPreflightReply(const route::Route& route, const http::RequestHead& request,
                        LocalReply* reply) {
  reply->body.clear();
  StartHead(204, 0, &reply->head);
  route.cors_rules.AnswerPreflight(request, &reply->head);
}

void FillChallengeReply(const std::string& key_authorization, LocalReply* reply) {
  reply->body = key_authorization;
  StartHead(200, reply->body.size(), &reply->head);
  AddField("Content-Type", "application/octet-stream", &reply->head);
  AddField("Cache-Control", "no-store", &reply->head);
}

void FillRedirectReply(const config::Route& route, const http::RequestHead& request,
                       LocalReply* reply) {
  reply->location = route::RedirectLocation(route, request);
  reply->body.clear();
  StartHead(route.redirect.status, 0, &reply->head);
  AddField("Location", reply->location, &reply->head);
}

void FillRespondHead(const config::Respond& respond, http::ResponseHead* head) {
  StartHead(respond.status, respond.body.size(), head);
  for (const auto& [name, value] : respond.headers) AddField(name, value, head);
}

}  // namespace holdfast::proxy
