#include "gateway/auth/password_check.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/auth/hashes.h"

namespace holdfast::auth {
namespace {

PasswordHash Hash(std::string_view text) {
  auto hash = PasswordHash::Parse(text);
  EXPECT_TRUE(hash.ok()) << hash.status();
  return hash.ok() ? *hash : PasswordHash();
}

TEST(PasswordCheckTest, TheRightPasswordOfEachKind) {
  const struct {
    std::string_view hash;
    std::string password;
  } cases[] = {
      {kBcryptHorse, "correct horse"},
      {kBcryptUmlauts, "p\xc3\xa4ssw\xc3\xb6rd"},
      {kBcryptEmpty, ""},
      {kBcrypt72, std::string(72, 'x')},
      {kArgon2idHorse, "correct horse"},
      {kArgon2iHorse, "correct horse"},
      {kArgon2idUmlauts, "p\xc3\xa4ssw\xc3\xb6rd"},
  };
  for (const auto& [hash, password] : cases) {
    EXPECT_EQ(Verify(Hash(hash), password), Match::kGood) << hash;
    EXPECT_EQ(Verify(Hash(hash).Nobodys(), password), Match::kBad) << hash;
    EXPECT_EQ(Verify(Hash(hash), "x" + password.substr(0, 70)), Match::kBad) << hash;
  }
}

TEST(PasswordCheckTest, AlmostIsNotEnough) {
  for (const std::string_view hash : {kBcryptHorse, kArgon2idHorse, kArgon2iHorse}) {
    for (const std::string_view password :
         {"", "correct hors", "correct horse ", "Correct horse", "correct horsecorrect horse"}) {
      EXPECT_EQ(Verify(Hash(hash), password), Match::kBad) << hash << " " << password;
    }
  }
  EXPECT_EQ(Verify(Hash(kBcryptUmlauts), "p\xe4ssw\xf6rd"), Match::kBad) << "Latin-1";
}

TEST(PasswordCheckTest, OnlyTheDigestIsCompared) {
  PasswordHash hash = Hash(kBcryptHorse);
  hash.digest.back() = 'a';
  EXPECT_EQ(Verify(hash, "correct horse"), Match::kBad);
  hash = Hash(kArgon2idHorse);
  hash.digest.back() = static_cast<char>(hash.digest.back() ^ 1);
  EXPECT_EQ(Verify(hash, "correct horse"), Match::kBad);
  // The salt's last letter has four bits that mean nothing: other makers set them.
  std::string text(kBcryptHorse);
  text[28] = 'v';
  EXPECT_EQ(Verify(Hash(text), "correct horse"), Match::kGood);
}

TEST(PasswordCheckTest, TheSpellingsOfBcryptAreOne) {
  std::string text(kBcryptHorse);
  for (const char kind : {'a', 'b'}) {
    text[2] = kind;
    EXPECT_EQ(Verify(Hash(text), "correct horse"), Match::kGood) << kind;
  }
}

// As with htpasswd and everything else that has bcrypt. Beyond 512 bytes crypt(3) alone would fail.
TEST(PasswordCheckTest, BcryptSees72BytesOfALongerPassword) {
  EXPECT_EQ(Verify(Hash(kBcrypt72), std::string(73, 'x')), Match::kGood);
  EXPECT_EQ(Verify(Hash(kBcrypt72), std::string(760, 'x')), Match::kGood);
  EXPECT_EQ(Verify(Hash(kBcrypt72), std::string(71, 'x')), Match::kBad);
  EXPECT_EQ(Verify(Hash(kBcryptHorse), std::string(760, 'x')), Match::kBad);
  EXPECT_EQ(Verify(Hash(kArgon2idHorse), std::string(760, 'x')), Match::kBad);
}

TEST(PasswordCheckTest, WhatTheLibraryCannotDoIsNotABadPassword) {
  PasswordHash hash = Hash(kBcryptHorse);
  hash.salt = "$2y$04$short";
  EXPECT_EQ(Verify(hash, "correct horse"), Match::kUnknown);
  hash = Hash(kArgon2idHorse);
  hash.cost.memory_kib = 1;
  EXPECT_EQ(Verify(hash, "correct horse"), Match::kUnknown);
}

TEST(PasswordCheckDeathTest, APasswordWithANulIsTheCallersFault) {
  EXPECT_DEATH(Verify(Hash(kBcryptHorse), std::string_view("correct horse\0x", 15)), "password");
}

}  // namespace
}  // namespace holdfast::auth
