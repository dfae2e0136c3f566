#ifndef HOLDFAST_POOL_TLS_MADE_CERTIFICATE_H_
#define HOLDFAST_POOL_TLS_MADE_CERTIFICATE_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/net/clock.h"
#include "pool/tls/signing_key.h"
#include "pool/tls/tls_settings.h"

// What is made here rather than by an authority: requests for certificates, and certificates that
// nobody vouches for. Names are host names, at least one. Any thread.

namespace holdfast::pool {

// A request (RFC 2986, DER) for a certificate of this key for all of these names.
std::string MakeCertificateRequest(const SigningKey& key, const std::vector<std::string>& names);

// Vouches for itself and serves until a better one is there, for `life` from an hour before `now`.
// `file` is what its material is called.
TlsCertificate MakeSelfSigned(const std::vector<std::string>& names, WallTime now, Duration life,
                              std::string_view file);

// Answers the challenge tls-alpn-01 for `name` (RFC 8737 section 3): `digest` is the SHA-256 of the
// key authorization.
TlsCertificate MakeChallengeCertificate(const std::string& name, std::string_view digest,
                                        WallTime now);

// What names a certificate to those who know when to renew it (RFC 9773 section 4.1).
struct RenewalId {
  std::string authority_key;  // the key identifier of its Authority Key Identifier
  std::string serial;         // the content bytes of its DER integer
};
// Of the first certificate in the file; the error says what is missing in it.
absl::StatusOr<RenewalId> ReadRenewalId(const TlsFile& chain);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_MADE_CERTIFICATE_H_
