#include "gateway/auth/password_hash.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/auth/hashes.h"

namespace holdfast::auth {
namespace {

using Kind = HashCost::Kind;

std::string ErrorOf(std::string_view text) {
  const auto hash = PasswordHash::Parse(text);
  return std::string(hash.status().message().data(), hash.status().message().size());
}

PasswordHash Parsed(std::string_view text) {
  auto hash = PasswordHash::Parse(text);
  EXPECT_TRUE(hash.ok()) << hash.status();
  return hash.ok() ? *hash : PasswordHash();
}

TEST(PasswordHashTest, TakesBcryptApart) {
  const PasswordHash hash = Parsed(kBcryptHorse);
  EXPECT_EQ(hash.text, kBcryptHorse);
  EXPECT_EQ(hash.cost, (HashCost{.kind = Kind::kBcrypt, .rounds = 4}));
  EXPECT_EQ(hash.salt, "$2y$04$.IQH/CZ9cug7KeZx18rMiu");
  EXPECT_EQ(hash.digest, "YXN6OadGpLdg0Ksu7WurmZcxz7zrkai");
  for (const char kind : {'a', 'b'}) {
    std::string text(kBcryptHorse);
    text[2] = kind;
    EXPECT_EQ(Parsed(text).text, text);
  }
}

TEST(PasswordHashTest, TakesArgon2Apart) {
  const PasswordHash id = Parsed(kArgon2idUmlauts);
  EXPECT_EQ(id.cost,
            (HashCost{.kind = Kind::kArgon2id, .rounds = 3, .memory_kib = 256, .lanes = 4}));
  EXPECT_EQ(id.salt, "somesaltof16byte");
  EXPECT_EQ(id.digest.size(), 32u);
  const PasswordHash i = Parsed(kArgon2iHorse);
  EXPECT_EQ(i.cost, (HashCost{.kind = Kind::kArgon2i, .rounds = 2, .memory_kib = 64, .lanes = 2}));
  EXPECT_EQ(i.salt, "saltsaltsalt");
  EXPECT_EQ(i.digest.size(), 24u);
}

TEST(PasswordHashTest, OtherKindsAreNamedAndRefused) {
  const std::string expected = "; expected bcrypt (htpasswd -B) or argon2id";
  const struct {
    std::string_view text;
    std::string_view error;
  } cases[] = {
      {"$apr1$NUymtPvW$SCOFd0bXYZEGqTZrPZtAX/", "hashed with MD5 (htpasswd -m)"},
      {"$1$NUymtPvW$SCOFd0bXYZEGqTZrPZtAX/", "hashed with MD5"},
      {"{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=", "hashed with SHA-1 (htpasswd -s)"},
      {"{SSHA}GpHWL3ymc5liWkNopqtdSjuqYHM=", "hashed with SHA-1"},
      {"$5$TPMP4ShjYEcSS3.b$P8SL.XB9NJ3hUwre1EUc0HBVnhOeIyJ2gaqkwu2gpb7", "hashed with SHA-256"},
      {"$6$yiaQDtU$r0mhD6BHAz2JyMchXv8", "hashed with SHA-512"},
      {"$2x$05$IiMOkIh1kFfNDelrAZ580.zYmlNikoFsBXTOSObs3pMpApWV3Xe9a",
       "hashed with a bcrypt that was wrong"},
      {"$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$5auNmNc7lLykcdXHja07h2isveed",
       "hashed with argon2d"},
      {"qlEPIzXx3W.eU", "no hash that is known"},
      {"hunter2", "no hash that is known"},
      {"", "no hash that is known"},
      {" $2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai", "no hash that is known"},
  };
  for (const auto& [text, error] : cases) {
    EXPECT_EQ(ErrorOf(text), std::string(error) + expected) << text;
  }
}

TEST(PasswordHashTest, BcryptThatIsNotWhole) {
  for (const std::string_view text :
       {"$2y$", "$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrka",
        "$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkaix",
        "$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrka:",
        "$2y$04$.IQH+CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai",
        "$2y$4$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkaiii",
        "$2y$-4$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai",
        "$2y$04.$IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai"}) {
    EXPECT_EQ(ErrorOf(text),
              "not a whole hash of bcrypt; expected $2y$, two digits, $ and 53 letters")
        << text;
  }
}

TEST(PasswordHashTest, TheCostOfBcryptIsBounded) {
  std::string text(kBcryptHorse);
  for (const std::string_view good : {"04", "09", "10", "14"}) {
    text.replace(4, 2, good);
    EXPECT_EQ(ErrorOf(text), "");
  }
  text.replace(4, 2, "15");
  EXPECT_EQ(ErrorOf(text), "the cost of bcrypt is 15; expected 4 to 14 (htpasswd -B -C 10)");
  text.replace(4, 2, "03");
  EXPECT_EQ(ErrorOf(text), "the cost of bcrypt is 3; expected 4 to 14 (htpasswd -B -C 10)");
  text.replace(4, 2, "99");
  EXPECT_EQ(ErrorOf(text), "the cost of bcrypt is 99; expected 4 to 14 (htpasswd -B -C 10)");
}

TEST(PasswordHashTest, Argon2ThatIsNotWhole) {
  const std::string salt = "$c2FsdHNhbHRzYWx0";
  const std::string digest = "$Kw3/ZjLNvvrvmWv7DSmJdvIaVuO5yzpUAyMmNiCnHLI";
  const std::string all = salt + digest;
  const std::string cost = "$argon2id$v=19$m=64,t=1,p=1";
  const std::string texts[] = {
      "$argon2id$",
      cost,
      cost + "$",
      cost + salt,
      cost + salt + "$",
      cost + salt + "$Kw3/ZjLNvvrvmWv7DSk",
      cost + salt + "$" + std::string(88, 'A'),
      cost + "$c2FsdA" + digest,
      cost + all + "!",
      cost + all + "$x",
      cost + ",data=eHg" + all,
      "$argon2id$m=64,t=1,p=1" + all,
      "$argon2id$v=16$m=64,t=1,p=1" + all,
      "$argon2id$v=19$t=1,m=64,p=1" + all,
      "$argon2id$v=19$m=64,t=1" + all,
      "$argon2id$v=19$m=064,t=1,p=1" + all,
      "$argon2id$v=19$m=+64,t=1,p=1" + all,
      "$argon2id$v=19$m=-1,t=1,p=1" + all,
      "$argon2id$v=19$m=,t=1,p=1" + all,
      "$argon2id$v=19$m=4294967360,t=1,p=1" + all,
  };
  for (const std::string& text : texts) {
    EXPECT_EQ(ErrorOf(text),
              "not a whole hash of argon2; expected $argon2id$v=19$m=,t=,p=$salt$digest")
        << text;
  }
}

TEST(PasswordHashTest, TheCostOfArgon2IsBounded) {
  const auto error_of = [](std::string_view cost) {
    return ErrorOf(std::string("$argon2id$v=19$").append(cost) +
                   "$c2FsdHNhbHRzYWx0$Kw3/ZjLNvvrvmWv7DSmJdvIaVuO5yzpUAyMmNiCnHLI");
  };
  EXPECT_EQ(error_of("m=65536,t=10,p=4"), "");
  EXPECT_EQ(error_of("m=8,t=1,p=1"), "");
  EXPECT_EQ(error_of("m=65537,t=1,p=1"),
            "the memory of argon2 (m, KiB) is 65537; expected 8 to 65536");
  EXPECT_EQ(error_of("m=31,t=1,p=4"), "the memory of argon2 (m, KiB) is 31; expected 32 to 65536");
  EXPECT_EQ(error_of("m=64,t=11,p=1"), "the passes of argon2 (t) is 11; expected 1 to 10");
  EXPECT_EQ(error_of("m=64,t=0,p=1"), "the passes of argon2 (t) is 0; expected 1 to 10");
  EXPECT_EQ(error_of("m=64,t=1,p=5"), "the lanes of argon2 (p) is 5; expected 1 to 4");
  EXPECT_EQ(error_of("m=64,t=1,p=0"), "the lanes of argon2 (p) is 0; expected 1 to 4");
}

TEST(PasswordHashTest, NobodysCostsTheSameAndIsAnother) {
  for (const std::string_view text : {kBcryptHorse, kArgon2idHorse}) {
    const PasswordHash hash = Parsed(text);
    const PasswordHash nobodys = hash.Nobodys();
    EXPECT_EQ(nobodys.cost, hash.cost);
    EXPECT_EQ(nobodys.text, "");
    EXPECT_EQ(nobodys.digest.size(), hash.digest.size());
    EXPECT_NE(nobodys.digest, hash.digest);
  }
}

}  // namespace
}  // namespace holdfast::auth
