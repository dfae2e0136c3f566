#include "gateway/acme/jws.h"

#include <absl/strings/escaping.h>
#include <absl/strings/string_view.h>
#include <nlohmann/json.hpp>

#include "pool/tls/digest.h"

namespace holdfast::acme {
namespace {

// RFC 7638 section 3.2: these members, in the order of the alphabet, which is the library's own.
nlohmann::json PublicKey(const pool::SigningKey& key) {
  return {{"crv", "P-256"}, {"kty", "EC"}, {"x", Base64Url(key.X())}, {"y", Base64Url(key.Y())}};
}

// A nonce or an account's URL comes from a field of a response, which need not be UTF-8.
std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string Base64Url(std::string_view bytes) {
  std::string text;
  absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()), &text);
  return text;
}

std::string Thumbprint(const pool::SigningKey& key) {
  return Base64Url(pool::Sha256(Dump(PublicKey(key))));
}

std::string KeyAuthorization(std::string_view token, const pool::SigningKey& account) {
  return std::string(token) + "." + Thumbprint(account);
}

std::string SignedBody(const pool::SigningKey& account, const SignedFields& fields,
                       std::string_view payload) {
  nlohmann::json header = {{"alg", "ES256"}, {"nonce", fields.nonce}, {"url", fields.url}};
  if (fields.account.empty()) {
    header["jwk"] = PublicKey(account);
  } else {
    header["kid"] = fields.account;
  }
  const std::string protected_header = Base64Url(Dump(header));
  const std::string encoded = Base64Url(payload);
  const nlohmann::json body = {
      {"protected", protected_header},
      {"payload", encoded},
      {"signature", Base64Url(account.Sign(protected_header + "." + encoded))}};
  return Dump(body);
}

}  // namespace holdfast::acme
