#include "pool/tls/challenge_certificates.h"

#include <utility>

#include "pool/net/check.h"
#include "pool/tls/keyed_chain.h"
#include "pool/tls/tls_parsed.h"

namespace holdfast::pool {

ChallengeCertificates::ChallengeCertificates(std::unique_ptr<const Parsed> parsed)
    : parsed_(std::move(parsed)) {}
ChallengeCertificates::~ChallengeCertificates() = default;

std::shared_ptr<const ChallengeCertificates> ChallengeCertificates::Make(
    const std::map<std::string, TlsCertificate>& certificates) {
  auto parsed = std::make_unique<Parsed>();
  for (const auto& [name, certificate] : certificates) {
    absl::StatusOr<KeyedChain> chain = ParseKeyedChain(certificate.chain, certificate.key);
    HOLDFAST_CHECK(chain.ok());
    parsed->chains.emplace(name, *std::move(chain));
  }
  return std::shared_ptr<const ChallengeCertificates>(new ChallengeCertificates(std::move(parsed)));
}

}  // namespace holdfast::pool
