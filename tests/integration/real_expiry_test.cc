// Real servers that close kept connections after a few seconds, with requests at random pauses
// around that time: none may fail.

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/subprocess.h"

namespace holdfast::support {
namespace {

class RealExpiryTest : public testing::TestWithParam<const char*> {};

TEST_P(RealExpiryTest, NoRequestFails) {
  const std::string server = GetParam();
  const Finished run = RunProgram(
      {"/usr/bin/python3", "tests/bench/expiry", "--holdfast", GatewayBinary(), "--server", server,
       "--trickles", "40", "--learn", "12", "--seconds", "15", "--check"},
      std::chrono::seconds(60));
  if (run.out.starts_with("SKIP")) GTEST_SKIP() << run.out;
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_NE(run.out.find("\n" + server + " "), std::string::npos) << run.out;
}

INSTANTIATE_TEST_SUITE_P(Servers, RealExpiryTest, testing::Values("nginx", "node", "apache"),
                         [](const auto& server) { return std::string(server.param); });

}  // namespace
}  // namespace holdfast::support
