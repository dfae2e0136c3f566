#include "gateway/route/authorities_file.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/temp_dir.h"

namespace holdfast::route {
namespace {

TEST(AuthoritiesFileTest, HasWhatIsInIt) {
  const support::TempDir dir;
  const std::string pem = pool::TestAuthority().chain().pem;
  const std::string path = dir.Write("ca.pem", pem);
  const auto file = ReadAuthoritiesFile(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->pem, pem);
  EXPECT_EQ(file->name, path);
}

TEST(AuthoritiesFileTest, OneByWhichNobodyCanBeVerifiedIsAnError) {
  const support::TempDir dir;
  for (const std::string& path : {dir.Write("bad.pem", "no PEM"), dir.Write("empty.pem", "")}) {
    const absl::Status status = ReadAuthoritiesFile(path).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(status.message().find(path), 0u) << status;
  }
  const std::string missing = dir.Path("missing");
  const absl::Status status = ReadAuthoritiesFile(missing).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_EQ(status.message().find(missing), 0u) << status;
}

}  // namespace
}  // namespace holdfast::route
