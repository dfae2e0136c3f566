#include "gateway/route/collector_files.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::route {
namespace {

config::Config With(const std::string& ca) {
  config::Config config;
  config.tracing = config::Tracing{.otlp = "https://a.test/x", .ca = ca};
  return config;
}

TEST(CollectorFilesTest, WhoVouchesForTheCollectorIsRead) {
  const support::TempDir dir;
  const std::string pem = pool::TestAuthority().chain().pem;
  config::Config config = With(dir.Write("ca.pem", pem));
  EXPECT_TRUE(LoadCollectorFiles(&config).ok());
  EXPECT_EQ(config.tracing->authorities.pem, pem);
}

TEST(CollectorFilesTest, TheSystemsNeedNoFile) {
  config::Config config = With(std::string(config::Tracing::kSystemAuthorities));
  EXPECT_TRUE(LoadCollectorFiles(&config).ok());
  EXPECT_TRUE(config.tracing->authorities.empty());
  config.tracing.reset();
  EXPECT_TRUE(LoadCollectorFiles(&config).ok());
}

TEST(CollectorFilesTest, TheErrorSaysWhoNamesTheFile) {
  const support::TempDir dir;
  config::Config config = With(dir.Path("missing"));
  const absl::Status missing = LoadCollectorFiles(&config);
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_EQ(missing.message().find("tracing: " + dir.Path("missing") + ": "), 0u) << missing;
  config = With(dir.Write("empty.pem", ""));
  EXPECT_TRUE(absl::IsInvalidArgument(LoadCollectorFiles(&config)));
}

}  // namespace
}  // namespace holdfast::route
