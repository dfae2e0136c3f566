#include "gateway/tls/acme_files.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::tls {
namespace {

class AcmeFilesTest : public testing::Test {
 protected:
  std::string ErrorOf(const std::string& text) {
    dir_.Write("a.test@ca.test-3f0f069f.pem", text);
    const auto read = ReadAcmeCertificate(acme_, "a.test");
    EXPECT_FALSE(absl::IsNotFound(read.status()));
    return std::string(read.status().message());
  }

  support::TempDir dir_;
  const config::ListenerAcme acme_{.directory = "https://ca.test/dir", .storage = dir_.Path("")};
};

TEST_F(AcmeFilesTest, ANameHasOneFile) {
  for (const char* storage : {"/store", "/store/"}) {
    EXPECT_EQ(
        AcmeFilePath({.directory = "https://ca.test:14000/dir", .storage = storage}, "a.test"),
        "/store/" + AcmeFileName("https://ca.test:14000/dir", "a.test"));
  }
  // As sha256sum has it.
  EXPECT_EQ(AcmeFileName("https://ca.test:14000/dir", "a.test"),
            "a.test@ca.test:14000-a0b46e77.pem");
  EXPECT_EQ(AcmeFileName("https://[::1]?dir", "a.test"), "a.test@[::1]-5fbb2836.pem");
}

TEST_F(AcmeFilesTest, DirectoriesOfOneHostHaveTheirOwn) {
  EXPECT_NE(AcmeFileName("https://ca.test/trial", "a.test"),
            AcmeFileName("https://ca.test/real", "a.test"));
}

TEST_F(AcmeFilesTest, TheChainAndItsKeyAreReadFromIt) {
  const pool::Issued site = pool::SiteFor({"a.test"});
  for (const bool key_first : {false, true}) {
    const std::string chain = site.pem() + pool::TestAuthority().pem();
    const std::string key = site.key_file().pem;
    dir_.Write("a.test@ca.test-3f0f069f.pem", key_first ? key + chain : chain + key);
    const auto read = ReadAcmeCertificate(acme_, "a.test");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->facts.names, std::vector<std::string>{"a.test"});
    EXPECT_EQ(read->facts.chain_length, 2u);
    EXPECT_EQ(read->certificate.chain.name, dir_.Path("a.test@ca.test-3f0f069f.pem"));
    EXPECT_TRUE(CheckKey(read->certificate.chain, read->certificate.key).ok());
  }
}

TEST_F(AcmeFilesTest, OneThatIsNotThereIsTold) {
  EXPECT_TRUE(absl::IsNotFound(ReadAcmeCertificate(acme_, "a.test").status()));
}

TEST_F(AcmeFilesTest, WhatDoesNotDoIsToldWithItsFile) {
  const pool::Issued site = pool::SiteFor({"a.test"});
  const pool::Issued other = pool::SiteFor({"b.test"});
  EXPECT_NE(ErrorOf("").find("a.test@ca.test-3f0f069f.pem: no certificate in it"),
            std::string::npos);
  EXPECT_NE(ErrorOf(site.pem()).find("no private key in it"), std::string::npos);
  EXPECT_NE(ErrorOf(site.pem() + other.key_file().pem).find("is not that of"), std::string::npos);
  EXPECT_NE(ErrorOf(other.pem() + other.key_file().pem).find("is not for a.test"),
            std::string::npos);
  EXPECT_NE(ErrorOf(std::string(300 * 1024, 'a')).find("larger than 256 KiB"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::tls
