#include "pool/endpoint_key.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/hash/hash_testing.h>
#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

EndpointKey Key(std::string upstream, std::string_view address, TlsIdentity tls = {}) {
  const std::optional<SocketAddress> parsed = SocketAddress::Parse(address);
  EXPECT_TRUE(parsed.has_value()) << address;
  return {std::move(upstream), parsed.value_or(SocketAddress()), std::move(tls)};
}

// No two of these may share a connection.
std::vector<EndpointKey> DifferentKeys() {
  return {
      Key("web", "127.0.0.1:80"),
      Key("api", "127.0.0.1:80"),
      Key("", "127.0.0.1:80"),
      Key("web", "127.0.0.2:80"),
      Key("web", "127.0.0.1:81"),
      Key("web", "[::1]:80"),
      Key("web", "[::2]:80"),
      Key("web", "unix:/run/x.sock"),
      Key("web", "unix:/run/x"),
      Key("web", "unix:@x.sock"),
      Key("web1", "27.0.0.1:80"),
      Key("web", "[::]:80"),
      Key("web", "127.0.0.1:80", TlsIdentity(TlsSettings{})),
      Key("web", "127.0.0.1:80", TlsIdentity(TlsSettings{.server_name = "web.test"})),
      Key("web", "127.0.0.1:80", TlsIdentity(TlsSettings{.verify = TlsVerify::kNone})),
  };
}

TEST(EndpointKeyTest, EveryFieldMakesAnother) {
  const std::vector<EndpointKey> keys = DifferentKeys();
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t j = 0; j < keys.size(); ++j) {
      EXPECT_EQ(keys[i] == keys[j], i == j)
          << keys[i].upstream << " " << keys[i].address.ToString() << " and " << keys[j].upstream
          << " " << keys[j].address.ToString();
    }
  }
}

TEST(EndpointKeyTest, ACopyIsTheSame) {
  for (const EndpointKey& key : DifferentKeys()) {
    const EndpointKey copy = key;
    EXPECT_EQ(copy, key);
    EXPECT_EQ(absl::HashOf(copy), absl::HashOf(key));
  }
}

TEST(EndpointKeyTest, HashAgreesWithEquality) {
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(DifferentKeys()));
}

TEST(EndpointKeyTest, FindsItsOwnInAMap) {
  absl::flat_hash_map<EndpointKey, size_t> map;
  const std::vector<EndpointKey> keys = DifferentKeys();
  for (size_t i = 0; i < keys.size(); ++i) map[keys[i]] = i;
  ASSERT_EQ(map.size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(map.at(keys[i]), i);
}

}  // namespace
}  // namespace holdfast::pool
