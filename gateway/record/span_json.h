#ifndef HOLDFAST_GATEWAY_RECORD_SPAN_JSON_H_
#define HOLDFAST_GATEWAY_RECORD_SPAN_JSON_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "gateway/record/span.h"

namespace holdfast::record {

// The body of one export request of traces in the JSON of OTLP
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), where ids are hexadecimal and
// numbers of 64 bits are texts. Attributes have the names of the semantic conventions for HTTP
// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/); those of our own begin with
// "holdfast.". A span is a SERVER span called by its method and route.
//
//   SpanJson json("holdfast");
//   json.Add(span);
//   Post(json.Finish());
class SpanJson {
 public:
  explicit SpanJson(std::string_view service_name);
  void Add(const Span& span);
  size_t spans() const { return spans_; }
  // The whole; nothing may be added afterwards.
  std::string Finish();

 private:
  std::string text_;
  size_t spans_ = 0;
};

}  // namespace holdfast::record

#endif  // HOLDFAST_GATEWAY_RECORD_SPAN_JSON_H_
