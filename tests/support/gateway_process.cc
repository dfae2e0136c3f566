#include "tests/support/gateway_process.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/support/sanitizer.h"

namespace holdfast::support {
namespace {

constexpr std::string_view kReports[] = {
    "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
    "runtime error:",          "broken invariant:",    "terminate called",
};
constexpr int kDrainDeadlineHit = 3;

std::vector<std::string> RunArguments(const TempDir& files, std::string_view config_text) {
  return {GatewayBinary(), "run", "-c", files.Write("holdfast.yaml", config_text)};
}

// Before any test has put another one there.
[[maybe_unused]] const bool kSanitizedTaken = [] {
  const char* const path = std::getenv("HOLDFAST_SANITIZED_BINARY");
  return path != nullptr && setenv("HOLDFAST_BINARY", path, 1) == 0;
}();

}  // namespace

std::string GatewayBinary() {
  const char* path = std::getenv("HOLDFAST_BINARY");
  EXPECT_NE(path, nullptr) << "HOLDFAST_BINARY is not set";
  return path == nullptr ? "" : path;
}

GatewayProcess::GatewayProcess(std::string_view config_text, int descriptor_limit)
    : process_(
          std::make_unique<Subprocess>(RunArguments(files_, config_text),
                                       Subprocess::Options{.descriptor_limit = descriptor_limit})) {
  AwaitStart();
}

GatewayProcess::GatewayProcess(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {GatewayBinary()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  process_ = std::make_unique<Subprocess>(all);
  AwaitStart();
}

void GatewayProcess::AwaitStart() {
  const bool ready = Eventually(
      [this] { return !running() || Stderr().find(" info ready\n") != std::string::npos; });
  EXPECT_TRUE(ready && running()) << "the gateway did not start:\n" << Stderr();
}

GatewayProcess::~GatewayProcess() {
  constexpr std::chrono::milliseconds kDrain{1500};
  if (running()) {
    Signal(SIGTERM);
    if (!process_->Wait(kDrain).has_value()) Signal(SIGTERM);  // the second one stops at once
  }
  const std::optional<int> code = process_->Wait();
  const std::string errors = Stderr();
  if (!code.has_value()) {
    ADD_FAILURE() << "the gateway hangs after two SIGTERM:\n" << errors;
    return;
  }
  EXPECT_TRUE(*code == 0 || *code == kDrainDeadlineHit) << "exit code " << *code << "\n" << errors;
  for (const std::string_view report : kReports) {
    EXPECT_EQ(errors.find(report), std::string::npos) << errors;
  }
}

std::string GatewayProcess::address(std::string_view listener) const {
  const std::string mark = " info listening name=" + std::string(listener) + " address=";
  std::string found;
  // A reload has happened before its lines are written.
  Eventually([&] {
    std::istringstream lines(Stderr());
    // One without its end may still be in the writing.
    for (std::string line; std::getline(lines, line) && !lines.eof();) {
      const size_t at = line.find(mark);
      if (at != line.npos) found = line.substr(at + mark.size());
    }
    return !found.empty();
  });
  EXPECT_NE(found, "") << "no listener " << listener << " in:\n" << Stderr();
  return found;
}

void GatewayProcess::Pause() {
  Signal(SIGSTOP);
  EXPECT_TRUE(Eventually([this] { return AllThreadsStopped(); }));
}

bool GatewayProcess::AllThreadsStopped() const {
  const std::string tasks = "/proc/" + std::to_string(pid()) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    const std::string stat = ReadFile(task.path() / "stat");
    const size_t state = stat.rfind(')') + 2;
    if (state >= stat.size() || stat[state] != 'T') return false;
  }
  return true;
}

int GatewayProcess::WaitExit(std::chrono::milliseconds patience) {
  const std::optional<int> code = process_->Wait(patience);
  EXPECT_TRUE(code.has_value()) << "the gateway does not end:\n" << Stderr();
  return code.value_or(-1);
}

bool GatewayProcess::AwaitStderr(std::string_view text) const {
  const bool found = Eventually([&] { return Stderr().find(text) != std::string::npos; });
  EXPECT_TRUE(found) << "\"" << text << "\" is not in:\n" << Stderr();
  return found;
}

Message GatewayProcess::Status(std::string_view path) const {
  RawClient client(address("status"), {}, Wire::kPlain);
  return client.Get(path, "Connection: close\r\n");
}

MetricsScrape GatewayProcess::Scrape() const {
  const Message response = Status("/metrics");
  EXPECT_EQ(response.Status(), 200);
  return MetricsScrape(response.body);
}

double GatewayProcess::Metric(std::string_view name, const Labels& labels) const {
  return Scrape().Value(name, labels);
}

void GatewayProcess::AwaitMetric(std::string_view name, const Labels& labels, double value) const {
  const bool reached = Eventually([&] { return Metric(name, labels) == value; });
  EXPECT_TRUE(reached) << name << " is " << Metric(name, labels) << " rather than " << value
                       << ::testing::PrintToString(labels);
}

void GatewayProcess::AwaitMetricAtLeast(std::string_view name, const Labels& labels,
                                        double value) const {
  const bool reached = Eventually([&] { return Metric(name, labels) >= value; });
  EXPECT_TRUE(reached) << name << " is " << Metric(name, labels) << ", not yet " << value
                       << ::testing::PrintToString(labels);
}

void GatewayProcess::Reload(std::string_view text) {
  constexpr std::string_view kReloads = "holdfast_config_reloads_total";
  const double before = Metric(kReloads, {});
  WriteConfig(text);
  Signal(SIGHUP);
  AwaitMetricAtLeast(kReloads, {}, before + 1);
}

size_t GatewayProcess::SanitizerBytes() {
  return GatewaySanitizer() == Sanitizer::kNone ? 0 : size_t{512} * 1024 * 1024;
}

size_t GatewayProcess::ResidentBytes() const {
  std::istringstream statm(ReadFile("/proc/" + std::to_string(pid()) + "/statm"));
  size_t total = 0;
  size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::chrono::milliseconds GatewayProcess::CpuTime() const {
  const std::string stat = ReadFile("/proc/" + std::to_string(pid()) + "/stat");
  // Behind the name, which may hold anything: the fields from the third on.
  std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 2, stat.size())));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

}  // namespace holdfast::support
