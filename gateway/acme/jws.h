#ifndef HOLDFAST_GATEWAY_ACME_JWS_H_
#define HOLDFAST_GATEWAY_ACME_JWS_H_

#include <string>
#include <string_view>

#include "pool/tls/signing_key.h"

// How what is said to an authority is signed (RFC 8555 section 6.2). Pure.

namespace holdfast::acme {

// RFC 4648 section 5, without padding.
std::string Base64Url(std::string_view bytes);

// Names a key, the same for all who know its public part (RFC 7638).
std::string Thumbprint(const pool::SigningKey& key);

// Answers a challenge (RFC 8555 section 8.1).
std::string KeyAuthorization(std::string_view token, const pool::SigningKey& account);

// What is signed with the payload.
struct SignedFields {
  std::string url;
  std::string nonce;
  std::string account;  // its URL; empty: the key itself goes along, as long as there is no account
};
// The body of a POST: JSON with the payload inside. An empty payload is a POST-as-GET (section
// 6.3).
std::string SignedBody(const pool::SigningKey& account, const SignedFields& fields,
                       std::string_view payload);

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_JWS_H_
