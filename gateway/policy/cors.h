#ifndef HOLDFAST_GATEWAY_POLICY_CORS_H_
#define HOLDFAST_GATEWAY_POLICY_CORS_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/message.h"

// Cross-origin requests as browsers ask about them (the Fetch standard, "CORS protocol").

namespace holdfast::policy {

// Who may ask from elsewhere and for what, as the configuration has it. The words are those of
// Kubernetes' HTTPRoute. A value.
struct Cors {
  // "https://app.example.com", "https://*.example.com" (any number of labels), or "*" for all.
  std::vector<std::string> allow_origins;
  std::vector<std::string> allow_methods;  // or "*"; empty: GET, HEAD, POST
  std::vector<std::string> allow_headers;  // or "*"; those that need no leave are always allowed
  std::vector<std::string> expose_headers;
  bool allow_credentials = false;  // never with "*" among the origins
  // How long a browser may remember the answer to a preflight request.
  std::chrono::nanoseconds max_age = std::chrono::minutes(10);
};

// Whether a text can stand among the origins: a scheme, a host, maybe a port, and nothing else.
bool IsOriginPattern(std::string_view text);

// Whether a browser asks beforehand if it may send another request: OPTIONS with an origin and the
// method that it is about.
bool IsPreflight(const http::RequestHead& request);
// That method; empty when there is none, or several.
std::string_view RequestedMethod(const http::RequestHead& request);

// The same, ready to be applied. Immutable: any thread. Field values point into `this`, or into the
// request.
class CorsRules {
 public:
  CorsRules() = default;
  explicit CorsRules(const Cors& cors);

  bool active() const { return !origins_.empty(); }
  // The fields of the answer to a preflight request; those alone that vary, where the origin is not
  // allowed.
  void AnswerPreflight(const http::RequestHead& request, http::ResponseHead* response) const;
  // Takes the place of what the response says of this itself.
  void Apply(const http::RequestHead& request, http::ResponseHead* response) const;

 private:
  bool Allows(std::string_view origin) const;
  // What Access-Control-Allow-Origin says to it; empty when it is not allowed.
  std::string_view AllowedOrigin(const http::RequestHead& request) const;
  void AddOrigin(std::string_view allowed, http::ResponseHead* response) const;

  std::vector<std::string> origins_;
  bool any_origin_ = false;
  bool any_method_ = false;
  bool any_header_ = false;
  bool credentials_ = false;
  std::string methods_;
  std::string headers_;
  std::string exposed_;
  std::string max_age_;  // in seconds
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_CORS_H_
