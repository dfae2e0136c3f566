#ifndef HOLDFAST_TESTS_POOL_TLS_SUPPORT_TEST_KEY_PAIR_H_
#define HOLDFAST_TESTS_POOL_TLS_SUPPORT_TEST_KEY_PAIR_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "pool/tls/openssl_ptr.h"
#include "pool/tls/public_key.h"

namespace holdfast::pool {

// Both halves of a key, to sign with what PublicKey is to verify.
class TestKeyPair {
 public:
  // A new one; `rsa_bits` of kRsa.
  static TestKeyPair Make(PublicKey::Kind kind, unsigned rsa_bits = 2048);

  PublicKey::Kind kind() const { return kind_; }
  // As the sender of a token signs: r and s of the curves in full length.
  std::string Sign(SignatureAlgorithm algorithm, std::string_view message) const;
  // With PSS, a salt of so many bytes.
  std::string SignPss(std::string_view message, int salt_bytes) const;
  // The parts of the public half: x and y of the curves, n and e of RSA, x of Ed25519.
  std::string x() const;
  std::string y() const;
  std::string n() const;
  std::string e() const;
  // The public half as a PEM file has it.
  std::string PublicPem() const;
  PublicKey Public() const;

 private:
  TestKeyPair(PublicKey::Kind kind, KeyPtr key) : kind_(kind), key_(std::move(key)) {}
  std::string Number(const char* name, size_t bytes) const;
  size_t coordinate_bytes() const { return kind_ == PublicKey::Kind::kP384 ? 48 : 32; }

  PublicKey::Kind kind_;
  std::shared_ptr<EVP_PKEY> key_;
};

// HMAC with SHA-256, as HS256 has it.
std::string TestHmac(std::string_view key, std::string_view message);

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_TLS_SUPPORT_TEST_KEY_PAIR_H_
