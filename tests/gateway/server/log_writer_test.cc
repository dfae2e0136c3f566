#include "gateway/server/log_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pool/net/clock.h"
#include "tests/support/deadline.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LogWriterTest : public testing::Test {
 protected:
  static config::AccessLog FileTarget(std::string path) {
    return {.target = config::AccessLog::Target::kFile, .path = std::move(path)};
  }

  void Open(const std::string& path) {
    const absl::Status status = writer_->Open(FileTarget(path));
    ASSERT_TRUE(status.ok()) << status;
  }
  void Write(std::string batch) {
    writer_->Write(std::move(batch), [](bool) {});
  }
  // Letters run in order: when this one is written, so are all before it.
  void WriteAndWait(std::string batch) {
    std::promise<void> written;
    writer_->Write(std::move(batch), [&written](bool) { written.set_value(); });
    ASSERT_EQ(written.get_future().wait_for(support::kPatience), std::future_status::ready);
  }

  support::TempDir dir_;
  pool::SystemClock clock_;
  std::unique_ptr<LogWriter> writer_ = std::make_unique<LogWriter>(&clock_);
};

TEST_F(LogWriterTest, BatchesReachTheFileInOrder) {
  Open(dir_.Path("log"));
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    expected += line;
    Write(line);
  }
  WriteAndWait("last\n");
  EXPECT_EQ(support::ReadFile(dir_.Path("log")), expected + "last\n");
}

TEST_F(LogWriterTest, AFileIsAppendedToAndNotForEverybodyToRead) {
  const std::string path = dir_.Write("log", "before\n");
  Open(path);
  WriteAndWait("after\n");
  EXPECT_EQ(support::ReadFile(path), "before\nafter\n");
  Open(dir_.Path("new"));
  struct stat file;
  ASSERT_EQ(stat(dir_.Path("new").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0007, 0u);
}

TEST_F(LogWriterTest, ReopenGoesOnUnderTheNameAfterARename) {
  const std::string path = dir_.Path("log");
  const std::string rotated = dir_.Path("log.1");
  Open(path);
  WriteAndWait("one\n");
  ASSERT_EQ(rename(path.c_str(), rotated.c_str()), 0);
  WriteAndWait("two\n");
  EXPECT_TRUE(writer_->Reopen().ok());
  WriteAndWait("three\n");
  EXPECT_EQ(support::ReadFile(rotated), "one\ntwo\n");
  EXPECT_EQ(support::ReadFile(path), "three\n");
}

TEST_F(LogWriterTest, AReopenThatFailsKeepsTheOldFile) {
  const std::string path = dir_.Path("log");
  const std::string rotated = dir_.Path("log.1");
  Open(path);
  ASSERT_EQ(rename(path.c_str(), rotated.c_str()), 0);
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  EXPECT_THAT(std::string(writer_->Reopen().message()), HasSubstr(path));
  WriteAndWait("kept\n");
  EXPECT_EQ(support::ReadFile(rotated), "kept\n");
}

TEST_F(LogWriterTest, ASecondOpenMovesTheLog) {
  Open(dir_.Path("first"));
  Write("one\n");
  Open(dir_.Path("second"));
  WriteAndWait("two\n");
  EXPECT_EQ(support::ReadFile(dir_.Path("first")), "one\n");
  EXPECT_EQ(support::ReadFile(dir_.Path("second")), "two\n");
}

TEST_F(LogWriterTest, APathThatCannotBeWrittenIsNamedWithTheReason) {
  const std::string path = dir_.Path("no/such/folder");
  const absl::Status status = writer_->Open(FileTarget(path));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("access log " + path), HasSubstr("No such file or directory")));
}

TEST_F(LogWriterTest, AnOpenThatFailsKeepsTheOldTarget) {
  Open(dir_.Path("log"));
  EXPECT_FALSE(writer_->Open(FileTarget(dir_.Path("no/such/folder"))).ok());
  WriteAndWait("kept\n");
  EXPECT_EQ(support::ReadFile(dir_.Path("log")), "kept\n");
}

TEST_F(LogWriterTest, WhatComesAfterItIsClosedGoesNowhere) {
  const std::string path = dir_.Path("log");
  Open(path);
  Write("one\n");
  writer_->Close();
  WriteAndWait("two\n");
  EXPECT_EQ(support::ReadFile(path), "one\n");
  ASSERT_EQ(rename(path.c_str(), dir_.Path("log.1").c_str()), 0);
  EXPECT_TRUE(writer_->Reopen().ok());
  struct stat file;
  EXPECT_NE(stat(path.c_str(), &file), 0) << "there is nothing to open anew";
  Open(path);
  WriteAndWait("three\n");
  EXPECT_EQ(support::ReadFile(path), "three\n");
}

TEST_F(LogWriterTest, DestructionWritesWhatIsQueued) {
  Open(dir_.Path("log"));
  int acknowledged = 0;  // on the writer's thread until that has ended
  for (int i = 0; i < 100; ++i) {
    writer_->Write(std::string(10'000, 'x'),
                   [&acknowledged](bool all) { acknowledged += all ? 1 : 0; });
  }
  writer_.reset();
  EXPECT_EQ(support::ReadFile(dir_.Path("log")).size(), 1'000'000u);
  EXPECT_EQ(acknowledged, 100);
}

TEST_F(LogWriterTest, StandardErrorIsATargetThatReopenLeavesAlone) {
  testing::internal::CaptureStderr();
  ASSERT_TRUE(writer_->Open({.target = config::AccessLog::Target::kStderr}).ok());
  EXPECT_TRUE(writer_->Reopen().ok());
  WriteAndWait("to standard error\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "to standard error\n");
}

TEST_F(LogWriterTest, TellsThatADiskIsFull) {
  Open("/dev/full");
  std::promise<bool> written;
  writer_->Write("lost\n", [&written](bool all) { written.set_value(all); });
  EXPECT_FALSE(written.get_future().get());
}

class LogWriterFifoTest : public LogWriterTest {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);  // as the process has it (gateway/server/signals.h)
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  }
  pool::FileDescriptor OpenReader() {
    return pool::FileDescriptor(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  static std::string ReadSome(const pool::FileDescriptor& reader, size_t bytes) {
    std::string text(bytes, '\0');
    const ssize_t got = read(reader.get(), text.data(), bytes);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }

  // More than a pipe holds.
  const std::string much_ = std::string(1 << 20, 'm');
  const std::string path_ = dir_.Path("fifo");
};

TEST_F(LogWriterFifoTest, OneThatNobodyReadsIsAnErrorRatherThanAWait) {
  const absl::Status status = writer_->Open(FileTarget(path_));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path_), HasSubstr("nobody reads from this FIFO")));
}

TEST_F(LogWriterFifoTest, AReaderThatStopsDoesNotHoldUpTheCaller) {
  const pool::FileDescriptor reader = OpenReader();
  Open(path_);
  for (int i = 0; i < 10; ++i) Write(much_);  // each would wait for the reader
  std::promise<void> written;
  writer_->Write("end", [&written](bool) { written.set_value(); });
  std::future<void> end = written.get_future();
  EXPECT_EQ(end.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  std::string got;
  EXPECT_TRUE(support::Eventually([&] {
    while (true) {
      const std::string some = ReadSome(reader, 1 << 16);
      if (some.empty()) break;
      got += some;
    }
    return got.size() == 10 * much_.size() + 3;
  }));
  EXPECT_TRUE(got.ends_with("mend"));
  EXPECT_EQ(end.wait_for(support::kPatience), std::future_status::ready);
}

TEST_F(LogWriterFifoTest, DestructionDoesNotWaitForAReaderForever) {
  const pool::FileDescriptor reader = OpenReader();
  Open(path_);
  bool acknowledged = false;
  for (int i = 0; i < 3; ++i) Write(much_);
  writer_->Write("x", [&acknowledged](bool) { acknowledged = true; });
  writer_.reset();
  EXPECT_TRUE(acknowledged);
}

TEST_F(LogWriterFifoTest, AnotherTargetTakesOverFromAReaderThatHasStopped) {
  const pool::FileDescriptor reader = OpenReader();
  Open(path_);
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "line " + std::to_string(i) + "\n";
  std::promise<bool> first;
  writer_->Write(lines, [&first](bool all) { first.set_value(all); });
  Open(dir_.Path("log"));
  WriteAndWait("new\n");
  EXPECT_FALSE(first.get_future().get()) << "its lines are lost, and it is told so";
  EXPECT_TRUE(ReadSome(reader, 1 << 20).ends_with("\n")) << "whole lines";
  EXPECT_EQ(support::ReadFile(dir_.Path("log")), "new\n");
}

// Each look at it is an hour later, so that any patience with an end has ended.
class HastyClock final : public pool::Clock {
 public:
  pool::TimePoint Now() const override { return system_.Now() + std::chrono::hours(++looks_); }
  pool::WallTime WallNow() const override { return system_.WallNow(); }

 private:
  const pool::SystemClock system_;
  mutable std::atomic<int> looks_{0};
};

// A reload opens the target anew, SIGUSR1 reopens it: a reader that pauses meanwhile loses nothing.
TEST_F(LogWriterFifoTest, WhereTheTargetStaysNothingIsGivenUp) {
  const HastyClock clock;
  writer_ = std::make_unique<LogWriter>(&clock);
  const pool::FileDescriptor reader = OpenReader();
  Open(path_);
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "line " + std::to_string(i) + "\n";
  std::promise<bool> first;
  std::promise<bool> second;
  writer_->Write(lines, [&first](bool all) { first.set_value(all); });
  Open(path_);
  EXPECT_TRUE(writer_->Reopen().ok());
  writer_->Write("end\n", [&second](bool all) { second.set_value(all); });
  std::future<bool> written = first.get_future();
  EXPECT_EQ(written.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  std::string got;
  EXPECT_TRUE(support::Eventually([&] {
    got += ReadSome(reader, 1 << 16);
    return got.size() >= lines.size() + 4;
  }));
  EXPECT_TRUE(got == lines + "end\n");
  EXPECT_TRUE(written.get());
  EXPECT_TRUE(second.get_future().get());
  writer_.reset();
}

TEST_F(LogWriterFifoTest, AReaderThatGoesAwayLosesLinesAndNothingElse) {
  pool::FileDescriptor reader = OpenReader();
  Open(path_);
  reader.Reset();
  WriteAndWait("lost\n");
  reader = OpenReader();
  WriteAndWait("found\n");
  EXPECT_EQ(ReadSome(reader, 100), "found\n");
}

}  // namespace
}  // namespace holdfast::server
