#include "gateway/route/password_files.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/auth/password_file.h"
#include "tests/support/temp_dir.h"

namespace holdfast::route {
namespace {

// By htpasswd -B.
constexpr char kUser[] = "ann:$2y$04$.IQH/CZ9cug7KeZx18rMiuYXN6OadGpLdg0Ksu7WurmZcxz7zrkai\n";

class PasswordFilesTest : public testing::Test {
 protected:
  static config::Config WithFiles(const std::vector<std::string>& paths) {
    config::Config config;
    for (const std::string& path : paths) {
      config::Route& route = config.routes.emplace_back();
      route.name = "r" + std::to_string(config.routes.size());
      if (!path.empty()) route.basic_auth = config::BasicAuth{.file = path};
    }
    return config;
  }

  support::TempDir dir_;
};

TEST_F(PasswordFilesTest, RoutesThatNameOneFileShareWhatIsInIt) {
  const std::string path = dir_.Write("users", kUser);
  config::Config config = WithFiles({path, "", path});
  ASSERT_TRUE(LoadPasswordFiles(&config).ok());
  ASSERT_NE(config.routes[0].basic_auth->users, nullptr);
  EXPECT_EQ(config.routes[0].basic_auth->users->size(), 1u);
  EXPECT_EQ(config.routes[0].basic_auth->users, config.routes[2].basic_auth->users);
  EXPECT_FALSE(config.routes[1].basic_auth.has_value());
}

TEST_F(PasswordFilesTest, EachThatIsWrongIsTold) {
  const std::string bad = dir_.Write("bad", "ann:secret\n");
  const std::string missing = dir_.Path("missing");
  config::Config config = WithFiles({missing, bad});
  const absl::Status status = LoadPasswordFiles(&config);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  const std::string text(status.message());
  EXPECT_NE(text.find("route r1: " + missing + ": cannot be read"), text.npos) << text;
  EXPECT_NE(text.find("\nroute r2: " + bad + ": line 1: "), text.npos) << text;
  EXPECT_EQ(text.find("secret"), text.npos) << text;
}

TEST_F(PasswordFilesTest, ThatAllOfItIsMissingIsToldApart) {
  config::Config config = WithFiles({dir_.Path("missing")});
  EXPECT_TRUE(absl::IsNotFound(LoadPasswordFiles(&config)));
}

}  // namespace
}  // namespace holdfast::route
