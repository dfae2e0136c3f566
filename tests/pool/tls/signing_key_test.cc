#include "pool/tls/signing_key.h"

#include <string>

#include <gtest/gtest.h>
#include <openssl/ec.h>

#include "pool/tls/digest.h"
#include "pool/tls/openssl_ptr.h"
#include "tests/pool/tls/support/test_certificates.h"

namespace holdfast::pool {
namespace {

using SignaturePtr = OpenSslPtr<ECDSA_SIG, &ECDSA_SIG_free>;

BIGNUM* Number(const std::string& bytes) {
  return BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                   static_cast<int>(bytes.size()), nullptr);
}

// As the library itself sees it.
bool Verifies(const SigningKey& key, const std::string& message, const std::string& signature) {
  const SignaturePtr parsed(ECDSA_SIG_new());
  ECDSA_SIG_set0(parsed.get(), Number(signature.substr(0, 32)), Number(signature.substr(32)));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parsed.get(), &der);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key.get());
  const int verified =
      EVP_DigestVerify(context, der, static_cast<size_t>(size),
                       reinterpret_cast<const unsigned char*>(message.data()), message.size());
  EVP_MD_CTX_free(context);
  OPENSSL_free(der);
  return verified == 1;
}

// A number that begins with a zero byte comes once in 128 signatures.
TEST(SigningKeyTest, ASignatureIsTwoNumbersOf32Bytes) {
  const SigningKey key = SigningKey::Make();
  for (int i = 0; i < 300; ++i) {
    const std::string message = "message " + std::to_string(i);
    const std::string signature = key.Sign(message);
    ASSERT_EQ(signature.size(), 64u);
    ASSERT_TRUE(Verifies(key, message, signature)) << i;
  }
  EXPECT_FALSE(Verifies(key, "another", key.Sign("message")));
  EXPECT_FALSE(Verifies(SigningKey::Make(), "message", key.Sign("message")));
}

TEST(SigningKeyTest, ItsPointIsOnTheCurve) {
  const SigningKey key = SigningKey::Make();
  EXPECT_EQ(key.X().size(), 32u);
  EXPECT_EQ(key.Y().size(), 32u);
  EXPECT_NE(key.X(), SigningKey::Make().X());
}

TEST(SigningKeyTest, IsReadAsItWasWritten) {
  const SigningKey key = SigningKey::Make();
  const auto read = SigningKey::Parse({.pem = "above: it\n" + key.Pem(), .name = "a.key"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->X(), key.X());
  EXPECT_EQ(read->Pem(), key.Pem());
  EXPECT_TRUE(Verifies(key, "message", read->Sign("message")));
}

TEST(SigningKeyTest, WhatIsNoneOrOfAnotherKindIsToldWithItsFile) {
  const auto error = [](const std::string& pem) {
    return std::string(SigningKey::Parse({.pem = pem, .name = "a.key"}).status().message());
  };
  EXPECT_TRUE(error("").starts_with("a.key: the private key can't be read"));
  EXPECT_TRUE(error("garbage").starts_with("a.key: the private key can't be read"));
  const std::string rsa = SelfSigned({.rsa = true}).key_file().pem;
  EXPECT_EQ(error(rsa), "a.key: expected a private key on the curve P-256");
}

TEST(SigningKeyTest, ADigestHas32Bytes) {
  EXPECT_EQ(Sha256("abc").substr(0, 4), "\xba\x78\x16\xbf");
  EXPECT_EQ(Sha256("").size(), 32u);
}

}  // namespace
}  // namespace holdfast::pool
