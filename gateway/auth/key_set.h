#ifndef HOLDFAST_GATEWAY_AUTH_KEY_SET_H_
#define HOLDFAST_GATEWAY_AUTH_KEY_SET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "pool/tls/public_key.h"

namespace holdfast::auth {

// The keys that an issuer signs its tokens with: a JSON Web Key Set (RFC 7517 section 5).
// Immutable; any thread.
class KeySet {
 public:
  static constexpr size_t kMaxKeys = 64;
  static constexpr size_t kMaxIdBytes = 256;
  // For whoever reads the file, or fetches it.
  static constexpr size_t kMaxFileBytes = size_t{1} << 20;

  // What becomes of a key that is wrong: who wrote the file is to mend it, but nobody here can mend
  // what an issuer publishes, whose other keys are as good as before.
  enum class Wrong : uint8_t { kIsAnError, kIsLeftOut };

  struct Key {
    std::string id;  // `kid`; empty: it has none
    pool::PublicKey key;
    std::optional<pool::SignatureAlgorithm> algorithm;  // it is for this one alone

    bool Fits(pool::SignatureAlgorithm asked) const {
      return key.Fits(asked) && (!algorithm.has_value() || *algorithm == asked);
    }
  };

  // Takes elliptic curves (EC: P-256, P-384), RSA and Ed25519 (OKP, RFC 8037). A key of another
  // kind, or one that is not for checking signatures, is left out, as section 5 wants it. One that
  // is wrong, or that has its private half in it, is an error, which names its place, counted from
  // 1, and never what is in it; the caller adds the file. A set without a key of use is an error.
  static absl::StatusOr<KeySet> Parse(std::string_view text, Wrong wrong = Wrong::kIsAnError);

  const std::vector<Key>& keys() const { return keys_; }
  // A sentence for each that was left out.
  const std::vector<std::string>& notes() const { return notes_; }
  // Equal for texts that have the same keys of use in any order, whatever else is in them.
  const std::string& digest() const { return digest_; }

 private:
  KeySet() = default;

  std::vector<Key> keys_;
  std::vector<std::string> notes_;
  std::string digest_;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_KEY_SET_H_
