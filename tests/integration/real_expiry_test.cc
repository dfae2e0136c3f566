// Real servers that close kept connections after a few seconds, with requests at random pauses
// around that time: none may fail.

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/subprocess.h"

namespace holdfast::support {
namespace {

// All servers at once: what takes time is their patience.
TEST(RealExpiryTest, NoRequestFails) {
  const Finished run =
      RunProgram({"/usr/bin/python3", "tests/bench/expiry", "--holdfast", GatewayBinary(),
                  "--trickles", "40", "--learn", "12", "--seconds", "15", "--check"},
                 std::chrono::seconds(150));
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  bool measured = false;
  for (const std::string server : {"nginx", "node", "apache"}) {
    if (run.out.find("SKIP " + server + ":") != std::string::npos) continue;
    EXPECT_NE(run.out.find("\n" + server + " "), std::string::npos) << run.out;
    measured = true;
  }
  // None of the servers is on this machine: there is nobody whose patience could be learned.
  if (!measured) GTEST_SKIP() << run.out;
}

}  // namespace
}  // namespace holdfast::support
