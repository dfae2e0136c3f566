#include "gateway/server/upgrade.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/deadline.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using ::testing::HasSubstr;

pool::FileDescriptor ListenAt(std::string_view address) {
  absl::StatusOr<pool::FileDescriptor> socket =
      pool::Listen(*pool::SocketAddress::Parse(address), /*reuse_port=*/false);
  EXPECT_TRUE(socket.ok()) << socket.status();
  return socket.ok() ? std::move(*socket) : pool::FileDescriptor();
}

TEST(ProgramPathTest, APathIsKeptAndABareNameBecomesTheRunningFile) {
  EXPECT_EQ(ProgramPath("./holdfast"), "./holdfast");
  EXPECT_EQ(ProgramPath("/opt/current/holdfast"), "/opt/current/holdfast");
  EXPECT_THAT(ProgramPath("holdfast"),
              ::testing::EndsWith(std::string("/") + program_invocation_short_name));
}

// Shell scripts play the new process.
class UpgradeTest : public testing::Test {
 protected:
  static constexpr char kTellReady[] = "r=${HOLDFAST_INHERIT#ready:}; r=${r%% *}; printf 1 >&$r; ";

  absl::Status Start(const std::vector<std::string>& command, const Legacy& legacy = {}) {
    upgrade_.emplace(
        &loop_, Upgrade::Callbacks{.on_ready = [this] { ready_ = true; },
                                   .on_failed = [this](const std::string& why) { failed_ = why; }});
    return upgrade_->Start(command, legacy);
  }
  void Run(const std::string& script, const Legacy& legacy = {}) {
    const absl::Status status = Start({"/bin/bash", "-c", script, "name", "an argument"}, legacy);
    ASSERT_TRUE(status.ok()) << status;
  }
  void AwaitWord() {
    EXPECT_TRUE(support::Eventually([this] {
      loop_.RunOnce(pool::Duration::zero());
      return ready_ || !failed_.empty();
    }));
  }
  static bool Ended(pid_t pid) { return kill(pid, 0) != 0; }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  bool ready_ = false;
  std::string failed_;
  std::optional<Upgrade> upgrade_;
};

TEST_F(UpgradeTest, AProcessThatSaysSoIsReadyAndLivesOn) {
  Run(std::string(kTellReady) + "exec sleep 1000");
  const pid_t pid = upgrade_->pid();
  AwaitWord();
  EXPECT_TRUE(ready_);
  EXPECT_EQ(upgrade_->pid(), -1);
  upgrade_.reset();
  EXPECT_FALSE(Ended(pid));
  clock_.Advance(2 * Upgrade::kReadyTimeout);
  loop_.RunOnce(pool::Duration::zero());
  EXPECT_EQ(failed_, "");
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST_F(UpgradeTest, OneThatEndsBeforeItIsReadyHasFailedAndIsReaped) {
  Run("exit 7");
  const pid_t pid = upgrade_->pid();
  AwaitWord();
  EXPECT_FALSE(ready_);
  EXPECT_EQ(failed_,
            "process " + std::to_string(pid) + " ended with exit code 7 before it was ready");
  EXPECT_TRUE(Ended(pid));
}

TEST_F(UpgradeTest, ASignalThatEndsItIsNamedAndNoneIsBlockedOrIgnored) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGPIPE);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  const auto handler = signal(SIGPIPE, SIG_IGN);
  Run("kill -PIPE $$; exit 0");
  AwaitWord();
  signal(SIGPIPE, handler);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_THAT(failed_, HasSubstr("ended by signal 13"));
}

TEST_F(UpgradeTest, AProgramThatIsNotThereIsAnErrorThatNamesIt) {
  const absl::Status status = Start({"/no/such/holdfast", "run"});
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such/holdfast"));
  EXPECT_EQ(upgrade_->pid(), -1);
  upgrade_.reset();
}

TEST_F(UpgradeTest, OneThatIsNeverReadyIsKilled) {
  Run("exec sleep 1000");
  const pid_t pid = upgrade_->pid();
  clock_.Advance(Upgrade::kReadyTimeout - std::chrono::seconds(1));
  loop_.RunOnce(pool::Duration::zero());
  EXPECT_EQ(failed_, "");
  clock_.Advance(std::chrono::seconds(1) + pool::TimerWheel::kTick);
  AwaitWord();
  EXPECT_THAT(failed_, HasSubstr("ended by signal 9 since it was not ready in time"));
  EXPECT_TRUE(Ended(pid));
}

TEST_F(UpgradeTest, DestructionTellsItToEnd) {
  Run("exec sleep 1000");
  const pid_t pid = upgrade_->pid();
  upgrade_.reset();
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
}

TEST_F(UpgradeTest, ItGetsTheArgumentsTheSocketsAndTheEnvironment) {
  const pool::FileDescriptor listener = ListenAt("127.0.0.1:0");
  const pool::FileDescriptor status = ListenAt("127.0.0.1:0");
  const pool::FileDescriptor other = ListenAt("127.0.0.1:0");
  const support::TempDir dir;
  setenv("UPGRADE_TEST", "kept", 1);
  setenv(Inheritance::kVariable, "of the process before", 1);
  const std::string file = dir.Path("out");
  const auto is_open = [](const pool::FileDescriptor& fd) {
    return "test -S /proc/$$/fd/" + std::to_string(fd.get()) + " && echo open || echo closed; ";
  };
  Run("{ echo \"$1\"; echo \"$UPGRADE_TEST\"; echo \"${HOLDFAST_INHERIT#ready:* }\"; " +
          is_open(listener) + is_open(status) + is_open(other) + "} > " + file + "; " + kTellReady,
      {.listeners = {{"edge", {listener.get()}}}, .status = status.get()});
  unsetenv(Inheritance::kVariable);
  AwaitWord();
  EXPECT_TRUE(ready_) << failed_;
  EXPECT_EQ(support::ReadFile(file), "an argument\nkept\nstatus:" + std::to_string(status.get()) +
                                         " listener:edge:" + std::to_string(listener.get()) +
                                         "\nopen\nopen\nclosed\n");
  EXPECT_NE(fcntl(listener.get(), F_GETFD) & FD_CLOEXEC, 0) << "in this process nothing changes";
  waitpid(-1, nullptr, 0);
}

}  // namespace
}  // namespace holdfast::server
