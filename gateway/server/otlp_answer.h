#ifndef HOLDFAST_GATEWAY_SERVER_OTLP_ANSWER_H_
#define HOLDFAST_GATEWAY_SERVER_OTLP_ANSWER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pool/net/clock.h"

namespace holdfast::server {

// What a collector's answer means for the spans of the request
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response).
struct OtlpVerdict {
  enum class Kind : uint8_t {
    kTaken,    // but for `rejected` of them
    kAgain,    // not now; maybe later
    kRefused,  // never
  };
  Kind kind = Kind::kTaken;
  uint64_t rejected = 0;
  std::optional<pool::Duration> wait;  // that the collector asks for, with kAgain
  std::string message;                 // the collector's, where it rejects some; one line, bounded
};

// `retry_after` and `body` are the collector's and may be anything. An answer that says that the
// spans were taken counts, whatever else is in it. Pure.
OtlpVerdict JudgeOtlpAnswer(int status, std::string_view retry_after, std::string_view body,
                            pool::WallTime now);

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_OTLP_ANSWER_H_
