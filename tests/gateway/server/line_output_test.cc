#include "gateway/server/line_output.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <future>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/clock.h"
#include "tests/support/deadline.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

TEST(NextPieceTest, TakesWholeLinesAsFarAsTheyFit) {
  EXPECT_EQ(NextPiece("ab\ncd\n", 100), 6u);
  EXPECT_EQ(NextPiece("ab\ncd\n", 6), 6u);
  EXPECT_EQ(NextPiece("ab\ncd\n", 5), 3u);
  EXPECT_EQ(NextPiece("ab\ncd\n", 3), 3u);
  EXPECT_EQ(NextPiece("\n\n\nx\n", 3), 3u);
}

TEST(NextPieceTest, CutsOnlyALineThatFitsNowhere) {
  EXPECT_EQ(NextPiece("abcdef\ngh\n", 4), 4u);
  EXPECT_EQ(NextPiece("ef\ngh\n", 4), 3u) << "its rest, to the line's end";
  EXPECT_EQ(NextPiece("abc\n", 3), 3u);
}

TEST(NextPieceTest, NothingIsNothing) { EXPECT_EQ(NextPiece("", 4), 0u); }

// The n-th line of a writer, of a length between a few bytes and exactly PIPE_BUF, with its line
// end.
std::string Line(const std::string& writer, int n) {
  const std::string begin = writer + " " + std::to_string(n) + " ";
  const size_t length =
      n % 7 == 0 ? PIPE_BUF : begin.size() + 1 + static_cast<size_t>(n * 37 % 900);
  return begin + std::string(length - begin.size() - 1, writer.front()) + "\n";
}

class LineOutputTest : public testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0);
  }
  void TearDown() override {
    close(ends_[0]);
    CloseWriter();
  }
  void CloseWriter() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  std::string ReadToTheEnd() {
    std::string all;
    std::array<char, 5000> some;
    ssize_t got;
    while ((got = read(ends_[0], some.data(), some.size())) > 0) {
      all.append(some.data(), static_cast<size_t>(got));
    }
    return all;
  }

  const pool::SystemClock clock_;
  std::array<int, 2> ends_ = {-1, -1};
};

// As the access log and the process's log do on one standard error, or two processes on one pipe
// while one takes over from the other.
TEST_F(LineOutputTest, TwoWritersOnOnePipeTearNoLine) {
  constexpr int kLines = 1500;
  const auto write_all = [this](const std::string& writer) {
    LineOutput output(&clock_);
    output.SetTarget(ends_[1]);
    std::string batch;
    for (int i = 0; i < kLines; ++i) {
      batch += Line(writer, i);
      if (i % 20 != 19 && i != kLines - 1) continue;
      EXPECT_TRUE(output.Write(batch));
      batch.clear();
    }
  };
  std::thread first(write_all, "a");
  std::thread second(write_all, "b");
  std::future<std::string> reader = std::async(std::launch::async, [&] { return ReadToTheEnd(); });
  first.join();
  second.join();
  CloseWriter();
  std::istringstream text(reader.get());
  std::map<std::string, int> next;
  for (std::string line; std::getline(text, line);) {
    const std::string writer = line.substr(0, 1);
    ASSERT_EQ(line + "\n", Line(writer, next[writer])) << "torn, lost or out of order";
    ++next[writer];
  }
  EXPECT_EQ(next, (std::map<std::string, int>{{"a", kLines}, {"b", kLines}}));
}

TEST_F(LineOutputTest, GivesUpAtALinesEndAndNotBeforeItIsInterrupted) {
  LineOutput output(&clock_);
  output.SetTarget(ends_[1]);
  std::string lines;
  for (int i = 0; i < 600; ++i) lines += Line("a", i);  // more than the pipe holds
  std::future<bool> written = std::async(std::launch::async, [&] { return output.Write(lines); });
  EXPECT_EQ(written.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  output.Interrupt();
  EXPECT_FALSE(written.get());
  EXPECT_FALSE(output.Write("too late\n")) << "the patience is one for all";
  CloseWriter();
  const std::string got = ReadToTheEnd();
  EXPECT_FALSE(got.empty());
  EXPECT_TRUE(got.ends_with("\n"));
  EXPECT_TRUE(lines.starts_with(got));
}

TEST_F(LineOutputTest, AfterAnInterruptionItHasAllThePatienceAgain) {
  LineOutput output(&clock_);
  output.SetTarget(ends_[1]);
  std::string lines;
  for (int i = 0; i < 600; ++i) lines += Line("a", i);
  output.Interrupt();
  EXPECT_FALSE(output.Write(lines));
  output.Resume();
  std::future<bool> written = std::async(std::launch::async, [&] { return output.Write("x\n"); });
  EXPECT_EQ(written.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  std::array<char, 1 << 17> room;
  EXPECT_GT(read(ends_[0], room.data(), room.size()), 0);
  EXPECT_TRUE(written.get());
}

// A file that may not grow stands for a disk that is full: of the second line a part is written.
TEST_F(LineOutputTest, WhatFollowsATornLineBeginsALineOfItsOwn) {
  signal(SIGXFSZ, SIG_IGN);
  const support::TempDir dir;
  const pool::FileDescriptor file(
      open(dir.Path("log").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  LineOutput output(&clock_);
  output.SetTarget(file.get());
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit ten{.rlim_cur = 10, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &ten), 0);
  EXPECT_FALSE(output.Write("one two\nthree\n"));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_TRUE(output.Write("four\n"));
  EXPECT_EQ(support::ReadFile(dir.Path("log")), "one two\nth\nfour\n");
}

TEST_F(LineOutputTest, AReaderThatIsGoneIsAFailureRatherThanAWait) {
  LineOutput output(&clock_);
  output.SetTarget(ends_[1]);
  close(ends_[0]);
  ends_[0] = -1;
  EXPECT_FALSE(output.Write("lost\n"));
}

TEST_F(LineOutputTest, ADescriptorThatIsNoneIsAFailure) {
  LineOutput output(&clock_);
  output.SetTarget(ends_[1]);
  CloseWriter();
  EXPECT_FALSE(output.Write("lost\n"));
}

}  // namespace
}  // namespace holdfast::server
