#include "gateway/server/log_writers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pool/net/clock.h"
#include "tests/support/deadline.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using config::AccessLog;
using ::testing::HasSubstr;

class LogWritersTest : public testing::Test {
 protected:
  AccessLog To(const std::string& name) const {
    return {.target = AccessLog::Target::kFile, .path = dir_.Path(name)};
  }
  // The writers of these files, in their order, from the next publication on.
  std::vector<uint32_t> Open(const std::vector<std::string>& names) {
    std::vector<AccessLog> logs;
    for (const std::string& name : names) logs.push_back(To(name));
    const absl::Status status = writers_->Open(&logs, ++publication_);
    EXPECT_TRUE(status.ok()) << status;
    std::vector<uint32_t> numbers;
    for (const AccessLog& log : logs) numbers.push_back(log.writer);
    return numbers;
  }
  // Letters run in order: when this one is written, so are all before it.
  void Write(uint32_t writer, std::string batch) {
    std::promise<void> written;
    writers_->Write(writer, std::move(batch), [&written](bool) { written.set_value(); });
    ASSERT_EQ(written.get_future().wait_for(support::kPatience), std::future_status::ready);
  }
  std::string Text(const std::string& name) const { return support::ReadFile(dir_.Path(name)); }

  support::TempDir dir_;
  pool::SystemClock clock_;
  uint64_t publication_ = 0;
  std::optional<LogWriters> writers_{std::in_place, &clock_};
};

TEST_F(LogWritersTest, EachTargetGetsItsOwnLines) {
  const std::vector<uint32_t> writers = Open({"a", "b"});
  ASSERT_NE(writers[0], writers[1]);
  Write(writers[0], "for a\n");
  Write(writers[1], "for b\n");
  EXPECT_EQ(Text("a"), "for a\n");
  EXPECT_EQ(Text("b"), "for b\n");
}

TEST_F(LogWritersTest, ATargetKeepsItsWriterInWhateverPlaceOfTheFile) {
  const std::vector<uint32_t> before = Open({"a", "b"});
  const std::vector<uint32_t> after = Open({"new", "b", "a"});
  EXPECT_EQ(after[2], before[0]);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_NE(after[0], before[0]);
  EXPECT_NE(after[0], before[1]);
}

// A worker that has not heard of the reload yet hands over lines of the old configuration.
TEST_F(LogWritersTest, WhatWasDroppedIsWrittenUntilEveryWorkerKnows) {
  const uint32_t old_writer = Open({"old"})[0];
  writers_->OnAdopted(1);
  const uint32_t new_writer = Open({"new"})[0];
  EXPECT_NE(new_writer, old_writer);
  writers_->OnAdopted(1);
  Write(old_writer, "late\n");
  Write(new_writer, "new\n");
  EXPECT_EQ(Text("old"), "late\n");
  EXPECT_EQ(Text("new"), "new\n");
  writers_->OnAdopted(2);
  Write(old_writer, "after the last\n");
  EXPECT_EQ(Text("old"), "late\n");
  EXPECT_EQ(Open({"third", "new"}), (std::vector<uint32_t>{old_writer, new_writer}))
      << "it is free for another target";
}

TEST_F(LogWritersTest, ATargetThatComesBackInTimeGoesOn) {
  const uint32_t writer = Open({"a"})[0];
  Open({"b"});
  EXPECT_EQ(Open({"a"})[0], writer);
  writers_->OnAdopted(2);
  writers_->OnAdopted(3);
  Write(writer, "kept\n");
  EXPECT_EQ(Text("a"), "kept\n");
}

TEST_F(LogWritersTest, AnErrorNamesItsTargetAndLeavesTheRestAsItWas) {
  const uint32_t writer = Open({"a"})[0];
  std::vector<AccessLog> logs = {To("b"), To("no/such/folder")};
  const absl::Status status = writers_->Open(&logs, publication_ + 1);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no/such/folder: cannot open"));
  // Some other publication, of the old targets.
  writers_->OnAdopted(++publication_);
  Write(writer, "kept\n");
  EXPECT_EQ(Text("a"), "kept\n");
}

TEST_F(LogWritersTest, ReopenGoesOnUnderEachName) {
  const std::vector<uint32_t> writers = Open({"a", "b"});
  for (const uint32_t writer : writers) Write(writer, "one\n");
  ASSERT_EQ(rename(dir_.Path("a").c_str(), dir_.Path("a.1").c_str()), 0);
  ASSERT_EQ(rename(dir_.Path("b").c_str(), dir_.Path("b.1").c_str()), 0);
  EXPECT_TRUE(writers_->Reopen().ok());
  for (const uint32_t writer : writers) Write(writer, "two\n");
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(Text(name), "two\n");
    EXPECT_EQ(Text(std::string(name) + ".1"), "one\n");
  }
}

TEST_F(LogWritersTest, OneThatCannotBeReopenedIsToldAndTheOthersAre) {
  const std::vector<uint32_t> writers = Open({"a", "b"});
  ASSERT_EQ(rename(dir_.Path("a").c_str(), dir_.Path("a.1").c_str()), 0);
  ASSERT_EQ(mkdir(dir_.Path("a").c_str(), 0700), 0);
  ASSERT_EQ(rename(dir_.Path("b").c_str(), dir_.Path("b.1").c_str()), 0);
  EXPECT_THAT(std::string(writers_->Reopen().message()), HasSubstr(dir_.Path("a")));
  Write(writers[0], "kept\n");
  Write(writers[1], "anew\n");
  EXPECT_EQ(Text("a.1"), "kept\n");
  EXPECT_EQ(Text("b"), "anew\n");
}

TEST_F(LogWritersTest, WhatIsNoTargetAnyMoreIsNotOpenedAnew) {
  Open({"a"});
  Open({});
  ASSERT_EQ(rename(dir_.Path("a").c_str(), dir_.Path("a.1").c_str()), 0);
  EXPECT_TRUE(writers_->Reopen().ok());
  struct stat file;
  EXPECT_NE(stat(dir_.Path("a").c_str(), &file), 0);
}

TEST_F(LogWritersTest, WhatFailsLeavesNothingBehind) {
  for (int i = 0; i < 20; ++i) {
    std::vector<AccessLog> logs;
    for (size_t j = 0; j + 1 < config::kMaxAccessLogs; ++j) {
      logs.push_back(To("try" + std::to_string(i) + std::to_string(j)));
    }
    logs.push_back(To("no/such/folder"));
    const absl::Status status = writers_->Open(&logs, publication_ + 1);
    EXPECT_THAT(std::string(status.message()), HasSubstr("no/such/folder: cannot open")) << i;
  }
}

TEST_F(LogWritersTest, AllTargetsMayChangeAtOnceAndNotTwice) {
  const auto names = [](const std::string& prefix) {
    std::vector<std::string> all;
    for (size_t i = 0; i < config::kMaxAccessLogs; ++i) all.push_back(prefix + std::to_string(i));
    return all;
  };
  Open(names("a"));
  Open(names("b"));
  std::vector<AccessLog> third;
  for (const std::string& name : names("c")) third.push_back(To(name));
  EXPECT_FALSE(writers_->Open(&third, 3).ok()) << "workers may still have lines for the first";
  writers_->OnAdopted(2);
  EXPECT_TRUE(writers_->Open(&third, 3).ok());
}

TEST_F(LogWritersTest, AReaderThatHasStoppedHoldsUpNoOtherTarget) {
  signal(SIGPIPE, SIG_IGN);  // as the process has it (gateway/server/signals.h)
  const std::string path = dir_.Path("fifo");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const pool::FileDescriptor reader(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const std::vector<uint32_t> writers = Open({"fifo", "file"});
  writers_->Write(writers[0], std::string(1 << 20, 'm') + "\n", [](bool) {});
  Write(writers[1], "goes on\n");
  EXPECT_EQ(Text("file"), "goes on\n");
}

TEST_F(LogWritersTest, DestructionWritesWhatIsQueued) {
  const std::vector<uint32_t> writers = Open({"a", "b"});
  for (int i = 0; i < 50; ++i) {
    for (const uint32_t writer : writers) {
      writers_->Write(writer, std::string(10'000, 'x'), [](bool) {});
    }
  }
  writers_.reset();
  EXPECT_EQ(Text("a").size(), 500'000u);
  EXPECT_EQ(Text("b").size(), 500'000u);
}

}  // namespace
}  // namespace holdfast::server
