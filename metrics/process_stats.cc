#include "metrics/process_stats.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

namespace holdfast::metrics {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

std::optional<std::string> ReadWhole(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// Takes the next word off `text` and returns it; empty at the end.
std::string_view TakeWord(std::string_view& text) {
  constexpr std::string_view kSpace = " \t\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kSpace));
  text.remove_prefix(word.size());
  return word;
}

std::optional<int64_t> ToNumber(std::string_view word) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// The first number in the line of `text` that begins with `key`.
std::optional<int64_t> NumberAfter(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    return ToNumber(TakeWord(line));
  }
  return std::nullopt;
}

// The fields of /proc/self/stat that are used; times in clock ticks, memory in bytes and pages.
struct Stat {
  int64_t user_ticks = 0;
  int64_t system_ticks = 0;
  int64_t start_ticks_after_boot = 0;
  int64_t virtual_bytes = 0;
  int64_t resident_pages = 0;
};

std::optional<Stat> ReadStat(const std::string& proc) {
  const std::optional<std::string> text = ReadWhole(proc + "/self/stat");
  if (!text) return std::nullopt;
  // The second field is the program's name in parentheses, which may hold anything.
  const size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(name_end + 1);

  Stat stat;
  // Field numbers as in proc(5), in their order.
  const std::array<std::pair<int, int64_t*>, 5> wanted = {{
      {14, &stat.user_ticks},
      {15, &stat.system_ticks},
      {22, &stat.start_ticks_after_boot},
      {23, &stat.virtual_bytes},
      {24, &stat.resident_pages},
  }};
  int field = 2;
  for (const auto& [number, target] : wanted) {
    std::string_view word;
    for (; field < number; ++field) word = TakeWord(rest);
    const std::optional<int64_t> value = ToNumber(word);
    if (!value) return std::nullopt;
    *target = *value;
  }
  return stat;
}

int64_t NanosecondsPerTick() { return kNanosecondsPerSecond / sysconf(_SC_CLK_TCK); }

std::optional<int64_t> ReadStartNanoseconds(const std::string& proc) {
  const std::optional<Stat> stat = ReadStat(proc);
  const std::optional<std::string> system = ReadWhole(proc + "/stat");
  if (!stat || !system) return std::nullopt;
  const std::optional<int64_t> boot_seconds = NumberAfter(*system, "btime ");
  if (!boot_seconds) return std::nullopt;
  return *boot_seconds * kNanosecondsPerSecond +
         stat->start_ticks_after_boot * NanosecondsPerTick();
}

std::optional<int64_t> ReadMaxFds(const std::string& proc) {
  const std::optional<std::string> limits = ReadWhole(proc + "/self/limits");
  return limits ? NumberAfter(*limits, "Max open files ") : std::nullopt;
}

std::optional<int64_t> CountOpenFds(const std::string& proc) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir((proc + "/self/fd").c_str()),
                                                      &closedir);
  if (directory == nullptr) return std::nullopt;
  int64_t count = 0;
  while (const dirent* entry = readdir(directory.get())) {
    const std::optional<int64_t> fd = ToNumber(entry->d_name);
    // Reading the directory takes a descriptor, which does not count.
    if (fd && *fd != dirfd(directory.get())) ++count;
  }
  return count;
}

void AddStat(const Stat& stat, Sums& sums) {
  const int64_t cpu_nanoseconds = (stat.user_ticks + stat.system_ticks) * NanosecondsPerTick();
  sums.Add<Counter>(Metric::kProcessCpuSecondsTotal, {}, static_cast<uint64_t>(cpu_nanoseconds));
  sums.Add<Gauge>(Metric::kProcessVirtualMemoryBytes, {}, stat.virtual_bytes);
  sums.Add<Gauge>(Metric::kProcessResidentMemoryBytes, {},
                  stat.resident_pages * sysconf(_SC_PAGESIZE));
}

void AddGauge(Metric metric, std::optional<int64_t> value, Sums& sums) {
  if (value) sums.Add<Gauge>(metric, {}, *value);
}

}  // namespace

Collector ProcessCollector(std::string proc) {
  // Read once: the start does not change, but the kernel's boot time moves when the clock is set.
  const std::optional<int64_t> start = ReadStartNanoseconds(proc);
  return [proc = std::move(proc), start](Sums& sums) {
    if (const std::optional<Stat> stat = ReadStat(proc)) AddStat(*stat, sums);
    AddGauge(Metric::kProcessOpenFds, CountOpenFds(proc), sums);
    AddGauge(Metric::kProcessMaxFds, ReadMaxFds(proc), sums);
    AddGauge(Metric::kProcessStartTimeSeconds, start, sums);
  };
}

}  // namespace holdfast::metrics
