#include "metrics/process_stats.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::metrics {
namespace {

// A procfs made of plain files, for a process that runs at 100 ticks a second.
class FakeProc {
 public:
  FakeProc() : root_(std::filesystem::path(testing::TempDir()) / "proc") {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ / "self" / "fd");
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::ofstream(root_ / path) << text;
  }
  std::string root() const { return root_.string(); }

 private:
  std::filesystem::path root_;
};

// utime 250, stime 50, starttime 12345, vsize 8192000, rss 300.
std::string StatOf(const std::string& name) {
  return "42 (" + name + ") S 1 42 42 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 3 0 12345 8192000" +
         " 300 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0\n";
}

Sums CollectFrom(const FakeProc& proc) {
  Sums sums;
  ProcessCollector(proc.root())(sums);
  return sums;
}

int64_t GaugeOf(const Sums& sums, Metric metric) { return sums.Of<Gauge>(metric).at({}); }

TEST(ProcessStatsTest, ReadsCpuAndMemoryFromStat) {
  FakeProc proc;
  proc.Write("self/stat", StatOf("holdfast"));
  const Sums sums = CollectFrom(proc);
  const int64_t ticks_per_second = sysconf(_SC_CLK_TCK);
  EXPECT_EQ(sums.Of<Counter>(Metric::kProcessCpuSecondsTotal).at({}),
            uint64_t{300} * (1'000'000'000 / ticks_per_second));
  EXPECT_EQ(GaugeOf(sums, Metric::kProcessVirtualMemoryBytes), 8'192'000);
  EXPECT_EQ(GaugeOf(sums, Metric::kProcessResidentMemoryBytes), 300 * sysconf(_SC_PAGESIZE));
}

TEST(ProcessStatsTest, AProgramNameWithSpacesAndParenthesesDoesNotShiftTheFields) {
  FakeProc proc;
  proc.Write("self/stat", StatOf("odd) R 1 (name"));
  EXPECT_EQ(GaugeOf(CollectFrom(proc), Metric::kProcessVirtualMemoryBytes), 8'192'000);
}

TEST(ProcessStatsTest, StartTimeIsTheBootTimePlusTheTicksSince) {
  FakeProc proc;
  proc.Write("self/stat", StatOf("holdfast"));
  proc.Write("stat", "cpu  1 2 3\nintr 5 6\nbtime 1700000000\nprocesses 77\n");
  const int64_t nanoseconds_per_tick = 1'000'000'000 / sysconf(_SC_CLK_TCK);
  EXPECT_EQ(GaugeOf(CollectFrom(proc), Metric::kProcessStartTimeSeconds),
            1'700'000'000 * int64_t{1'000'000'000} + 12345 * nanoseconds_per_tick);
}

TEST(ProcessStatsTest, StartTimeStaysWhenTheClockIsSetLater) {
  FakeProc proc;
  proc.Write("self/stat", StatOf("holdfast"));
  proc.Write("stat", "btime 1700000000\n");
  const Collector collector = ProcessCollector(proc.root());
  Sums before;
  collector(before);
  proc.Write("stat", "btime 1700009999\n");
  Sums after;
  collector(after);
  EXPECT_EQ(GaugeOf(before, Metric::kProcessStartTimeSeconds),
            GaugeOf(after, Metric::kProcessStartTimeSeconds));
}

TEST(ProcessStatsTest, MaxFdsIsTheSoftLimit) {
  FakeProc proc;
  proc.Write("self/limits",
             "Limit                     Soft Limit           Hard Limit           Units\n"
             "Max processes             31000                31000                processes\n"
             "Max open files            1024                 524288               files\n");
  EXPECT_EQ(GaugeOf(CollectFrom(proc), Metric::kProcessMaxFds), 1024);
}

TEST(ProcessStatsTest, AnUnlimitedNumberOfFdsIsLeftOut) {
  FakeProc proc;
  proc.Write("self/limits", "Max open files            unlimited            unlimited   files\n");
  EXPECT_TRUE(CollectFrom(proc).Of<Gauge>(Metric::kProcessMaxFds).empty());
}

TEST(ProcessStatsTest, OpenFdsAreTheNumbersInTheFdDirectory) {
  FakeProc proc;
  for (const char* fd : {"self/fd/900001", "self/fd/900002", "self/fd/900003"}) proc.Write(fd, "");
  EXPECT_EQ(GaugeOf(CollectFrom(proc), Metric::kProcessOpenFds), 3);
}

TEST(ProcessStatsTest, WithoutProcNothingIsReported) {
  Sums sums;
  ProcessCollector("/nonexistent")(sums);
  EXPECT_TRUE(sums.Of<Counter>(Metric::kProcessCpuSecondsTotal).empty());
  for (const Metric metric :
       {Metric::kProcessResidentMemoryBytes, Metric::kProcessVirtualMemoryBytes,
        Metric::kProcessOpenFds, Metric::kProcessMaxFds, Metric::kProcessStartTimeSeconds}) {
    EXPECT_TRUE(sums.Of<Gauge>(metric).empty()) << Describe(metric).name;
  }
}

TEST(ProcessStatsTest, ATruncatedStatIsLeftOut) {
  for (const char* text : {"", "42 (holdfast", "42 (holdfast) S 1 42", "42 (holdfast) S x x x"}) {
    FakeProc proc;
    proc.Write("self/stat", text);
    EXPECT_TRUE(CollectFrom(proc).Of<Gauge>(Metric::kProcessResidentMemoryBytes).empty()) << text;
  }
}

TEST(ProcessStatsTest, TheRealProcAgreesWithTheSystemCalls) {
  Sums sums;
  ProcessCollector()(sums);
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(GaugeOf(sums, Metric::kProcessMaxFds), static_cast<int64_t>(limit.rlim_cur));
  EXPECT_GT(GaugeOf(sums, Metric::kProcessResidentMemoryBytes), 0);
  EXPECT_GT(GaugeOf(sums, Metric::kProcessVirtualMemoryBytes),
            GaugeOf(sums, Metric::kProcessResidentMemoryBytes));

  const int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const int64_t age = now - GaugeOf(sums, Metric::kProcessStartTimeSeconds);
  // The boot time is in whole seconds, so a young process may seem to start a little later.
  EXPECT_GT(age, -int64_t{2'000'000'000});
  EXPECT_LT(age, int64_t{600'000'000'000});
}

TEST(ProcessStatsTest, OpenFdsCountEveryDescriptorButTheOneThatReadsThem) {
  // A test holds few descriptors, while the limit may be a billion.
  const int highest = std::min(getdtablesize(), 65'536);
  int64_t open_fds = 0;
  for (int fd = 0; fd < highest; ++fd) open_fds += fcntl(fd, F_GETFD) != -1;
  const Collector collector = ProcessCollector();
  Sums before;
  collector(before);
  EXPECT_EQ(GaugeOf(before, Metric::kProcessOpenFds), open_fds);

  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  Sums after;
  collector(after);
  close(fd);
  EXPECT_EQ(GaugeOf(after, Metric::kProcessOpenFds), open_fds + 1);
}

}  // namespace
}  // namespace holdfast::metrics
