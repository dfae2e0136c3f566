#include "pool/tls/keyed_chain.h"

#include <string>

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "tests/pool/tls/support/test_certificates.h"

namespace holdfast::pool {
namespace {

std::string ErrorOf(const TlsFile& chain, const TlsFile& key) {
  return std::string(ParseKeyedChain(chain, key).status().message());
}

std::string PemOf(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

TEST(KeyedChainTest, ReadsAChainAndItsKey) {
  const Issued between = IssuedBy(TestAuthority(), {.authority = true}, "between");
  const Issued site = IssuedBy(between, {.names = {"dns:a.test"}});
  const auto chain = ParseKeyedChain(
      {.pem = "A comment\n" + site.pem() + "\n" + between.pem() + "\ntrailing words\n",
       .name = "site.pem"},
      site.key_file());
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_EQ(chain->rest.size(), 1u);
  EXPECT_EQ(chain->facts.chain_length, 2u);
}

TEST(KeyedChainTest, ErrorsNameTheFileAndWhatWasExpected) {
  const Issued site = SiteFor({"a.test"});
  EXPECT_EQ(ErrorOf({.pem = "", .name = "site.pem"}, site.key_file()),
            "site.pem: no certificate in it; expected PEM with BEGIN CERTIFICATE");
  EXPECT_EQ(ErrorOf(site.key_file("oops.key"), site.key_file()),
            "oops.key: no certificate in it; expected PEM with BEGIN CERTIFICATE");
  EXPECT_EQ(ErrorOf(site.chain(), site.chain("oops.pem")),
            "oops.pem: no private key in it; expected PEM with BEGIN PRIVATE KEY");
  EXPECT_EQ(ErrorOf(site.chain(), {}),
            "(no file): no private key in it; expected PEM with BEGIN PRIVATE KEY");
}

TEST(KeyedChainTest, ACertificateThatIsCutShortIsAnError) {
  const Issued site = SiteFor({"a.test"});
  const std::string pem = site.pem();
  for (const size_t kept : {pem.size() / 2, pem.size() - 10, size_t{40}}) {
    const std::string error =
        ErrorOf({.pem = pem + pem.substr(0, kept), .name = "site.pem"}, site.key_file());
    EXPECT_EQ(error.substr(0, 38), "site.pem: certificate 2 can't be read:") << kept;
  }
}

// The library would ask on the terminal.
TEST(KeyedChainTest, AnEncryptedKeyIsRefusedWithoutAQuestion) {
  const Issued site = SiteFor({"a.test"});
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const char password[] = "secret";
  PEM_write_bio_PrivateKey(bio.get(), site.key.get(), EVP_aes_128_cbc(),
                           reinterpret_cast<const unsigned char*>(password), 6, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  EXPECT_EQ(ErrorOf(site.chain(), {.pem = {text, static_cast<size_t>(size)}, .name = "site.key"}),
            "site.key: the private key is encrypted; expected one without a password");
}

// Nobody could shake hands with it.
TEST(KeyedChainTest, AKeyThatTlsHasNoUseForIsAnError) {
  const Issued site = SiteFor({"a.test"});
  const KeyPtr curve(EVP_EC_gen("secp256k1"));
  ASSERT_NE(curve, nullptr);
  EXPECT_EQ(ErrorOf(site.chain(), {.pem = PemOf(curve.get()), .name = "site.key"}),
            "site.key: TLS has no use for a key of the curve secp256k1; expected RSA, ECDSA with "
            "P-256, P-384 or P-521, or EdDSA");
  const KeyPtr exchange(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  ASSERT_NE(exchange, nullptr);
  EXPECT_EQ(ErrorOf(site.chain(), {.pem = PemOf(exchange.get()), .name = "site.key"}).substr(0, 54),
            "site.key: TLS has no use for a key of the kind X25519;");
  for (const char* const good : {"P-256", "P-384", "P-521"}) {
    const KeyPtr key(EVP_EC_gen(good));
    EXPECT_NE(ErrorOf(site.chain(), {.pem = PemOf(key.get()), .name = "site.key"})
                  .find("is not that of the certificate"),
              std::string::npos)
        << good;
  }
}

TEST(KeyedChainTest, ReadsRevocationLists) {
  const std::string list = RevocationList(TestAuthority(), {});
  EXPECT_EQ(ParseRevocations({.pem = list + list, .name = "crl.pem"})->size(), 2u);
  EXPECT_EQ(ParseRevocations({.pem = "x", .name = "crl.pem"}).status().message(),
            "crl.pem: no CRL in it; expected PEM with BEGIN X509 CRL");
  EXPECT_FALSE(ParseRevocations({.pem = list + list.substr(0, 80), .name = "crl.pem"}).ok());
}

TEST(KeyedChainTest, TellsOfANulInAName) {
  bool nul = false;
  const Issued plain = IssuedBy(TestAuthority(), {.names = {"dns:a.test", "uri:spiffe://x/y"}});
  EXPECT_EQ(SubjectNames(plain.certificate.get(), &nul),
            (std::vector<std::string>{"dns:a.test", "uri:spiffe://x/y"}));
  EXPECT_FALSE(nul);
  const Issued forged = IssuedBy(TestAuthority(), {.names = {std::string("uri:a\0b", 7)}});
  SubjectNames(forged.certificate.get(), &nul);
  EXPECT_TRUE(nul);
}

}  // namespace
}  // namespace holdfast::pool
