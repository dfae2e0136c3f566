#ifndef HOLDFAST_GATEWAY_SERVER_CPU_SHARE_H_
#define HOLDFAST_GATEWAY_SERVER_CPU_SHARE_H_

#include <string>

namespace holdfast::server {

// How many workers the machine has room for, and how that number came about.
struct CpuShare {
  int workers = 1;
  std::string derivation;  // "2 (CPU affinity 2, cgroup quota 1.50)"
};

// The smaller of the CPUs that this process may run on (sched_getaffinity) and the CPU quota of its
// control groups, rounded up: cgroup v2 (cpu.max of every group up to the root) or v1
// (cpu.cfs_quota_us over cpu.cfs_period_us). `root` stands before /proc/self/cgroup and
// /sys/fs/cgroup; it is "" outside of tests.
CpuShare MeasureCpuShare(const std::string& root = "");

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_CPU_SHARE_H_
