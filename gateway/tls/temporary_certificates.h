#ifndef HOLDFAST_GATEWAY_TLS_TEMPORARY_CERTIFICATES_H_
#define HOLDFAST_GATEWAY_TLS_TEMPORARY_CERTIFICATES_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pool/net/clock.h"
#include "pool/tls/tls_settings.h"

namespace holdfast::tls {

// Certificates that vouch for themselves, in memory only, for names that ACME has none for yet: a
// listener can be there before its certificates are. The same names get the same one again, so that
// reading everything again changes nothing. Main thread.
class TemporaryCertificates {
 public:
  // What is told as its file.
  static constexpr std::string_view kFile = "(temporary)";
  // A new one takes the place of one that has less than a week.
  static constexpr pool::Duration kLife = std::chrono::hours(24 * 90);
  static constexpr pool::Duration kRenewBefore = std::chrono::hours(24 * 7);

  // At least one name.
  const pool::TlsCertificate& For(const std::vector<std::string>& names, pool::WallTime now);

 private:
  struct Made {
    pool::TlsCertificate certificate;
    pool::WallTime ends;
  };
  std::map<std::vector<std::string>, Made> made_;
};

}  // namespace holdfast::tls

#endif  // HOLDFAST_GATEWAY_TLS_TEMPORARY_CERTIFICATES_H_
