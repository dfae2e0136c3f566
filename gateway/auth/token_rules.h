#ifndef HOLDFAST_GATEWAY_AUTH_TOKEN_RULES_H_
#define HOLDFAST_GATEWAY_AUTH_TOKEN_RULES_H_

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/auth/key_set.h"
#include "pool/tls/public_key.h"
#include "pool/tls/tls_settings.h"

namespace holdfast::auth {

// A field of requests that says what a token claims.
struct ClaimHeader {
  std::string header;
  std::string claim;
};

// Which JSON Web Tokens (RFC 7519) a route takes, as it is configured.
struct TokenRules {
  static constexpr std::string_view kSystemAuthorities = "system";

  std::string jwks;      // the file that has the keys, or the URL at which they are
  std::string issuer;    // what `iss` is
  std::string audience;  // what `aud` is, or has
  std::vector<pool::SignatureAlgorithm> algorithms;
  std::vector<ClaimHeader> claims_to_headers;
  std::chrono::nanoseconds leeway = std::chrono::seconds(30);  // clocks differ so much
  std::string jwks_ca{kSystemAuthorities};  // who may vouch for the URL's server: those, or a file
  bool jwks_over_http = false;              // in clear from another machine, too

  bool by_url() const { return !jwks.starts_with('/'); }

  // Once files were read (route/key_files.h): what that of jwks_ca holds; empty: the system's.
  pool::TlsFile authorities;
  // Once the file was read, or the keys were fetched (server/key_keeper.h). Null: no token is good.
  std::shared_ptr<const KeySet> keys;
  // The same only of rules by which the same tokens are good and say the same; then, too.
  std::string identity;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_TOKEN_RULES_H_
