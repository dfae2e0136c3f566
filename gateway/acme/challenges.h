#ifndef HOLDFAST_GATEWAY_ACME_CHALLENGES_H_
#define HOLDFAST_GATEWAY_ACME_CHALLENGES_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "pool/tls/challenge_certificates.h"

namespace holdfast::acme {

// What the listeners answer to an authority that asks whether a name leads here. Immutable once it
// is published; any thread.
struct Challenges {
  // http-01 (RFC 8555 section 8.3): what is below this path is a token.
  static constexpr std::string_view kPath = "/.well-known/acme-challenge/";

  std::map<std::string, std::string, std::less<>> tokens;  // token -> key authorization
  // tls-alpn-01; null: none.
  std::shared_ptr<const pool::ChallengeCertificates> certificates;

  bool empty() const { return tokens.empty() && certificates == nullptr; }
  // The answer to a request for this path; null: it is for none of the tokens.
  const std::string* AnswerFor(std::string_view path) const {
    if (!path.starts_with(kPath)) return nullptr;
    const auto token = tokens.find(path.substr(kPath.size()));
    return token == tokens.end() ? nullptr : &token->second;
  }
};

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_CHALLENGES_H_
