#include "gateway/server/op_log.h"

#include <unistd.h>

#include <memory>

#include <spdlog/async.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "gateway/server/line_output.h"
#include "pool/net/clock.h"

namespace holdfast::server {
namespace {

constexpr char kName[] = "holdfast";
constexpr size_t kQueuedLines = 1024;

// Standard error, which may be a pipe that others write to and whose reader may have stopped. Only
// the log's one thread writes; Hurry is the main thread's.
class PatientStderr final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  PatientStderr() { output_.SetTarget(STDERR_FILENO); }

  // The process ends: what is queued has the last patience.
  void Hurry() { output_.Interrupt(); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    output_.Write(std::string_view(line.data(), line.size()));
  }
  void flush_() override {}

 private:
  const pool::SystemClock clock_;
  LineOutput output_{&clock_};
};

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
  auto logger = std::make_shared<spdlog::async_logger>(
      kName, std::make_shared<PatientStderr>(), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  spdlog::register_logger(std::move(logger));
}

void StopOpLog() {
  if (const std::shared_ptr<spdlog::logger> logger = spdlog::get(kName)) {
    static_cast<PatientStderr&>(*logger->sinks().front()).Hurry();
  }
  spdlog::shutdown();
}

void LogInfo(std::string_view line) { Log(spdlog::level::info, line); }
void LogWarning(std::string_view line) { Log(spdlog::level::warn, line); }
void LogError(std::string_view line) { Log(spdlog::level::err, line); }

}  // namespace holdfast::server
