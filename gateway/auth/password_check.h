#ifndef HOLDFAST_GATEWAY_AUTH_PASSWORD_CHECK_H_
#define HOLDFAST_GATEWAY_AUTH_PASSWORD_CHECK_H_

#include <cstdint>
#include <string_view>

#include "gateway/auth/password_hash.h"

namespace holdfast::auth {

// How a password and a hash go together.
enum class Match : uint8_t {
  kGood,
  kBad,
  kUnknown,  // the library could not tell: it found no memory
};

// Takes milliseconds up to a second, and as much memory as the hash says: not for an event loop.
// `password` has no NUL in it, as bcrypt would end there. Of a longer one bcrypt sees the first 72
// bytes, whoever made the hash. The digests are compared in a time that tells nothing of them. Any
// thread; starts none, whatever argon2's lanes are. Nothing of the password stays in memory.
Match Verify(const PasswordHash& hash, std::string_view password);

}  // namespace holdfast::auth

#endif  // HOLDFAST_GATEWAY_AUTH_PASSWORD_CHECK_H_
