#include "gateway/auth/password_check.h"

#include <argon2.h>
#include <crypt.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

#include "pool/net/check.h"

namespace holdfast::auth {
namespace {

constexpr size_t kBcryptPasswordBytes = 72;

// Looks at all of both.
Match Compare(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return Match::kBad;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = difference | static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0 ? Match::kGood : Match::kBad;
}

Match VerifyBcrypt(const PasswordHash& hash, std::string_view password) {
  // What crypt(3) works in: 32 KiB.
  struct Wiped {
    ~Wiped() { explicit_bzero(this, sizeof(*this)); }
    std::array<char, kBcryptPasswordBytes + 1> password{};
    crypt_data data{};
  };
  const auto work = std::make_unique<Wiped>();
  password.copy(work->password.data(), kBcryptPasswordBytes);
  const char* const made =
      crypt_rn(work->password.data(), hash.salt.c_str(), &work->data, sizeof(work->data));
  if (made == nullptr) return Match::kUnknown;
  std::string_view digest = made;
  // The library may write the salt's last letter otherwise, as it has bits that mean nothing.
  digest.remove_prefix(std::min(PasswordHash::kBcryptSaltBytes, digest.size()));
  return Compare(digest, hash.digest);
}

// Through the library's longer way: the shorter one has a thread for each lane.
Match VerifyArgon2(const PasswordHash& hash, std::string_view password) {
  // It writes to neither.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  std::array<char, PasswordHash::kMaxPartBytes> digest;
  HOLDFAST_CHECK(hash.digest.size() <= digest.size());
  argon2_context context{};
  context.out = reinterpret_cast<uint8_t*>(digest.data());
  context.outlen = static_cast<uint32_t>(hash.digest.size());
  context.pwd = bytes(password);
  context.pwdlen = static_cast<uint32_t>(password.size());
  context.salt = bytes(hash.salt);
  context.saltlen = static_cast<uint32_t>(hash.salt.size());
  context.t_cost = hash.cost.rounds;
  context.m_cost = hash.cost.memory_kib;
  context.lanes = hash.cost.lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.flags = ARGON2_DEFAULT_FLAGS;
  const argon2_type type =
      hash.cost.kind == HashCost::Kind::kArgon2i ? argon2_type::Argon2_i : argon2_type::Argon2_id;
  if (argon2_ctx(&context, type) != ARGON2_OK) return Match::kUnknown;
  return Compare(std::string_view(digest.data(), hash.digest.size()), hash.digest);
}

}  // namespace

Match Verify(const PasswordHash& hash, std::string_view password) {
  HOLDFAST_CHECK(password.find('\0') == password.npos);
  return hash.cost.kind == HashCost::Kind::kBcrypt ? VerifyBcrypt(hash, password)
                                                   : VerifyArgon2(hash, password);
}

}  // namespace holdfast::auth
