#include "gateway/tls/temporary_certificates.h"

#include "pool/tls/made_certificate.h"

namespace holdfast::tls {

const pool::TlsCertificate& TemporaryCertificates::For(const std::vector<std::string>& names,
                                                       pool::WallTime now) {
  Made& made = made_[names];
  if (now + kRenewBefore > made.ends) {
    made = {.certificate = pool::MakeSelfSigned(names, now, kLife, kFile), .ends = now + kLife};
  }
  return made.certificate;
}

}  // namespace holdfast::tls
