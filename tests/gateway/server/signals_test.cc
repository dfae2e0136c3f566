#include "gateway/server/signals.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

// What is blocked stays so for the process: nothing here may unblock it while a signal is pending.
class SignalsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { BlockSignals(); }

  void Turn() { loop_.RunOnce(pool::Duration::zero()); }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  std::vector<int> heard_;
};

TEST_F(SignalsTest, EachHandledSignalIsHeardOnTheLoop) {
  const Signals signals(&loop_, [this](int signal) { heard_.push_back(signal); });
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) {
    heard_.clear();
    ASSERT_EQ(kill(getpid(), signal), 0);
    EXPECT_TRUE(heard_.empty());
    Turn();
    EXPECT_EQ(heard_, std::vector<int>{signal});
  }
}

TEST_F(SignalsTest, SeveralSignalsOfOneTurnAreAllHeard) {
  const Signals signals(&loop_, [this](int signal) { heard_.push_back(signal); });
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGHUP);
  kill(getpid(), SIGHUP);  // pending signals of one kind are one (signal(7))
  Turn();
  std::sort(heard_.begin(), heard_.end());
  EXPECT_EQ(heard_, (std::vector<int>{SIGHUP, SIGUSR1}));
}

TEST_F(SignalsTest, KnowsWhatTheProcessWasStartedToIgnore) {
  EXPECT_FALSE(IsIgnored(SIGHUP));
  signal(SIGHUP, SIG_IGN);
  EXPECT_TRUE(IsIgnored(SIGHUP));
  signal(SIGHUP, SIG_DFL);
}

TEST_F(SignalsTest, ASignalThatCameBeforeIsNotLost) {
  kill(getpid(), SIGTERM);
  const Signals signals(&loop_, [this](int signal) { heard_.push_back(signal); });
  Turn();
  EXPECT_EQ(heard_, std::vector<int>{SIGTERM});
}

TEST_F(SignalsTest, AfterDestructionTheNextOneHears) {
  {
    const Signals signals(&loop_, [](int) { FAIL() << "is gone"; });
  }
  kill(getpid(), SIGUSR2);
  Turn();
  const Signals signals(&loop_, [this](int signal) { heard_.push_back(signal); });
  Turn();
  EXPECT_EQ(heard_, std::vector<int>{SIGUSR2});
}

TEST_F(SignalsTest, WritingToAPeerThatWentAwayIsAnErrorNotASignal) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  close(pair[1]);
  EXPECT_EQ(write(pair[0], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(pair[0]);
}

}  // namespace
}  // namespace holdfast::server
