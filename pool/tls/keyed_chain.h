#ifndef HOLDFAST_POOL_TLS_KEYED_CHAIN_H_
#define HOLDFAST_POOL_TLS_KEYED_CHAIN_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/tls/certificate_facts.h"
#include "pool/tls/openssl_ptr.h"
#include "pool/tls/tls_settings.h"

// PEM into objects of the library, once; contexts then share them. For this room. Any thread.

namespace holdfast::pool {

// A certificate, who vouches for it, and its key.
struct KeyedChain {
  X509Ptr leaf;
  std::vector<X509Ptr> rest;
  KeyPtr key;
  CertificateFacts facts;
};

// The key belongs to the leaf. Errors name the files and what was expected.
absl::StatusOr<KeyedChain> ParseKeyedChain(const TlsFile& chain, const TlsFile& key);
// At least one.
absl::StatusOr<std::vector<X509Ptr>> ParseCertificates(const TlsFile& file);
absl::StatusOr<std::vector<CrlPtr>> ParseRevocations(const TlsFile& file);

CertificateFacts FactsOf(const std::vector<X509Ptr>& chain, std::string_view file);

// RFC 4514's form, in printable ASCII.
std::string SubjectOf(const X509* certificate);
// What a subjectAltName says, as "dns:a.test" or "uri:spiffe://...", names of other kinds left out.
// `*nul` becomes true when one of them has a NUL inside, so that it may be read in two ways.
std::vector<std::string> SubjectNames(X509* certificate, bool* nul);

// The library's latest complaint in words; empties its queue.
std::string TakeLibraryError();

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_KEYED_CHAIN_H_
