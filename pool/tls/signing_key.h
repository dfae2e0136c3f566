#ifndef HOLDFAST_POOL_TLS_SIGNING_KEY_H_
#define HOLDFAST_POOL_TLS_SIGNING_KEY_H_

#include <memory>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "pool/tls/tls_settings.h"

struct evp_pkey_st;

namespace holdfast::pool {

// A private key on the curve P-256: it signs (ES256, RFC 7518 section 3.4) and certificates may be
// made for it. Copies share the key. Any thread.
class SigningKey {
 public:
  // A new one. Aborts if the system has no random bytes.
  static SigningKey Make();
  // The error names the file and what was expected.
  static absl::StatusOr<SigningKey> Parse(const TlsFile& file);

  // The private key, unencrypted.
  std::string Pem() const;
  // Its public point (RFC 7518 section 6.2.1): 32 bytes each.
  std::string X() const;
  std::string Y() const;
  // Of the message's SHA-256: 64 bytes, r and then s.
  std::string Sign(std::string_view message) const;

  // For this room.
  evp_pkey_st* get() const { return key_.get(); }

 private:
  explicit SigningKey(evp_pkey_st* key);

  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_SIGNING_KEY_H_
