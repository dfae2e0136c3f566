#include "gateway/server/file_watch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/deadline.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

class FileWatchTest : public testing::Test {
 protected:
  // Lets the kernel's news in, and the time go by that it has to be quiet.
  int Told() {
    const int before = told_;
    loop_.RunOnce(pool::Duration::zero());
    clock_.Advance(FileWatch::kSettle + std::chrono::milliseconds(10));
    loop_.RunOnce(pool::Duration::zero());
    return told_ - before;
  }
  void Directory(const std::string& name) { ASSERT_EQ(mkdir(Path(name).c_str(), 0700), 0); }
  void Link(const std::string& target, const std::string& name) {
    ASSERT_EQ(symlink(target.c_str(), Path(name).c_str()), 0);
  }
  void Rename(const std::string& from, const std::string& to) {
    ASSERT_EQ(rename(Path(from).c_str(), Path(to).c_str()), 0);
  }
  void Append(const std::string& name) {
    FILE* file = fopen(Path(name).c_str(), "a");
    ASSERT_NE(file, nullptr);
    fputs("more", file);
    fclose(file);
  }
  std::string Path(const std::string& name) const { return dir_.Path(name); }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  support::TempDir dir_;
  int told_ = 0;
  FileWatch watch_{&loop_, [this] { ++told_; }};
};

TEST_F(FileWatchTest, AFileThatIsWrittenOrReplacedIsTold) {
  dir_.Write("a", "1");
  ASSERT_TRUE(watch_.Watch({Path("a")}));
  EXPECT_EQ(Told(), 0);
  Append("a");
  EXPECT_EQ(Told(), 1);
  dir_.Write("a", "2");
  EXPECT_EQ(Told(), 1);
  unlink(Path("a").c_str());
  EXPECT_EQ(Told(), 1);
  dir_.Write("a", "3");
  EXPECT_EQ(Told(), 1);
  chmod(Path("a").c_str(), 0600);
  EXPECT_EQ(Told(), 1);
  EXPECT_EQ(Told(), 0);
}

TEST_F(FileWatchTest, NeighboursAreNotTold) {
  dir_.Write("a", "1");
  ASSERT_TRUE(watch_.Watch({Path("a")}));
  dir_.Write("b", "1");
  Append("b");
  EXPECT_EQ(Told(), 0);
}

TEST_F(FileWatchTest, ManyChangesAreToldOnceAndEndlessOnesAreTold) {
  dir_.Write("a", "1");
  dir_.Write("b", "1");
  ASSERT_TRUE(watch_.Watch({Path("a"), Path("b")}));
  Append("a");
  Append("b");
  Append("a");
  EXPECT_EQ(Told(), 1);
  for (int i = 0; i < 100 && told_ == 1; ++i) {
    Append("a");
    loop_.RunOnce(pool::Duration::zero());
    clock_.Advance(FileWatch::kSettle / 2);
    loop_.RunOnce(pool::Duration::zero());
  }
  EXPECT_EQ(told_, 2);
}

// As kubelet updates a volume.
TEST_F(FileWatchTest, ALinkToADirectoryThatLeadsElsewhereIsTold) {
  Directory("..1");
  dir_.Write("..1/tls.crt", "1");
  Link("..1", "..data");
  Link("..data/tls.crt", "tls.crt");
  ASSERT_TRUE(watch_.Watch({Path("tls.crt")}));
  for (const std::string next : {"..2", "..3"}) {
    Directory(next);
    dir_.Write(next + "/tls.crt", next);
    Link(next, "..data_tmp");
    EXPECT_EQ(Told(), 0);
    Rename("..data_tmp", "..data");
    EXPECT_EQ(Told(), 1) << next;
  }
  Append("..3/tls.crt");
  EXPECT_EQ(Told(), 1) << "the file itself";
  Append("..1/tls.crt");
  EXPECT_EQ(Told(), 0) << "nobody's any more";
}

// As certbot's live/ leads to archive/.
TEST_F(FileWatchTest, ALinkIntoAnotherDirectoryIsFollowed) {
  Directory("live");
  Directory("archive");
  dir_.Write("archive/cert1", "1");
  dir_.Write("archive/cert2", "2");
  Link("../archive/cert1", "live/cert");
  ASSERT_TRUE(watch_.Watch({Path("live/cert")}));
  Append("archive/cert1");
  EXPECT_EQ(Told(), 1);
  Link(Path("archive/cert2"), "live/new");
  Rename("live/new", "live/cert");
  EXPECT_EQ(Told(), 1);
  Append("archive/cert2");
  EXPECT_EQ(Told(), 1);
}

TEST_F(FileWatchTest, WhatIsNotThereYetIsWaitedFor) {
  ASSERT_TRUE(watch_.Watch({Path("later/on/a")}));
  Directory("later");
  EXPECT_EQ(Told(), 1);
  Directory("later/on");
  EXPECT_EQ(Told(), 1);
  dir_.Write("later/on/a", "1");
  EXPECT_EQ(Told(), 1);
}

TEST_F(FileWatchTest, LinksInARingEnd) {
  Link("b", "a");
  Link("a", "b");
  ASSERT_TRUE(watch_.Watch({Path("a"), Path("../") + "./x"}));
  EXPECT_EQ(Told(), 0);
}

TEST_F(FileWatchTest, OtherFilesTakeThePlaceOfThoseBefore) {
  dir_.Write("a", "1");
  ASSERT_TRUE(watch_.Watch({Path("a")}));
  ASSERT_TRUE(watch_.Watch({Path("b")}));
  Append("a");
  EXPECT_EQ(Told(), 0);
  dir_.Write("b", "1");
  EXPECT_EQ(Told(), 1);
  ASSERT_TRUE(watch_.Watch({}));
  Append("b");
  EXPECT_EQ(Told(), 0);
}

}  // namespace
}  // namespace holdfast::server
