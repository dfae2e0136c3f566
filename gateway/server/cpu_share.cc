#include "gateway/server/cpu_share.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>

namespace holdfast::server {
namespace {

std::optional<std::string> ReadFirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<double> ReadNumber(const std::string& path) {
  const std::optional<std::string> line = ReadFirstLine(path);
  double value = 0;
  if (!line.has_value() || !absl::SimpleAtod(*line, &value)) return std::nullopt;
  return value;
}

// A file that makes no sense counts as none. (The comparisons are false for "nan".)
std::optional<double> Ratio(double quota, double period) {
  if (!(quota > 0 && period > 0) || std::isinf(quota)) return std::nullopt;
  return quota / period;
}

// Reads "150000 100000" or "max 100000".
std::optional<double> QuotaV2(const std::string& group) {
  const std::optional<std::string> line = ReadFirstLine(group + "/cpu.max");
  if (!line.has_value()) return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(*line, ' ');
  double quota = 0;
  double period = 0;
  if (parts.size() != 2 || !absl::SimpleAtod(parts[0], &quota) ||
      !absl::SimpleAtod(parts[1], &period)) {
    return std::nullopt;
  }
  return Ratio(quota, period);
}

std::optional<double> QuotaV1(const std::string& group) {
  const std::optional<double> quota = ReadNumber(group + "/cpu.cfs_quota_us");
  const std::optional<double> period = ReadNumber(group + "/cpu.cfs_period_us");
  if (!quota.has_value() || !period.has_value()) return std::nullopt;
  return Ratio(*quota, *period);  // the quota is -1 when there is none
}

// The smallest quota of a group and of all groups above it, because each of them binds.
template <class ReadQuota>
void ApplyUpwards(const std::string& mount, std::string group, ReadQuota read_quota,
                  std::optional<double>* smallest) {
  while (true) {
    const std::optional<double> quota = read_quota(mount + group);
    if (quota.has_value()) *smallest = std::min(smallest->value_or(*quota), *quota);
    const size_t slash = group.rfind('/');
    if (group.empty() || slash == std::string::npos) return;
    group.resize(slash);
  }
}

// Lines of /proc/self/cgroup are "0::/path" (v2) and "4:cpu,cpuacct:/path" (v1). Inside a container
// with a namespace of its own the path is "/".
std::optional<double> MeasureQuota(const std::string& root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  std::optional<double> quota;
  std::string line;
  while (std::getline(groups, line)) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::string group = parts[2] == "/" ? "" : parts[2];
    if (parts[1].empty()) {
      ApplyUpwards(root + "/sys/fs/cgroup", group, QuotaV2, &quota);
      continue;
    }
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    if (std::ranges::find(controllers, "cpu") == controllers.end()) continue;
    for (const std::string& mount : {std::string("cpu"), parts[1]}) {
      ApplyUpwards(root + "/sys/fs/cgroup/" + mount, group, QuotaV1, &quota);
    }
  }
  return quota;
}

int MeasureAffinity() {
  // On a machine with more CPUs than a cpu_set_t has bits, the kernel refuses the smaller size.
  for (int cpus = CPU_SETSIZE; cpus <= 1 << 16; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (known) return std::max(1, count);
  }
  return 1;
}

}  // namespace

CpuShare MeasureCpuShare(const std::string& root) {
  const int affinity = MeasureAffinity();
  const std::optional<double> quota = MeasureQuota(root);
  CpuShare share;
  share.workers = affinity;
  std::string quota_text = "no cgroup quota";
  if (quota.has_value()) {
    const double rounded_up = std::ceil(*quota);
    share.workers = std::max(1, static_cast<int>(std::min<double>(affinity, rounded_up)));
    quota_text = absl::StrFormat("cgroup quota %.2f", *quota);
  }
  share.derivation =
      absl::StrFormat("%d (CPU affinity %d, %s)", share.workers, affinity, quota_text);
  return share;
}

}  // namespace holdfast::server
