#include "tests/support/subprocess.h"

#include <signal.h>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

TEST(SubprocessTest, OutputAndExitCodeAreKept) {
  const Finished finished = RunProgram({"sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(finished.code, 7);
  EXPECT_EQ(finished.out, "out\n");
  EXPECT_EQ(finished.err, "err\n");
}

TEST(SubprocessTest, AProgramThatIsMissingFailsTheTest) {
  EXPECT_NONFATAL_FAILURE(RunProgram({"/nowhere/program"}), "cannot run /nowhere/program");
}

TEST(SubprocessTest, AProgramThatDoesNotEndFailsTheTestAndIsKilled) {
  EXPECT_NONFATAL_FAILURE(RunProgram({"sleep", "60"}, std::chrono::milliseconds(20)),
                          "did not end in time");
}

TEST(SubprocessTest, ASignalIsToldFromAnExit) {
  Subprocess process({"sleep", "60"});
  EXPECT_FALSE(process.Poll().has_value());
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), -SIGTERM);
}

TEST(SubprocessTest, TheDescriptorLimitHolds) {
  const Finished finished =
      RunProgram({"sh", "-c", "ulimit -n"}, Subprocess::Options{.descriptor_limit = 77});
  EXPECT_EQ(finished.out, "77\n");
}

}  // namespace
}  // namespace holdfast::support
