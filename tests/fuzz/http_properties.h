#ifndef HOLDFAST_TESTS_FUZZ_HTTP_PROPERTIES_H_
#define HOLDFAST_TESTS_FUZZ_HTTP_PROPERTIES_H_

#include <string_view>

#include "gateway/http/parser.h"

namespace holdfast::fuzz {

// Limits small enough for an input to reach them.
inline constexpr http::HeadLimits kInputLimits{.head_bytes = 512, .fields = 12, .uri_bytes = 64};
// What the gateway writes may be larger than what it read.
inline constexpr http::HeadLimits kOutputLimits{.head_bytes = 8192, .fields = 32, .uri_bytes = 512};

// Takes empty lines off `bytes` whole and byte by byte; the answers have to be the same, and are
// given.
http::EmptyLineSkipper::Result SkipEveryWay(std::string_view bytes);

// Scans `bytes` whole, and again as they arrive in two pieces and byte by byte; as above.
http::HeadScanner::Result ScanEveryWay(std::string_view bytes);

// Our own checks are the stricter ones, so that the parser behind them has nothing to reject.
void CheckRejection(http::Refusal refusal);

// The fields are in order, inside `bytes`, and made of the bytes they may have.
void CheckFields(const http::HeaderList& headers, std::string_view bytes);

// The fields that go on without the gateway looking at them are the same in both, in order.
void CheckSamePlainFields(const http::HeaderList& before, const http::HeaderList& after);

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_HTTP_PROPERTIES_H_
