#ifndef HOLDFAST_POOL_TLS_CERTIFICATE_FACTS_H_
#define HOLDFAST_POOL_TLS_CERTIFICATE_FACTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "pool/net/clock.h"
#include "pool/net/word_table.h"
#include "pool/tls/tls_settings.h"

// What a certificate says, for checks of a configuration, warnings and metrics. Any thread.

namespace holdfast::pool {

enum class KeyType : uint8_t { kRsa, kEcdsa, kEd25519, kOther };
inline constexpr auto kKeyTypeWords = Words<KeyType>({{"rsa", KeyType::kRsa},
                                                      {"ecdsa", KeyType::kEcdsa},
                                                      {"ed25519", KeyType::kEd25519},
                                                      {"other", KeyType::kOther}});
constexpr const auto& WordsOf(KeyType) { return kKeyTypeWords; }

struct CertificateFacts {
  std::string file;     // where it came from
  std::string subject;  // RFC 4514's form
  std::string issuer;
  std::string serial;                  // hexadecimal
  std::vector<std::string> names;      // SAN dNSName in lower case, wildcards as they are
  std::vector<std::string> addresses;  // SAN iPAddress, as text
  WallTime not_before;
  WallTime not_after;        // its own
  WallTime chain_not_after;  // of the first to end, with those that vouch for it
  KeyType key_type = KeyType::kOther;
  int key_bits = 0;
  bool self_signed = false;
  size_t chain_length = 0;  // itself included
  std::string chain_fault;  // the chain is out of order; empty: it is not
};

// Of the first certificate in the file. The error names the file.
absl::StatusOr<CertificateFacts> ReadCertificate(const TlsFile& chain);
// Whether the key is readable and belongs to the first certificate. The error names the files.
absl::Status CheckKey(const TlsFile& chain, const TlsFile& key);

// Whether it is for the host: a name of the same letters, one-label wildcards included
// (*.example.com is not a.b.example.com), or an address. RFC 9525 section 6.3. Pure.
bool IsFor(const CertificateFacts& facts, std::string_view host);
// What is wrong with it at `now`, or will be within `ahead`: a sentence each, the file first. Pure.
std::vector<std::string> Warnings(const CertificateFacts& facts, WallTime now, Duration ahead);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_CERTIFICATE_FACTS_H_
