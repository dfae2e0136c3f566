#ifndef HOLDFAST_TESTS_GATEWAY_AUTH_TEST_TOKENS_H_
#define HOLDFAST_TESTS_GATEWAY_AUTH_TEST_TOKENS_H_

#include <algorithm>
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

// With what stands for header and claims, encoded or not.
inline std::string SignedText(const pool::TestKeyPair& pair, pool::SignatureAlgorithm algorithm,
                              const std::string& text) {
  return text + "." + Base64Url(pair.Sign(algorithm, text));
}

// A token with that header and those claims, whatever they are.
inline std::string SignedToken(const pool::TestKeyPair& pair, pool::SignatureAlgorithm algorithm,
                               std::string_view header, std::string_view claims) {
  return SignedText(pair, algorithm, Base64Url(header) + "." + Base64Url(claims));
}

// The same with an HMAC for a signature.
inline std::string HmacToken(std::string_view secret, std::string_view header,
                             std::string_view claims) {
  const std::string text = Base64Url(header) + "." + Base64Url(claims);
  return text + "." + Base64Url(pool::TestHmac(secret, text));
}

// What a PEM file holds, as DER.
inline std::string DerOf(std::string_view pem) {
  std::string base64;
  for (size_t end = 0; (end = pem.find('\n')) != pem.npos; pem.remove_prefix(end + 1)) {
    if (!pem.starts_with("-----")) base64 += pem.substr(0, end);
  }
  std::string der;
  absl::Base64Unescape(base64, &der);
  return der;
}

// A signature of a curve as files have it (RFC 3279 section 2.2.3): not r and s in full length, but
// two numbers.
inline std::string DerSignature(std::string_view signature) {
  std::string numbers;
  for (std::string_view half :
       {signature.substr(0, signature.size() / 2), signature.substr(signature.size() / 2)}) {
    half.remove_prefix(std::min(half.find_first_not_of('\0'), half.size() - 1));
    std::string number(half);
    if ((half.front() & 0x80) != 0) number.insert(0, 1, '\0');
    numbers += std::string("\x02") + static_cast<char>(number.size()) + number;
  }
  return std::string("\x30") + static_cast<char>(numbers.size()) + numbers;
}

}  // namespace holdfast::auth

#endif  // HOLDFAST_TESTS_GATEWAY_AUTH_TEST_TOKENS_H_
