#include "gateway/server/op_log.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include <spdlog/async.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

namespace holdfast::server {
namespace {

constexpr char kName[] = "holdfast";
constexpr char kPlainName[] = "holdfast-plain";
constexpr size_t kQueuedLines = 1024;
// How long a reader of standard error may keep one line waiting. After one that took longer, lines
// are lost until there is room again.
constexpr int kPatienceMilliseconds = 500;

// Standard error, without ever waiting for long: it may be a pipe whose reader has stopped, and the
// process must be able to end all the same. Only the log's one thread writes.
class PatientStderr final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    size_t written = 0;
    while (written < line.size() && AwaitRoom()) {
      // Where poll(2) says that there is room, so many bytes do not block (pipe(7)).
      const size_t piece = std::min<size_t>(line.size() - written, PIPE_BUF);
      const ssize_t result = write(STDERR_FILENO, line.data() + written, piece);
      if (result <= 0) return;
      written += static_cast<size_t>(result);
    }
  }
  void flush_() override {}

 private:
  bool AwaitRoom() {
    pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    stuck_ = poll(&room, 1, stuck_ ? 0 : kPatienceMilliseconds) == 0;
    return !stuck_;
  }

  bool stuck_ = false;
};

void StartLogger(const char* name, const char* pattern) {
  auto logger = std::make_shared<spdlog::async_logger>(
      name, std::make_shared<PatientStderr>(), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern(pattern, spdlog::pattern_time_type::utc);
  spdlog::register_logger(std::move(logger));
}

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
  StartLogger(kName, "%Y-%m-%dT%H:%M:%S.%eZ %l %v");
  StartLogger(kPlainName, "%v");
}

void StopOpLog() { spdlog::shutdown(); }

void LogInfo(std::string_view line) { Log(spdlog::level::info, line); }
void LogWarning(std::string_view line) { Log(spdlog::level::warn, line); }
void LogError(std::string_view line) { Log(spdlog::level::err, line); }

void LogPlain(std::string_view line) {
  if (const std::shared_ptr<spdlog::logger> logger = spdlog::get(kPlainName)) {
    logger->info(spdlog::string_view_t(line.data(), line.size()));
  } else {
    fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  }
}

}  // namespace holdfast::server
