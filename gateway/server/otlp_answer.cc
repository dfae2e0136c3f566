#include "gateway/server/otlp_answer.h"

#include <absl/strings/numbers.h>
#include <nlohmann/json.hpp>

#include "gateway/fetch/retry_after.h"
#include "gateway/record/escape.h"

namespace holdfast::server {
namespace {

using nlohmann::json;

constexpr size_t kMaxMessage = 256;
// What takes more nesting than this is not an answer; the parser recurses.
constexpr size_t kMaxDepth = 32;

bool IsShallow(std::string_view text) {
  size_t depth = 0;
  for (const char c : text) {
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && depth > 0) --depth;
    if (depth > kMaxDepth) return false;
  }
  return true;
}

// int64 of protobuf: a text or a number.
uint64_t Number(const json& value) {
  uint64_t number = 0;
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  if (!value.is_string()) return 0;
  const std::string& text = value.get_ref<const std::string&>();
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

void ReadPartialSuccess(std::string_view body, OtlpVerdict* verdict) {
  if (body.empty() || !IsShallow(body)) return;
  const json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object()) return;
  const auto partial = answer.find("partialSuccess");
  if (partial == answer.end() || !partial->is_object()) return;
  const auto rejected = partial->find("rejectedSpans");
  if (rejected != partial->end()) verdict->rejected = Number(*rejected);
  const auto message = partial->find("errorMessage");
  if (message == partial->end() || !message->is_string()) return;
  const std::string_view text = message->get_ref<const std::string&>();
  record::AppendQuotedText(text.substr(0, kMaxMessage), &verdict->message);
}

}  // namespace

OtlpVerdict JudgeOtlpAnswer(int status, std::string_view retry_after, std::string_view body,
                            pool::WallTime now) {
  OtlpVerdict verdict;
  if (status >= 200 && status < 300) {
    ReadPartialSuccess(body, &verdict);
    return verdict;
  }
  const bool again = status == 429 || status == 502 || status == 503 || status == 504;
  verdict.kind = again ? OtlpVerdict::Kind::kAgain : OtlpVerdict::Kind::kRefused;
  if (again && !retry_after.empty()) verdict.wait = fetch::ParseRetryAfter(retry_after, now);
  return verdict;
}

}  // namespace holdfast::server
