#include "gateway/record/span.h"

namespace holdfast::record {
namespace {

// "HTTP/1.1" is 1.1, and "HTTP/2.0" is 2.
std::string_view VersionOf(std::string_view protocol) {
  constexpr std::string_view kPrefix = "HTTP/";
  if (!protocol.starts_with(kPrefix)) return {};
  protocol.remove_prefix(kPrefix.size());
  return protocol == "2.0" ? protocol.substr(0, 1) : protocol;
}

}  // namespace

Span SpanOf(const ExchangeRecord& record, const SpanFacts& facts) {
  Span span;
  span.trace_id.Set(facts.ids.trace);
  span.span_id.Set(facts.ids.span);
  span.parent_id.Set(facts.ids.parent);
  span.end = record.time.time_since_epoch().count();
  span.start = span.end - record.duration.count();
  span.status = record.status;
  span.retries = record.retries;
  span.failed = record.failed;
  span.encrypted = facts.encrypted;
  span.method.Set(record.method);
  span.path.Set(facts.path);
  span.host.Set(facts.host);
  span.client.Set(record.client);
  span.version.Set(VersionOf(record.protocol));
  span.user_agent.Set(record.user_agent);
  span.listener.Set(record.listener);
  span.route.Set(record.route);
  span.upstream.Set(record.upstream);
  span.endpoint.Set(record.endpoint);
  span.reason.Set(record.reason);
  span.request_id.Set(record.request_id);
  span.grpc_status.Set(record.grpc_status);
  return span;
}

}  // namespace holdfast::record
