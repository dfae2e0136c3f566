#ifndef HOLDFAST_POOL_TLS_TLS_PARSED_H_
#define HOLDFAST_POOL_TLS_TLS_PARSED_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pool/tls/challenge_certificates.h"
#include "pool/tls/keyed_chain.h"
#include "pool/tls/openssl_ptr.h"
#include "pool/tls/server_names.h"
#include "pool/tls/tls_material.h"

// What the material holds, in the library's types. For the sources of this room.

namespace holdfast::pool {

struct TlsAuthorities::Parsed {
  std::vector<X509Ptr> certificates;
};

// A way to check clients.
struct ClientPolicy {
  std::optional<TlsClientAuth> auth;
  std::shared_ptr<const TlsAuthorities> authorities;
  std::vector<CrlPtr> revoked;
};

// The names that are served by the same certificates (of different kinds of key).
struct VirtualHost {
  std::vector<size_t> certificates;
  size_t policy = 0;
  // Sessions are of this listener, these names and this policy, and of no other (CVE-2025-23419).
  std::array<uint8_t, 32> session_context{};
};

struct TlsServerMaterial::Parsed {
  std::vector<KeyedChain> chains;       // as in the settings
  std::vector<ClientPolicy> policies;   // all different
  std::vector<size_t> policy_of_chain;  // as in the settings
  std::vector<VirtualHost> hosts;       // the default first
  ServerNames names;                    // of hosts
};

struct TlsClientMaterial::Parsed {
  std::optional<KeyedChain> chain;
  std::shared_ptr<const TlsAuthorities> authorities;  // null: nobody is verified
};

struct ChallengeCertificates::Parsed {
  std::map<std::string, KeyedChain> chains;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_TLS_PARSED_H_
