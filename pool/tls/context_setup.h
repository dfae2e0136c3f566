#ifndef HOLDFAST_POOL_TLS_CONTEXT_SETUP_H_
#define HOLDFAST_POOL_TLS_CONTEXT_SETUP_H_

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/tls/openssl_ptr.h"
#include "pool/tls/tls_material.h"
#include "pool/tls/tls_parsed.h"

// Contexts of the library as the settings want them, without the callbacks that a worker adds. For
// this room. Any thread.

namespace holdfast::pool {

// Before anything else of the library: its own configuration file is not read, because that could
// change versions, ciphers and limits under us. Idempotent.
void InitLibrary();

absl::StatusOr<SslContextPtr> MakeServerContext(const TlsServerMaterial& material,
                                                const VirtualHost& host);
// Shows one certificate, speaks kChallengeProtocol alone, asks for nothing and remembers nobody.
SslContextPtr MakeChallengeContext(const KeyedChain& chain);
absl::StatusOr<SslContextPtr> MakeClientContext(const TlsClientMaterial& material);
// Whether the host's clients find a cipher suite in this context of it. The error when nobody does;
// a warning, a sentence, when those of one version do not.
absl::Status CheckCiphers(SSL_CTX* context, const TlsServerMaterial& material,
                          const VirtualHost& host, std::vector<std::string>* warnings);

// Those of the groups that the library knows; a sentence for each that it does not.
std::vector<std::string> KnownGroups(const std::vector<std::string>& groups,
                                     std::vector<std::string>* warnings);

// ALPN's form of a list: each name behind its length. Names longer than 255 bytes, and empty ones,
// are left out.
std::string WireProtocols(const std::vector<std::string>& protocols);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_CONTEXT_SETUP_H_
