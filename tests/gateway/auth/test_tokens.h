#ifndef HOLDFAST_TESTS_GATEWAY_AUTH_TEST_TOKENS_H_
#define HOLDFAST_TESTS_GATEWAY_AUTH_TEST_TOKENS_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/strings/escaping.h>

#include "tests/pool/tls/support/test_key_pair.h"

// Tokens and key sets as an issuer makes them, and as nobody should.

namespace holdfast::auth {

inline std::string Base64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

// A key of a set; `more` are further members, each behind a comma.
inline std::string JwkOf(const pool::TestKeyPair& pair, const std::string& more = "") {
  using Kind = pool::PublicKey::Kind;
  switch (pair.kind()) {
    case Kind::kP256:
    case Kind::kP384:
      return std::string("{\"kty\":\"EC\",\"crv\":\"") +
             (pair.kind() == Kind::kP256 ? "P-256" : "P-384") + "\",\"x\":\"" +
             Base64Url(pair.x()) + "\",\"y\":\"" + Base64Url(pair.y()) + "\"" + more + "}";
    case Kind::kRsa:
      return "{\"kty\":\"RSA\",\"n\":\"" + Base64Url(pair.n()) + "\",\"e\":\"" +
             Base64Url(pair.e()) + "\"" + more + "}";
    case Kind::kEd25519: break;
  }
  return "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" + Base64Url(pair.x()) + "\"" + more + "}";
}

inline std::string JwksOf(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "" : ",") + key;
  return "{\"keys\":[" + text + "]}";
}

// A token with that header and those claims, whatever they are.
inline std::string SignedToken(const pool::TestKeyPair& pair, pool::SignatureAlgorithm algorithm,
                               std::string_view header, std::string_view claims) {
  const std::string text = Base64Url(header) + "." + Base64Url(claims);
  return text + "." + Base64Url(pair.Sign(algorithm, text));
}

}  // namespace holdfast::auth

#endif  // HOLDFAST_TESTS_GATEWAY_AUTH_TEST_TOKENS_H_
