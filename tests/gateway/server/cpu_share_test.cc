#include "gateway/server/cpu_share.h"

#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// The parts of /proc and /sys that say what a process may use.
class FakeRoot {
 public:
  explicit FakeRoot(std::string_view own_groups) { Write("proc/self/cgroup", own_groups); }

  FakeRoot& Group(const std::string& path, std::string_view text) {
    Write("sys/fs/cgroup/" + path, text);
    return *this;
  }

  CpuShare Measure() const { return MeasureCpuShare(dir_.Path("")); }
  std::string Quota() const {
    const std::string derivation = Measure().derivation;
    return derivation.substr(derivation.find(", ") + 2);
  }

 private:
  void Write(const std::string& path, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(dir_.Path(path)).parent_path());
    dir_.Write(path, text);
  }

  support::TempDir dir_;
};

int Affinity() {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  return CPU_COUNT(&set);
}

int Expected(int rounded_up) { return std::min(Affinity(), rounded_up); }

TEST(CpuShareTest, WithoutGroupsTheAffinityDecides) {
  const FakeRoot root("");
  EXPECT_EQ(root.Measure().workers, Affinity());
  EXPECT_EQ(root.Quota(), "no cgroup quota)");
}

TEST(CpuShareTest, AffinityIsTheCpusOfThisProcess) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &before)) ++cpu;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const CpuShare share = FakeRoot("0::/\n").Group("cpu.max", "400000 100000\n").Measure();
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
  EXPECT_EQ(share.workers, 1);
  EXPECT_EQ(share.derivation, "1 (CPU affinity 1, cgroup quota 4.00)");
}

TEST(CpuShareTest, AFractionalQuotaIsRoundedUp) {
  const CpuShare share = FakeRoot("0::/app\n").Group("app/cpu.max", "110000 100000\n").Measure();
  EXPECT_EQ(share.workers, Expected(2));
  EXPECT_THAT(share.derivation, EndsWith("cgroup quota 1.10)"));
}

TEST(CpuShareTest, AWholeQuotaIsNotRoundedFurther) {
  EXPECT_EQ(FakeRoot("0::/\n").Group("cpu.max", "100000 100000\n").Measure().workers, 1);
}

TEST(CpuShareTest, LessThanOneCpuIsOneWorker) {
  EXPECT_EQ(FakeRoot("0::/\n").Group("cpu.max", "5000 100000\n").Measure().workers, 1);
}

TEST(CpuShareTest, AQuotaBeyondTheAffinityChangesNothing) {
  EXPECT_EQ(FakeRoot("0::/\n").Group("cpu.max", "9000000 1000\n").Measure().workers, Affinity());
}

TEST(CpuShareTest, TheSmallestQuotaUpToTheRootBinds) {
  const char kGroups[] = "0::/a/b/c\n";
  FakeRoot leaf(kGroups);
  leaf.Group("a/b/c/cpu.max", "50000 100000").Group("a/cpu.max", "300000 100000");
  EXPECT_EQ(leaf.Quota(), "cgroup quota 0.50)");
  FakeRoot middle(kGroups);
  middle.Group("a/b/c/cpu.max", "max 100000").Group("a/b/cpu.max", "70000 100000");
  middle.Group("cpu.max", "max 100000");
  EXPECT_EQ(middle.Quota(), "cgroup quota 0.70)");
  FakeRoot root(kGroups);
  root.Group("a/b/c/cpu.max", "200000 100000").Group("cpu.max", "60000 100000");
  EXPECT_EQ(root.Quota(), "cgroup quota 0.60)");
}

// With a namespace of its own, or with the host's paths while only its own group is mounted.
TEST(CpuShareTest, AContainerSeesItsGroupAtTheRoot) {
  for (const char* groups : {"0::/\n", "0::/kubepods/burstable/pod1/c1\n", "0::/../other\n"}) {
    EXPECT_EQ(FakeRoot(groups).Group("cpu.max", "150000 100000\n").Quota(), "cgroup quota 1.50)")
        << groups;
  }
}

TEST(CpuShareTest, MaxIsNoQuota) {
  EXPECT_EQ(FakeRoot("0::/\n").Group("cpu.max", "max 100000\n").Quota(), "no cgroup quota)");
}

TEST(CpuShareTest, Version1GroupsHaveTheirQuotaInTwoFiles) {
  FakeRoot root("12:memory:/m\n4:cpu,cpuacct:/docker/1\n0::/docker/1\n");
  root.Group("cpu,cpuacct/docker/1/cpu.cfs_quota_us", "150000\n");
  root.Group("cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.Quota(), "cgroup quota 1.50)");
}

TEST(CpuShareTest, Version1MayBeMountedAsCpuAlone) {
  FakeRoot root("4:cpuacct,cpu:/docker/1\n");
  root.Group("cpu/cpu.cfs_quota_us", "50000\n").Group("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.Quota(), "cgroup quota 0.50)");
}

TEST(CpuShareTest, Version1WithoutAQuotaSaysMinusOne) {
  FakeRoot root("4:cpu,cpuacct:/\n");
  root.Group("cpu/cpu.cfs_quota_us", "-1\n").Group("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.Quota(), "no cgroup quota)");
}

TEST(CpuShareTest, OtherControllersHaveNoSay) {
  FakeRoot root("7:cpuset:/x\n");
  root.Group("cpuset/x/cpu.cfs_quota_us", "50000\n");
  root.Group("cpuset/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.Quota(), "no cgroup quota)");
}

TEST(CpuShareTest, BrokenFilesAreNoQuota) {
  for (const char* text :
       {"", "\n", "100000", "100000 0", "100000 -1", "a b", "1 2 3", "nan 100000", "inf 100000",
        "0 100000", "-100000 100000", "100000 nan"}) {
    EXPECT_EQ(FakeRoot("0::/\n").Group("cpu.max", text).Quota(), "no cgroup quota)") << text;
  }
  for (const char* text : {"", "x", "0", "nan", "inf"}) {
    FakeRoot root("1:cpu:/\n");
    root.Group("cpu/cpu.cfs_quota_us", text).Group("cpu/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(root.Quota(), "no cgroup quota)") << text;
  }
  for (const char* groups : {"rubbish\n", "0:/x\n", ":::\n", "0::no-slash\n"}) {
    EXPECT_EQ(FakeRoot(groups).Measure().workers, Affinity()) << groups;
  }
}

TEST(CpuShareTest, TheMachineItself) {
  const CpuShare share = MeasureCpuShare();
  EXPECT_GE(share.workers, 1);
  EXPECT_LE(share.workers, Affinity());
  EXPECT_THAT(share.derivation, HasSubstr("CPU affinity " + std::to_string(Affinity())));
}

}  // namespace
}  // namespace holdfast::server
