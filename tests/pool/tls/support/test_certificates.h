#ifndef HOLDFAST_TESTS_POOL_TLS_SUPPORT_TEST_CERTIFICATES_H_
#define HOLDFAST_TESTS_POOL_TLS_SUPPORT_TEST_CERTIFICATES_H_

#include <string>
#include <string_view>
#include <vector>

#include "pool/tls/openssl_ptr.h"
#include "pool/tls/tls_settings.h"

namespace holdfast::pool {

// What a certificate of a test is to say.
struct CertificatePlan {
  std::vector<std::string> names;  // "dns:a.test", "uri:...", "ip:127.0.0.1"; may hold a NUL
  bool rsa = false;                // of 2048 bits; else ECDSA on P-256
  bool authority = false;
  int begins_in_days = -1;
  int ends_in_days = 30;
};

// A certificate with its key.
struct Issued {
  X509Ptr certificate;
  KeyPtr key;

  std::string pem() const;
  TlsFile chain(std::string_view file = "site.pem") const;
  TlsFile key_file(std::string_view file = "site.key") const;
  TlsCertificate settings() const { return {.chain = chain(), .key = key_file()}; }
};

// Vouches for itself.
Issued SelfSigned(const CertificatePlan& plan, std::string_view subject = "self");
// An authority vouches for it.
Issued IssuedBy(const Issued& authority, const CertificatePlan& plan,
                std::string_view subject = "leaf");
// What TestAuthority makes of a request (RFC 2986, DER): PEM, the authority behind it. The key is
// the request's, all else is the plan's.
std::string PemFor(std::string_view request_der, const CertificatePlan& plan);
// The authority's list of those it takes back.
std::string RevocationList(const Issued& authority, const std::vector<const Issued*>& revoked);

// One for all tests of the process.
const Issued& TestAuthority();
// Vouched for by TestAuthority, for "dns:" names.
Issued SiteFor(const std::vector<std::string>& hosts, bool rsa = false);

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_TLS_SUPPORT_TEST_CERTIFICATES_H_
