#ifndef HOLDFAST_POOL_TLS_CHALLENGE_CERTIFICATES_H_
#define HOLDFAST_POOL_TLS_CHALLENGE_CERTIFICATES_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "pool/tls/tls_settings.h"

namespace holdfast::pool {

// The protocol that is asked for, alone, by who wants to see one of these (RFC 8737 section 6.2).
inline constexpr std::string_view kChallengeProtocol = "acme-tls/1";

// Certificates that prove to an authority who answers for a name (the challenge tls-alpn-01), by
// the names in lower case. Immutable; any thread; destroyed with the last who holds it.
class ChallengeCertificates {
 public:
  struct Parsed;

  // Each fits its key: they are our own.
  static std::shared_ptr<const ChallengeCertificates> Make(
      const std::map<std::string, TlsCertificate>& certificates);
  ~ChallengeCertificates();

  const Parsed& parsed() const { return *parsed_; }

 private:
  explicit ChallengeCertificates(std::unique_ptr<const Parsed> parsed);

  std::unique_ptr<const Parsed> parsed_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_CHALLENGE_CERTIFICATES_H_
