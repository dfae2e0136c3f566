#ifndef HOLDFAST_GATEWAY_CONFIG_ACCESS_LOG_H_
#define HOLDFAST_GATEWAY_CONFIG_ACCESS_LOG_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/record/line_filter.h"
#include "gateway/record/line_format.h"
#include "pool/net/word_table.h"

namespace holdfast::config {

// The most targets that a file has.
inline constexpr size_t kMaxAccessLogs = 8;

// Where lines of the access log go, which ones, and how they look.
struct AccessLog {
  enum class Target : uint8_t { kStdout, kStderr, kFile };
  Target target = Target::kStdout;
  std::string path;  // with kFile: absolute
  record::LineFormat format = record::LineFormat::kJson;
  std::vector<std::string> fields;  // names of record/record_fields.h; empty: all
  // Of requests that no route has matched, `routes` has the empty name.
  std::optional<record::LineFilter> filter;  // nullopt: a line for every exchange
  // Which of the process's writers has it open, once it is in use (server/log_writers.h).
  uint32_t writer = 0;
};
inline constexpr auto kLogTargetWords = pool::Words<AccessLog::Target>({
    {"stdout", AccessLog::Target::kStdout},
    {"stderr", AccessLog::Target::kStderr},
    {"file", AccessLog::Target::kFile},
});
constexpr const auto& WordsOf(AccessLog::Target) { return kLogTargetWords; }

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_ACCESS_LOG_H_
