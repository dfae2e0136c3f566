#ifndef HOLDFAST_GATEWAY_AUTH_PASSWORD_HASH_H_
#define HOLDFAST_GATEWAY_AUTH_PASSWORD_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace holdfast::auth {

// What a check of a password takes.
struct HashCost {
  enum class Kind : uint8_t { kBcrypt, kArgon2i, kArgon2id };

  Kind kind = Kind::kBcrypt;
  uint32_t rounds = 0;      // bcrypt: the power of two of them; argon2: the passes
  uint32_t memory_kib = 0;  // argon2
  uint32_t lanes = 0;       // argon2

  auto operator<=>(const HashCost&) const = default;
};

// A password's hash as files have it. A value.
struct PasswordHash {
  // A check of more than that takes a second and more, or more memory than a proxy should need.
  static constexpr uint32_t kMinBcryptCost = 4;
  static constexpr uint32_t kMaxBcryptCost = 14;
  static constexpr uint32_t kMaxArgon2MemoryKib = 64 * 1024;
  static constexpr uint32_t kMaxArgon2Passes = 10;
  static constexpr uint32_t kMaxArgon2Lanes = 4;
  static constexpr size_t kMinSaltBytes = 8;  // argon2
  static constexpr size_t kMinDigestBytes = 16;
  static constexpr size_t kMaxPartBytes = 64;
  // Of a hash of bcrypt: what crypt(3) calls its setting, and the digest behind it.
  static constexpr size_t kBcryptSaltBytes = 29;
  static constexpr size_t kBcryptDigestBytes = 31;

  // Takes bcrypt ("$2y$", "$2b$", "$2a$") and argon2 ("$argon2id$v=19$", "$argon2i$v=19$"). The
  // error says what was expected, and nothing of the text: it may be a password.
  static absl::StatusOr<PasswordHash> Parse(std::string_view text);

  // One that costs as much to check, and that is nobody's.
  PasswordHash Nobodys() const;

  std::string text;  // as in the file; empty: nobody's
  HashCost cost;
  std::string salt;  // bcrypt: all that stands before the digest
  std::string digest;
};

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_PASSWORD_HASH_H_
