// An upstream whose processes are killed and come back, under load.

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/subprocess.h"

namespace holdfast::support {
namespace {

class RealFailoverTest : public testing::TestWithParam<const char*> {};

TEST_P(RealFailoverTest, ClientsNoticeNothingThatCouldBeHidden) {
  const std::string kind = GetParam();
  const Finished run =
      RunProgram({"/usr/bin/python3", "tests/bench/failover", "--holdfast", GatewayBinary(),
                  "--only", kind, "--seconds", "6", "--away", "2", "--clients", "8", "--check"},
                 std::chrono::seconds(90));
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_NE(run.out.find("PASS " + kind), std::string::npos) << run.out;
}

INSTANTIATE_TEST_SUITE_P(Kinds, RealFailoverTest, testing::Values("restart", "kill"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace holdfast::support
