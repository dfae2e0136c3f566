#include "gateway/record/span_json.h"

#include <algorithm>
#include <utility>

#include "gateway/record/escape.h"

namespace holdfast::record {
namespace {

// As protobuf numbers them (opentelemetry/proto/trace/v1/trace.proto).
constexpr std::string_view kServerKind = "2";
constexpr std::string_view kErrorCode = "2";
// A method that is none of these is _OTHER, so that nobody chooses the names of spans.
constexpr std::string_view kKnownMethods[] = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS",
                                              "PATCH",   "POST",   "PUT", "TRACE"};

bool IsKnown(std::string_view method) {
  return std::ranges::find(kKnownMethods, method) != std::end(kKnownMethods);
}

void AppendText(std::string_view text, std::string* out) {
  out->push_back('"');
  AppendJsonText(text, out);
  out->push_back('"');
}

// The attributes of one span. A text that is empty has none.
class Attributes {
 public:
  explicit Attributes(std::string* out) : out_(out) { out_->append("\"attributes\":["); }
  ~Attributes() { out_->push_back(']'); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  void Add(std::string_view key, std::string_view text) {
    if (text.empty()) return;
    Begin(key, "stringValue");
    AppendText(text, out_);
    out_->append("}}");
  }
  void Add(std::string_view key, int64_t number) {
    Begin(key, "intValue");
    out_->append("\"").append(std::to_string(number)).append("\"}}");
  }

 private:
  void Begin(std::string_view key, std::string_view kind) {
    if (!first_) out_->push_back(',');
    first_ = false;
    out_->append("{\"key\":\"").append(key).append("\",\"value\":{\"").append(kind).append("\":");
  }

  std::string* out_;
  bool first_ = true;
};

void AddRequest(const Span& span, Attributes* attributes) {
  const std::string_view method = span.method.view();
  if (IsKnown(method)) {
    attributes->Add("http.request.method", method);
  } else {
    attributes->Add("http.request.method", std::string_view("_OTHER"));
    attributes->Add("http.request.method_original", method);
  }
  attributes->Add("url.scheme", std::string_view(span.encrypted ? "https" : "http"));
  attributes->Add("url.path", span.path.view());
  attributes->Add("http.route", span.route.view());
  attributes->Add("server.address", span.host.view());
  attributes->Add("client.address", span.client.view());
  attributes->Add("network.protocol.version", span.version.view());
  attributes->Add("user_agent.original", span.user_agent.view());
}

void AddAnswer(const Span& span, Attributes* attributes) {
  if (span.status != 0) attributes->Add("http.response.status_code", span.status);
  if (span.failed) {
    const std::string status = std::to_string(span.status);
    const std::string_view reason = span.reason.view();
    attributes->Add("error.type", span.status >= 500 ? std::string_view(status) : reason);
  }
  attributes->Add("rpc.grpc.status_code", span.grpc_status.view());
  attributes->Add("holdfast.reason", span.reason.view());
  attributes->Add("holdfast.listener", span.listener.view());
  attributes->Add("holdfast.upstream", span.upstream.view());
  attributes->Add("holdfast.endpoint", span.endpoint.view());
  if (!span.upstream.view().empty()) attributes->Add("holdfast.retries", int64_t{span.retries});
  attributes->Add("holdfast.request_id", span.request_id.view());
}

}  // namespace

SpanJson::SpanJson(std::string_view service_name) {
  text_ = "{\"resourceSpans\":[{\"resource\":{";
  Attributes(&text_).Add("service.name", service_name);
  text_.append("},\"scopeSpans\":[{\"scope\":{\"name\":\"holdfast\"},\"spans\":[");
}

void SpanJson::Add(const Span& span) {
  if (spans_++ > 0) text_.push_back(',');
  text_.append("{\"traceId\":");
  AppendText(span.trace_id.view(), &text_);
  text_.append(",\"spanId\":");
  AppendText(span.span_id.view(), &text_);
  if (!span.parent_id.view().empty()) {
    text_.append(",\"parentSpanId\":");
    AppendText(span.parent_id.view(), &text_);
  }
  const std::string_view method = span.method.view();
  std::string name(IsKnown(method) ? method : std::string_view("HTTP"));
  if (!span.route.view().empty()) name.append(" ").append(span.route.view());
  text_.append(",\"name\":");
  AppendText(name, &text_);
  text_.append(",\"kind\":").append(kServerKind);
  text_.append(",\"startTimeUnixNano\":\"").append(std::to_string(span.start));
  text_.append("\",\"endTimeUnixNano\":\"").append(std::to_string(span.end)).append("\",");
  {
    Attributes attributes(&text_);
    AddRequest(span, &attributes);
    AddAnswer(span, &attributes);
  }
  text_.append(",\"status\":{");
  if (span.failed) text_.append("\"code\":").append(kErrorCode);
  text_.append("}}");
}

std::string SpanJson::Finish() {
  text_.append("]}]}]}");
  return std::move(text_);
}

}  // namespace holdfast::record
