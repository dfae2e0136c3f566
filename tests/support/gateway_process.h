#ifndef HOLDFAST_TESTS_SUPPORT_GATEWAY_PROCESS_H_
#define HOLDFAST_TESTS_SUPPORT_GATEWAY_PROCESS_H_

#include <signal.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/gateway_config.h"
#include "tests/support/metrics_scrape.h"
#include "tests/support/raw_client.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {

// The gateway's binary, from the environment of the test (tests/integration/gateway_test.bzl).
std::string GatewayBinary();

// A running gateway. The constructor returns once it serves. The destructor ends it and fails the
// test if it crashed, hung, or a sanitizer had something to say.
//
//   ScriptedUpstream upstream;
//   GatewayProcess gateway(GatewayConfig{.endpoints = {upstream.address()}});
//   RawClient client(gateway.address());
class GatewayProcess {
 public:
  explicit GatewayProcess(const GatewayConfig& config, int descriptor_limit = 0)
      : GatewayProcess(config.Text(), descriptor_limit) {}
  // `holdfast run` with this file.
  explicit GatewayProcess(std::string_view config_text, int descriptor_limit = 0);
  // `holdfast` with these arguments.
  explicit GatewayProcess(const std::vector<std::string>& arguments);
  ~GatewayProcess();
  GatewayProcess(const GatewayProcess&) = delete;
  GatewayProcess& operator=(const GatewayProcess&) = delete;

  // Where a listener is bound, as the process printed it.
  std::string address(std::string_view listener = "edge") const;
  pid_t pid() const { return process_->pid(); }
  void Signal(int signal) { process_->Signal(signal); }
  // Stops every thread, so that what is sent until Resume is found all at once.
  void Pause();
  void Resume() { Signal(SIGCONT); }
  // The exit code, negative for a signal; a process that does not end fails the test.
  int WaitExit(std::chrono::milliseconds patience = kPatience);
  bool running() { return !process_->Poll().has_value(); }

  std::string Stdout() const { return process_->Stdout(); }
  std::string Stderr() const { return process_->Stderr(); }
  bool AwaitStderr(std::string_view text) const;

  // A GET to the status listener.
  Message Status(std::string_view path) const;
  MetricsScrape Scrape() const;
  // Waits until a metric has that value (the sum of the series that match).
  void AwaitMetric(std::string_view name, const Labels& labels, double value) const;
  // For what only grows.
  void AwaitMetricAtLeast(std::string_view name, const Labels& labels, double value) const;

  // Replaces the file; the process learns of it with Reload, which also waits until it has decided.
  void WriteConfig(std::string_view text) { files_.Write("holdfast.yaml", text); }
  void Reload(std::string_view text);
  std::string config_path() const { return files_.Path("holdfast.yaml"); }

  // Of the process: resident memory in bytes, CPU time spent, open descriptors.
  size_t ResidentBytes() const;
  // What a sanitizer may hold of it for itself (freed memory, shadows); nothing without one.
  static size_t SanitizerBytes();
  std::chrono::milliseconds CpuTime() const;

 private:
  void AwaitStart();
  bool AllThreadsStopped() const;
  double Metric(std::string_view name, const Labels& labels) const;

  TempDir files_;
  std::unique_ptr<Subprocess> process_;
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_GATEWAY_PROCESS_H_
