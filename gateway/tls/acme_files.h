#ifndef HOLDFAST_GATEWAY_TLS_ACME_FILES_H_
#define HOLDFAST_GATEWAY_TLS_ACME_FILES_H_

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "gateway/config/tls.h"
#include "pool/tls/certificate_facts.h"
#include "pool/tls/tls_settings.h"

// The certificates that ACME has brought, as they lie in its storage: for each name one file with
// the certificate, those that vouch for it and its key, so that no one ever meets half of a pair.

namespace holdfast::tls {

// The file of a name in the storage, which says whose certificate it has: an authority's is not
// taken for another's, as that of a trial is none for the world. `directory` is an https URL. Pure.
std::string AcmeFileName(std::string_view directory, std::string_view name);
// The whole path.
std::string AcmeFilePath(const config::ListenerAcme& acme, std::string_view name);

struct AcmeCertificate {
  pool::TlsCertificate certificate;  // both from the one file
  pool::CertificateFacts facts;
};
// NotFound while there is no file; another error, which names the file, when what is in it does not
// do: it can't be read, it is no pair, or it is for another name. Blocks; any thread.
absl::StatusOr<AcmeCertificate> ReadAcmeCertificate(const config::ListenerAcme& acme,
                                                    const std::string& name);

}  // namespace holdfast::tls

#endif  // HOLDFAST_GATEWAY_TLS_ACME_FILES_H_
