#ifndef HOLDFAST_GATEWAY_TLS_STAND_INS_H_
#define HOLDFAST_GATEWAY_TLS_STAND_INS_H_

#include <map>
#include <string>

#include "gateway/tls/acme_files.h"
#include "gateway/tls/temporary_certificates.h"
#include "pool/net/clock.h"

namespace holdfast::tls {

// The certificates of ACME that were read last, by their files: while one cannot be read, or has
// something else in it, the one before stays in use. In memory only. Main thread.
class LastPairs {
 public:
  void Keep(const std::string& path, const AcmeCertificate& pair) { pairs_[path] = pair; }
  // Null: none was read from there, or it has ended at `now`. Good until the next call of another
  // member.
  const AcmeCertificate* Of(const std::string& path, pool::WallTime now);
  // Forgets those that have ended.
  void Prune(pool::WallTime now);

 private:
  std::map<std::string, AcmeCertificate> pairs_;
};

// What listeners show for names whose files do not do. Main thread.
struct StandIns {
  LastPairs last;
  TemporaryCertificates temporary;  // where there is no last one
};

}  // namespace holdfast::tls

#endif  // HOLDFAST_GATEWAY_TLS_STAND_INS_H_
