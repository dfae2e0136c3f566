// What routes cost: loading 10,000 of them, and finding one.
//
//   bazel run --config=opt //tests/bench:route_benchmark -- [--check]
//
// 1,000 hosts of 10 paths each, one of them a pattern. Prints medians of repetitions on one core:
// wall time to load the file and to build the table, CPU time and allocations of a look-up. With
// --check it fails when loading takes longer than 500 ms or a look-up longer than 1 us.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/load.h"
#include "gateway/route/route_choice.h"
#include "gateway/route/route_table.h"
#include "tests/support/allocation_counter.h"

namespace holdfast::route {
namespace {

constexpr int kHosts = 1000;
constexpr int kPaths = 10;
constexpr int kRepetitions = 11;
constexpr int kLookups = 200'000;
constexpr double kMostLoadMilliseconds = 500;
constexpr double kMostLookupNanoseconds = 1000;

std::string File() {
  std::string text =
      "listeners: [{name: edge, bind: \"127.0.0.1:8080\"}]\n"
      "upstreams: {web: {endpoints: [\"127.0.0.1:3000\"]}}\nroutes:\n";
  for (int host = 0; host < kHosts; ++host) {
    for (int path = 0; path < kPaths; ++path) {
      const std::string h = std::to_string(host);
      const std::string p = std::to_string(path);
      text += "  - name: r" + h + "-" + p + "\n    match: {hosts: [h" + h + ".example.com], ";
      text += path == 0 ? "path_regex: \"/users/([0-9]+)/posts/.*\"}\n"
                        : "path_prefix: /service-" + p + "/v1}\n";
      text += "    upstream: web\n";
    }
  }
  return text;
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double CpuNanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double MillisecondsOf(const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < kRepetitions; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
            .count());
  }
  return Median(times);
}

struct Question {
  std::string host;
  std::string path;
};

// Of all hosts and paths in an order that no cache foresees.
std::vector<Question> Questions() {
  std::vector<Question> questions;
  uint32_t random = 1;
  for (int i = 0; i < 4096; ++i) {
    random = random * 1664525 + 1013904223;
    const std::string path = std::to_string(random >> 8 & 15);
    questions.push_back({"h" + std::to_string((random >> 12) % kHosts) + ".example.com",
                         (random >> 8 & 15) == 0 ? "/users/1234567/posts/a-title"
                                                 : "/service-" + path + "/v1/items/42"});
  }
  return questions;
}

struct Cost {
  double nanoseconds;
  double allocations;
};

Cost Lookup(const RouteTable& table) {
  const std::vector<Question> questions = Questions();
  http::PathForm form;
  Miss miss;
  std::vector<double> times;
  uint64_t allocations = 0;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const uint64_t allocated = support::AllocationCount();
    const double begun = CpuNanoseconds();
    for (int i = 0; i < kLookups; ++i) {
      const Question& question = questions[static_cast<size_t>(i) % questions.size()];
      http::RequestHead head;
      head.host = question.host;
      head.path = question.path;
      const Choice choice = ChooseRoute(table, 0, {}, head, {.head = &head}, &form, &miss);
      if (choice.doubt != http::PathDoubt::kNone) std::abort();
    }
    times.push_back((CpuNanoseconds() - begun) / kLookups);
    allocations = support::AllocationCount() - allocated;
  }
  return {Median(times), static_cast<double>(allocations) / kLookups};
}

int Main(bool check) {
  const std::string text = File();
  std::unique_ptr<config::Config> config;
  const double load = MillisecondsOf([&] {
    config::LoadResult result = config::LoadConfig(text, "routes.yaml");
    if (!result.config.has_value()) {
      fputs(config::FormatDiagnostics(result.diagnostics).c_str(), stderr);
      std::exit(2);
    }
    config = std::make_unique<config::Config>(*std::move(result.config));
  });
  std::unique_ptr<RouteTable> table;
  const double build = MillisecondsOf([&] { table = std::make_unique<RouteTable>(*config); });
  const Cost lookup = Lookup(*table);
  printf("%d routes of %d hosts, a tenth of them patterns\n", kHosts * kPaths, kHosts);
  printf("load the file of %zu KiB    %8.1f ms\n", text.size() / 1024, load);
  printf("build the table            %8.1f ms\n", build);
  printf("find a route               %8.1f ns  %.2f allocations\n", lookup.nanoseconds,
         lookup.allocations);
  const bool good =
      load + build <= kMostLoadMilliseconds && lookup.nanoseconds <= kMostLookupNanoseconds;
  if (check) printf("%s\n", good ? "PASS" : "FAIL");
  return check && !good ? 1 : 0;
}

}  // namespace
}  // namespace holdfast::route

int main(int argc, char** argv) {
  return holdfast::route::Main(argc > 1 && std::string_view(argv[1]) == "--check");
}
