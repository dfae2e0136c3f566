#include "gateway/server/op_log.h"

#include <memory>

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace holdfast::server {
namespace {

constexpr char kName[] = "holdfast";
constexpr size_t kQueuedLines = 1024;

void Log(spdlog::level::level_enum level, std::string_view line) {
  if (const std::shared_ptr<spdlog::logger> logger = spdlog::get(kName)) {
    logger->log(level, spdlog::string_view_t(line.data(), line.size()));
    return;
  }
  fprintf(stderr, "%s %.*s\n", spdlog::level::to_string_view(level).data(),
          static_cast<int>(line.size()), line.data());
}

}  // namespace

void StartOpLog() {
  spdlog::init_thread_pool(kQueuedLines, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::async_logger>(
      kName, std::move(sink), spdlog::thread_pool(), spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::info);
  spdlog::register_logger(std::move(logger));
}

void StopOpLog() { spdlog::shutdown(); }

void LogInfo(std::string_view line) { Log(spdlog::level::info, line); }
void LogWarning(std::string_view line) { Log(spdlog::level::warn, line); }
void LogError(std::string_view line) { Log(spdlog::level::err, line); }

}  // namespace holdfast::server
