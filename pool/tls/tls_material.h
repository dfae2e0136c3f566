#ifndef HOLDFAST_POOL_TLS_TLS_MATERIAL_H_
#define HOLDFAST_POOL_TLS_TLS_MATERIAL_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/tls/certificate_facts.h"
#include "pool/tls/tls_settings.h"

// Settings with all that is parsed of them, once, on the main thread. Each worker makes its own
// contexts of it (tls_server_context.h, tls_client_context.h), which share the parsed keys and
// certificates. Immutable; any thread; destroyed with the last who holds it.

namespace holdfast::pool {

// Who may vouch for a peer.
class TlsAuthorities {
 public:
  struct Parsed;

  static absl::StatusOr<std::shared_ptr<const TlsAuthorities>> Parse(const TlsFile& file);
  // Those that the system trusts: the file that SSL_CERT_FILE names, or else Debian's bundle.
  static absl::StatusOr<std::shared_ptr<const TlsAuthorities>> System();
  static std::string SystemFile();
  ~TlsAuthorities();

  size_t size() const;
  // SHA-256 of the file's text.
  const std::string& digest() const { return digest_; }
  const Parsed& parsed() const { return *parsed_; }

 private:
  TlsAuthorities(std::unique_ptr<const Parsed> parsed, std::string digest);

  std::unique_ptr<const Parsed> parsed_;
  std::string digest_;
};

// What a listener serves with: its certificates and keys, who may be a client, and which names have
// which of them.
class TlsServerMaterial {
 public:
  struct Parsed;

  // Reads everything, and tries whether contexts can be made of it. The error names the file or the
  // setting, and what was expected.
  static absl::StatusOr<std::shared_ptr<const TlsServerMaterial>> Load(TlsServerSettings settings);
  ~TlsServerMaterial();

  const TlsServerSettings& settings() const { return settings_; }
  // In the order of the settings.
  const std::vector<CertificateFacts>& certificates() const { return certificates_; }
  // What is left out of the settings because the library does not know it: a sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }
  const Parsed& parsed() const { return *parsed_; }

 private:
  explicit TlsServerMaterial(TlsServerSettings settings);
  absl::Status ParseCertificates();
  absl::Status ParsePolicies();
  absl::Status FormHosts();

  TlsServerSettings settings_;
  std::vector<CertificateFacts> certificates_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Parsed> parsed_;
};

// How an upstream is spoken to: who is believed, and what we show.
class TlsClientMaterial {
 public:
  struct Parsed;

  // `system`: who is believed when the settings name nobody; may be null when they do, or when
  // nothing is verified. The error as above.
  static absl::StatusOr<std::shared_ptr<const TlsClientMaterial>> Load(
      TlsSettings settings, std::shared_ptr<const TlsAuthorities> system);
  ~TlsClientMaterial();

  const TlsSettings& settings() const { return settings_; }
  const Parsed& parsed() const { return *parsed_; }

 private:
  explicit TlsClientMaterial(TlsSettings settings);

  TlsSettings settings_;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_TLS_MATERIAL_H_
