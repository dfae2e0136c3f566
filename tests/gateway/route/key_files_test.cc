#include "gateway/route/key_files.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/auth/test_tokens.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::route {
namespace {

const std::string& Jwk() {
  static const std::string& jwk =
      *new std::string(auth::JwkOf(pool::TestKeyPair::Make(pool::PublicKey::Kind::kEd25519)));
  return jwk;
}

class KeyFilesTest : public testing::Test {
 protected:
  static config::Config WithFiles(const std::vector<std::string>& paths) {
    config::Config config;
    for (const std::string& path : paths) {
      config::Route& route = config.routes.emplace_back();
      route.name = "r" + std::to_string(config.routes.size());
      if (path.empty()) continue;
      route.jwt = auth::TokenRules{.jwks = path, .issuer = "i", .audience = "a"};
    }
    return config;
  }

  support::TempDir dir_;
};

TEST_F(KeyFilesTest, RoutesThatNameOneFileShareWhatIsInIt) {
  const std::string path = dir_.Write("keys", auth::JwksOf({Jwk(), R"({"kty":"oct"})"}));
  config::Config config = WithFiles({path, "", path});
  ASSERT_TRUE(LoadKeyFiles(&config).ok());
  ASSERT_NE(config.routes[0].jwt->keys, nullptr);
  EXPECT_EQ(config.routes[0].jwt->keys->keys().size(), 1u);
  EXPECT_EQ(config.routes[0].jwt->keys, config.routes[2].jwt->keys);
  EXPECT_EQ(config.routes[0].jwt->identity, config.routes[2].jwt->identity);
  EXPECT_FALSE(config.routes[1].jwt.has_value());
  EXPECT_EQ(KeyFileNotes(config),
            std::vector<std::string>{path + ": key 2 is left out: its kind is not known"});
}

TEST_F(KeyFilesTest, KeysThatFitNoAlgorithmAreToldOf) {
  const std::string path = dir_.Write("keys", auth::JwksOf({Jwk()}));
  config::Config config = WithFiles({path, path});
  config.routes[0].jwt->algorithms = {pool::SignatureAlgorithm::kRs256};
  config.routes[1].jwt->algorithms = {pool::SignatureAlgorithm::kRs256,
                                      pool::SignatureAlgorithm::kEdDsa};
  ASSERT_TRUE(LoadKeyFiles(&config).ok());
  EXPECT_EQ(KeyFileNotes(config),
            std::vector<std::string>{
                path + ": no key is for the algorithms of route r1, so that it takes no token"});
}

// Whatever changes which tokens are good, or what they say, makes others of them.
TEST_F(KeyFilesTest, TheIdentityIsThatOfTheRulesAndTheKeys) {
  const std::string path = dir_.Write("keys", auth::JwksOf({Jwk()}));
  const auto identity = [&](auto&& change) {
    config::Config config = WithFiles({path});
    change(*config.routes[0].jwt);
    EXPECT_TRUE(LoadKeyFiles(&config).ok());
    return config.routes[0].jwt->identity;
  };
  const std::string plain = identity([](auth::TokenRules&) {});
  EXPECT_FALSE(plain.empty());
  EXPECT_EQ(identity([](auth::TokenRules&) {}), plain);
  EXPECT_NE(identity([](auth::TokenRules& rules) { rules.issuer = "j"; }), plain);
  EXPECT_NE(identity([](auth::TokenRules& rules) { rules.audience = "b"; }), plain);
  EXPECT_NE(identity([](auth::TokenRules& rules) { rules.leeway *= 2; }), plain);
  EXPECT_NE(identity([](auth::TokenRules& rules) {
              rules.algorithms.push_back(pool::SignatureAlgorithm::kRs256);
            }),
            plain);
  EXPECT_NE(identity([](auth::TokenRules& rules) {
              rules.claims_to_headers.push_back({"x-user", "sub"});
            }),
            plain);
  // One text that ends earlier is not another that begins later.
  const auto swapped = [&](const std::string& issuer, const std::string& audience) {
    return identity([&](auth::TokenRules& rules) {
      rules.issuer = issuer;
      rules.audience = audience;
    });
  };
  EXPECT_NE(swapped("ab", "c"), swapped("a", "bc"));
  dir_.Write("keys", auth::JwksOf({Jwk(), Jwk()}));
  EXPECT_NE(identity([](auth::TokenRules&) {}), plain);
}

TEST_F(KeyFilesTest, EachThatIsWrongIsTold) {
  const std::string bad = dir_.Write("bad", "{\"keys\":[7]}");
  const std::string missing = dir_.Path("missing");
  config::Config config = WithFiles({missing, bad});
  const absl::Status status = LoadKeyFiles(&config);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  const std::string text(status.message());
  EXPECT_NE(text.find("route r1: " + missing + ": cannot be read"), text.npos) << text;
  EXPECT_NE(text.find("\nroute r2: " + bad + ": key 1: expected an object"), text.npos) << text;
}

TEST_F(KeyFilesTest, ThatAllOfItIsMissingIsToldApart) {
  config::Config config = WithFiles({dir_.Path("missing")});
  EXPECT_TRUE(absl::IsNotFound(LoadKeyFiles(&config)));
  EXPECT_TRUE(KeyFileNotes(config).empty());
}

TEST_F(KeyFilesTest, WhatIsAtAUrlIsNotReadHere) {
  config::Config config = WithFiles({"https://i.test/k", "https://i.test/k", "http://127.0.0.1/"});
  ASSERT_TRUE(LoadKeyFiles(&config).ok());
  EXPECT_EQ(config.routes[0].jwt->keys, nullptr);
  EXPECT_TRUE(config.routes[0].jwt->authorities.empty()) << "the system's";
  EXPECT_TRUE(KeyFileNotes(config).empty());
  EXPECT_EQ(
      KeyUrlNotes(config),
      (std::vector<std::string>{
          "keys for tokens would be fetched from http://127.0.0.1/, which is not tried here",
          "keys for tokens would be fetched from https://i.test/k, which is not tried here"}));
  const auto keys =
      std::make_shared<const auth::KeySet>(*auth::KeySet::Parse(auth::JwksOf({Jwk()})));
  GiveKeys(keys, &*config.routes[0].jwt);
  EXPECT_EQ(config.routes[0].jwt->keys, keys);
  EXPECT_FALSE(config.routes[0].jwt->identity.empty());
}

TEST_F(KeyFilesTest, WhoVouchesForTheServerIs) {
  const std::string ca = dir_.Write("ca.pem", pool::TestAuthority().chain("ca.pem").pem);
  const std::string missing = dir_.Path("missing");
  const std::string bad = dir_.Write("bad.pem", "no PEM");
  const std::string empty = dir_.Write("empty.pem", "");
  const auto load = [&](const std::string& path, config::Config* config) {
    *config = WithFiles({"https://i.test/k"});
    config->routes[0].jwt->jwks_ca = path;
    return LoadKeyFiles(config);
  };
  config::Config config;
  EXPECT_TRUE(load(ca, &config).ok());
  EXPECT_EQ(config.routes[0].jwt->authorities.name, ca);
  EXPECT_TRUE(absl::IsNotFound(load(missing, &config)));
  for (const std::string& path : {bad, empty}) {
    const absl::Status status = load(path, &config);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(status.message().find("route r1: " + path), 0u) << status;
  }
}

TEST_F(KeyFilesTest, AFileIsAtMost1MiB) {
  const std::string large =
      dir_.Write("large", auth::JwksOf({Jwk()}) + std::string(auth::KeySet::kMaxFileBytes, ' '));
  config::Config config = WithFiles({large});
  EXPECT_EQ(LoadKeyFiles(&config).message(), "route r1: " + large + ": it is larger than 1 MiB");
}

}  // namespace
}  // namespace holdfast::route
