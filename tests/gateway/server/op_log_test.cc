#include "gateway/server/op_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <future>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Everything that `log` writes between the start and the stop of the log.
template <class Log>
std::vector<std::string> Written(Log log) {
  testing::internal::CaptureStderr();
  StartOpLog();
  log();
  StopOpLog();
  return Lines(testing::internal::GetCapturedStderr());
}

TEST(OpLogTest, EachLineHasItsTimeAndGravity) {
  const std::vector<std::string> lines = Written([] {
    LogInfo("one");
    LogWarning("two");
    LogError("three");
  });
  ASSERT_EQ(lines.size(), 3u);
  const std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )";
  EXPECT_TRUE(std::regex_match(lines[0], std::regex(time + "info one"))) << lines[0];
  EXPECT_TRUE(std::regex_match(lines[1], std::regex(time + "warning two"))) << lines[1];
  EXPECT_TRUE(std::regex_match(lines[2], std::regex(time + "error three"))) << lines[2];
}

TEST(OpLogTest, TheTextIsNoFormat) {
  const std::vector<std::string> lines = Written([] { LogInfo("{} {0} %s %v {"); });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].ends_with("info {} {0} %s %v {")) << lines[0];
}

TEST(OpLogTest, StopWritesWhatIsQueuedInOrder) {
  constexpr int kLines = 500;
  const std::vector<std::string> lines = Written([] {
    for (int i = 0; i < kLines; ++i) LogInfo("line " + std::to_string(i));
  });
  ASSERT_EQ(lines.size(), static_cast<size_t>(kLines));
  for (int i = 0; i < kLines; ++i) {
    EXPECT_TRUE(lines[i].ends_with(" line " + std::to_string(i))) << lines[i];
  }
}

TEST(OpLogTest, WithoutALogLinesAreWrittenAtOnce) {
  testing::internal::CaptureStderr();
  LogError("no log {} %s");
  LogInfo(std::string_view("cut here", 3));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error no log {} %s\ninfo cut\n");
}

// Standard error is a pipe that is full and that nobody reads: the lines are lost, the process is
// not.
TEST(OpLogTest, AReaderThatHasStoppedDoesNotHoldUpTheEnd) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDERR_FILENO);
  ASSERT_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
  StartOpLog();
  for (int i = 0; i < 2000; ++i) LogInfo(std::string(200, 'x'));
  StopOpLog();
  ASSERT_EQ(dup2(saved, STDERR_FILENO), STDERR_FILENO);
  for (const int fd : {ends[0], ends[1], saved}) close(fd);
}

// Lines wait for a reader that pauses, however long; only the queue's bound is in its way.
TEST(OpLogTest, AReaderThatPausesLosesNothing) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  // A pipe that has room for a page alone.
  ASSERT_GT(fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
  const int saved = dup(STDERR_FILENO);
  ASSERT_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
  close(ends[1]);
  StartOpLog();
  constexpr int kLines = 500;
  for (int i = 0; i < kLines; ++i) LogInfo(std::to_string(i) + std::string(200, 'x'));
  std::future<std::string> reader = std::async(std::launch::async, [&ends] {
    std::string all;
    std::array<char, 4096> some;
    ssize_t got;
    while ((got = read(ends[0], some.data(), some.size())) > 0) {
      all.append(some.data(), static_cast<size_t>(got));
    }
    return all;
  });
  StopOpLog();
  ASSERT_EQ(dup2(saved, STDERR_FILENO), STDERR_FILENO);
  const std::vector<std::string> lines = Lines(reader.get());
  close(saved);
  close(ends[0]);
  ASSERT_EQ(lines.size(), static_cast<size_t>(kLines));
  for (int i = 0; i < kLines; ++i) {
    EXPECT_TRUE(lines[i].ends_with(" info " + std::to_string(i) + std::string(200, 'x')));
  }
}

TEST(OpLogTest, ItMayStartAgain) {
  EXPECT_EQ(Written([] { LogInfo("first"); }).size(), 1u);
  EXPECT_EQ(Written([] { LogInfo("second"); }).size(), 1u);
}

}  // namespace
}  // namespace holdfast::server
