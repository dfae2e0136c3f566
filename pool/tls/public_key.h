#ifndef HOLDFAST_POOL_TLS_PUBLIC_KEY_H_
#define HOLDFAST_POOL_TLS_PUBLIC_KEY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <absl/status/statusor.h>

#include "pool/net/word_table.h"

struct evp_pkey_st;

namespace holdfast::pool {

// How something is signed, as RFC 7518 section 3.1 and RFC 8037 section 3.1 call it: with a key
// pair, always. A secret that both sides know, or nothing at all, is none of these.
enum class SignatureAlgorithm : uint8_t { kEs256, kEs384, kRs256, kPs256, kEdDsa };
inline constexpr auto kSignatureAlgorithmWords = Words<SignatureAlgorithm>({
    {"ES256", SignatureAlgorithm::kEs256},
    {"ES384", SignatureAlgorithm::kEs384},
    {"RS256", SignatureAlgorithm::kRs256},
    {"PS256", SignatureAlgorithm::kPs256},
    {"EdDSA", SignatureAlgorithm::kEdDsa},
});
constexpr const auto& WordsOf(SignatureAlgorithm) { return kSignatureAlgorithmWords; }

// The public half of a key pair, which tells whether the other half has signed something.
// Immutable; any thread. Copies share the key.
class PublicKey {
 public:
  enum class Kind : uint8_t { kP256, kP384, kRsa, kEd25519 };

  // Of RSA, by the modulus. Shorter ones are no good (RFC 7518 section 3.3), and with longer ones a
  // signature takes long.
  static constexpr size_t kMinRsaBits = 2048;
  static constexpr size_t kMaxRsaBits = 8192;
  static constexpr size_t kMaxSignatureBytes = kMaxRsaBits / 8;

  // Numbers are bytes, the highest first. The error says what was expected, without a subject.
  //
  // A point on kP256 or kP384: exactly as many bytes each as the curve has (RFC 7518 section
  // 6.2.1.2).
  static absl::StatusOr<PublicKey> OfCurve(Kind kind, std::string_view x, std::string_view y);
  static absl::StatusOr<PublicKey> OfRsa(std::string_view modulus, std::string_view exponent);
  // 32 bytes.
  static absl::StatusOr<PublicKey> OfEd25519(std::string_view x);

  // Whether keys of this kind sign so.
  bool Fits(SignatureAlgorithm algorithm) const;
  // Whether `signature` is one of `message` by this key: for the curves r and then s, each as long
  // as a coordinate. False for any other bytes, and if the key does not fit.
  bool Verify(SignatureAlgorithm algorithm, std::string_view message,
              std::string_view signature) const;

  Kind kind() const { return kind_; }

 private:
  PublicKey(Kind kind, evp_pkey_st* key);

  Kind kind_;
  size_t signature_bytes_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_PUBLIC_KEY_H_
