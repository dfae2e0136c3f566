#include "pool/tls/keyed_digest.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "pool/tls/digest.h"

namespace holdfast::pool {
namespace {

KeyedDigest::Key CountingKey() {
  KeyedDigest::Key key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i);
  return key;
}

std::string Bytes(const KeyedDigest::Value& value) {
  return std::string(reinterpret_cast<const char*>(value.data()), value.size());
}

// RFC 2104 section 2, by hand.
std::string Hmac(const KeyedDigest::Key& key, std::string_view text) {
  std::string inner(64, '\x36');
  std::string outer(64, '\x5c');
  for (size_t i = 0; i < key.size(); ++i) {
    inner[i] = static_cast<char>(inner[i] ^ key[i]);
    outer[i] = static_cast<char>(outer[i] ^ key[i]);
  }
  return Sha256(outer + Sha256(inner.append(text)));
}

TEST(KeyedDigestTest, IsTheHmacOfTheTextsBehindTheirLengths) {
  const KeyedDigest digest(CountingKey());
  const std::string lengths[] = {std::string("\3\0\0\0\0\0\0\0", 8),
                                 std::string("\0\1\0\0\0\0\0\0", 8)};
  const std::string much(256, 'm');
  EXPECT_EQ(Bytes(digest.Of({"abc", much})),
            Hmac(CountingKey(), lengths[0] + "abc" + lengths[1] + much));
  EXPECT_EQ(Bytes(digest.Of({})), Hmac(CountingKey(), ""));
}

TEST(KeyedDigestTest, TheSameAgainAndInACopy) {
  const KeyedDigest digest(CountingKey());
  const KeyedDigest copy = digest;
  const KeyedDigest::Value first = digest.Of({"a", "b"});
  digest.Of({"something", "else"});
  EXPECT_EQ(digest.Of({"a", "b"}), first);
  EXPECT_EQ(copy.Of({"a", "b"}), first);
  EXPECT_EQ(KeyedDigest(CountingKey()).Of({"a", "b"}), first);
}

TEST(KeyedDigestTest, TextsThatReadAlikeDoNotComeToTheSame) {
  const KeyedDigest digest(CountingKey());
  const std::set<KeyedDigest::Value> values = {
      digest.Of({"ab", "c"}), digest.Of({"a", "bc"}),     digest.Of({"abc"}),
      digest.Of({"abc", ""}), digest.Of({"", "abc"}),     digest.Of({"a", "b", "c"}),
      digest.Of({""}),        digest.Of({"abc", "", ""}), digest.Of({}),
  };
  EXPECT_EQ(values.size(), 9u);
}

TEST(KeyedDigestTest, AnotherKeyIsAnotherDigest) {
  const KeyedDigest::Key one = KeyedDigest::FreshKey();
  const KeyedDigest::Key other = KeyedDigest::FreshKey();
  EXPECT_NE(one, other);
  EXPECT_NE(KeyedDigest(one).Of({"abc"}), KeyedDigest(other).Of({"abc"}));
}

}  // namespace
}  // namespace holdfast::pool
