#include "gateway/auth/password_file.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/auth/hashes.h"

namespace holdfast::auth {
namespace {

std::string Line(std::string_view user, std::string_view hash = kBcryptHorse) {
  return std::string(user).append(":").append(hash).append("\n");
}

std::string ErrorOf(std::string_view text) {
  const auto file = PasswordFile::Parse(text);
  return std::string(file.status().message().data(), file.status().message().size());
}

PasswordFile Parsed(std::string_view text) {
  auto file = PasswordFile::Parse(text);
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

TEST(PasswordFileTest, FindsEachUserWithItsHash) {
  const PasswordFile file =
      Parsed(Line("alice") + Line("bob", kArgon2idHorse) + Line("p\xc3\xa4r", kBcryptUmlauts));
  EXPECT_EQ(file.size(), 3u);
  EXPECT_EQ(file.Find("alice").hash.text, kBcryptHorse);
  EXPECT_EQ(file.Find("bob").hash.text, kArgon2idHorse);
  EXPECT_EQ(file.Find("p\xc3\xa4r").hash.text, kBcryptUmlauts);
  for (const std::string_view user : {"alice", "bob", "p\xc3\xa4r"}) {
    EXPECT_TRUE(file.Find(user).known) << user;
  }
}

TEST(PasswordFileTest, NobodyElseIsKnown) {
  const PasswordFile file = Parsed(Line("alice"));
  for (const std::string_view user :
       {std::string_view("Alice"), std::string_view("alic"), std::string_view("alice "),
        std::string_view("alice\0", 6), std::string_view("")}) {
    EXPECT_FALSE(file.Find(user).known) << user;
    EXPECT_EQ(file.Find(user).hash.text, "");
  }
}

TEST(PasswordFileTest, WhoIsNotInItCostsWhatMostCost) {
  const std::string many = Line("a", kArgon2idHorse) + Line("b", kArgon2iHorse) +
                           Line("c", kArgon2idHorse) + Line("d", kBcryptHorse);
  EXPECT_EQ(Parsed(many).Find("x").hash.cost, Parsed(many).Find("a").hash.cost);
  EXPECT_EQ(Parsed(many + Line("e") + Line("f")).Find("x").hash.cost,
            Parsed(many).Find("d").hash.cost);
}

TEST(PasswordFileTest, BlanksCommentsAndForeignLineEndsAreTolerated) {
  const std::string hash(kBcryptHorse);
  for (const std::string& text :
       {"alice:" + hash, "alice:" + hash + "\r\n", "alice:" + hash + " \t\r\n",
        "# users\n\n \t \n  # of ours\nalice:" + hash + "\n\n", "\r\n\r\nalice:" + hash + "\r\n#\r",
        "\xef\xbb\xbf" + ("alice:" + hash) + "\n"}) {
    const PasswordFile file = Parsed(text);
    EXPECT_EQ(file.size(), 1u);
    EXPECT_EQ(file.Find("alice").hash.text, kBcryptHorse);
  }
}

TEST(PasswordFileTest, NamesMayHaveBlanksAndOtherSignsInside) {
  const std::string longest(256, 'u');
  const PasswordFile file = Parsed(Line("a b") + Line("c@d.test") + Line("\"q\"") + Line(longest));
  for (const std::string_view user : {"a b", "c@d.test", "\"q\"", longest.c_str()}) {
    EXPECT_TRUE(file.Find(user).known) << user;
  }
}

TEST(PasswordFileTest, ErrorsNameTheLineAndWhatWasExpected) {
  const std::string good = Line("alice");
  const std::string hash(kBcryptHorse);
  const struct {
    std::string text;
    std::string_view error;
  } cases[] = {
      {"", "there is no user in it; htpasswd -B adds one"},
      {"# nobody\n\n", "there is no user in it; htpasswd -B adds one"},
      {"alice\n", "line 1: expected USER:HASH, as htpasswd -B writes it"},
      {good + "\n# more\nsecret\n", "line 4: expected USER:HASH, as htpasswd -B writes it"},
      {good + ":" + hash + "\n", "line 2: expected a user's name before the colon"},
      {std::string(257, 'u') + ":" + hash + "\n", "line 1: a user's name has at most 256 bytes"},
      {"al\tice:" + hash + "\n", "line 1: a user's name has no control characters"},
      {"al\rice:" + hash + "\n", "line 1: a user's name has no control characters"},
      {std::string("al\0ice:", 7) + hash, "line 1: a user's name has no control characters"},
      {"al\x7fice:" + hash + "\n", "line 1: a user's name has no control characters"},
      {" alice:" + hash + "\n", "line 1: a user's name neither begins nor ends with a blank"},
      {"alice :" + hash + "\n", "line 1: a user's name neither begins nor ends with a blank"},
      {"alice:\n",
       "line 1: user \"alice\": no hash that is known; expected bcrypt (htpasswd -B) or argon2id"},
      {"alice:hunter2\n",
       "line 1: user \"alice\": no hash that is known; expected bcrypt (htpasswd -B) or argon2id"},
      {good + "bob:$apr1$NUymtPvW$SCOFd0bXYZEGqTZrPZtAX/\n",
       "line 2: user \"bob\": hashed with MD5 (htpasswd -m); expected bcrypt (htpasswd -B) or "
       "argon2id"},
      {"bob:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n",
       "line 1: user \"bob\": hashed with SHA-1 (htpasswd -s); expected bcrypt (htpasswd -B) or "
       "argon2id"},
      {"bob:qlEPIzXx3W.eU\r\n",
       "line 1: user \"bob\": no hash that is known; expected bcrypt (htpasswd -B) or argon2id"},
      {"p\xc3\xa4r:" + hash + ":a comment\n",
       "line 1: user \"p\\303\\244r\": not a whole hash of bcrypt; expected $2y$, two digits, $ "
       "and "
       "53 letters"},
      {"bob:$2y$15$IiMOkIh1kFfNDelrAZ580.zYmlNikoFsBXTOSObs3pMpApWV3Xe9a\n",
       "line 1: user \"bob\": the cost of bcrypt is 15; expected 4 to 14 (htpasswd -B -C 10)"},
      {"bob:$argon2id$v=19$m=131072,t=1,p=1$c2FsdHNhbHRzYWx0$Kw3/ZjLNvvrvmWv7DSmJdvIaVuO5yzpU\n",
       "line 1: user \"bob\": the memory of argon2 (m, KiB) is 131072; expected 8 to 65536"},
      {good + Line("bob") + "\n" + good, "line 4: user \"alice\" is on line 1, too"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(ErrorOf(text), error) << text;
}

TEST(PasswordFileTest, TenThousandUsersAndNoMore) {
  std::string text;
  for (size_t i = 0; i < PasswordFile::kMaxUsers; ++i) text += Line("user" + std::to_string(i));
  EXPECT_LT(text.size(), PasswordFile::kMaxFileBytes);
  EXPECT_EQ(Parsed(text).size(), PasswordFile::kMaxUsers);
  EXPECT_EQ(ErrorOf(text + Line("another")), "line 10001: more than 10000 users");
}

// No text can break it.
TEST(PasswordFileTest, EveryBeginningOfAFileIsReadOrRefused) {
  const std::string text = "# c\r\n" + Line("a", kArgon2idHorse) + "\n" + Line("b");
  for (size_t size = 0; size <= text.size(); ++size) {
    const auto file = PasswordFile::Parse(std::string(text, 0, size));
    EXPECT_TRUE(!file.ok() || file->Find("a").known);
  }
}

}  // namespace
}  // namespace holdfast::auth
