#ifndef HOLDFAST_GATEWAY_RECORD_SPAN_H_
#define HOLDFAST_GATEWAY_RECORD_SPAN_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "gateway/record/exchange_record.h"

namespace holdfast::record {

// A text of at most kBytes, of which the rest is cut off.
template <size_t kBytes>
class CutText {
 public:
  void Set(std::string_view text) {
    size_ = static_cast<uint16_t>(std::min(text.size(), kBytes));
    if (size_ > 0) std::memcpy(bytes_.data(), text.data(), size_);
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  static_assert(kBytes <= UINT16_MAX);
  uint16_t size_ = 0;
  std::array<char, kBytes> bytes_{};
};

// By what a span is found, as digits of hexadecimal (policy/trace_context.h).
struct SpanIds {
  std::string_view trace;   // 32 of them; empty: there is no span
  std::string_view span;    // 16
  std::string_view parent;  // 16, or empty: the trace begins here
};

// What a span tells besides an exchange's record. Views are read within SpanOf only.
struct SpanFacts {
  SpanIds ids;
  std::string_view path;   // as routes see it, without the query, which may hold secrets
  std::string_view host;   // that the client has asked for, without the port
  bool encrypted = false;  // between the client and the gateway
};

// One exchange as a span. It has a fixed size and points nowhere, so that it may go to another
// thread and a queue of them is bounded in bytes. Holds whatever bytes a client has sent.
struct Span {
  CutText<32> trace_id;
  CutText<16> span_id;
  CutText<16> parent_id;
  int64_t start = 0;  // nanoseconds since 1970
  int64_t end = 0;
  int status = 0;        // as ExchangeRecord has it
  uint32_t retries = 0;  // attempts beyond the first
  bool failed = false;
  bool encrypted = false;
  CutText<32> method;
  CutText<1024> path;
  CutText<255> host;
  CutText<64> client;
  CutText<8> version;  // of HTTP: "1.1"
  CutText<256> user_agent;
  CutText<128> listener;
  CutText<128> route;
  CutText<128> upstream;
  CutText<128> endpoint;
  CutText<48> reason;
  CutText<128> request_id;
  CutText<16> grpc_status;
};

Span SpanOf(const ExchangeRecord& record, const SpanFacts& facts);

}  // namespace holdfast::record

#endif  // HOLDFAST_GATEWAY_RECORD_SPAN_H_
