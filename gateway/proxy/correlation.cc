#include "gateway/proxy/correlation.h"

namespace holdfast::proxy {
namespace {

constexpr std::string_view kTraceFields[] = {policy::kTraceparent, policy::kTracestate};

// In every spelling that a reader may take for the name.
void Drop(std::string_view name, http::HeaderList* fields) {
  for (http::HeaderField& field : fields->fields()) {
    field.dropped |= http::LooksLikeName(field.name, name);
  }
}

}  // namespace

void Correlation::Take(http::HeaderList* fields) {
  if (ids_ != nullptr) {
    if (ids_->mode == config::RequestIdMode::kKeep) {
      // Of several the first one stands for all; whoever is behind shall not choose another. Routes
      // see what is kept.
      const http::HeaderField* sent = fields->FindByName(ids_->header);
      if (sent != nullptr && policy::IsRequestId(sent->value)) request_id_ = sent->value;
    }
    if (request_id_.empty()) Drop(ids_->header, fields);
    account_->request_id = request_id();
  }
  if (trace_ != nullptr) TakeTrace(fields);
}

// https://www.w3.org/TR/trace-context/ sections 3.2.4 and 4.2: what is malformed, or there more
// than once, is none, and then tracestate is of no use. Nor is one that is malformed or too long.
void Correlation::TakeTrace(http::HeaderList* fields) {
  std::string_view trace_id;
  int found = 0;
  size_t state_bytes = 0;
  int state_members = 0;
  bool state_good = true;
  for (http::HeaderField& field : fields->fields()) {
    if (field.dropped) continue;
    if (http::EqualsIgnoreCase(field.name, policy::kTraceparent)) {
      ++found;
      traceparent_ = field.value;
      trace_id = policy::TraceIdOf(field.value);
    } else if (http::EqualsIgnoreCase(field.name, policy::kTracestate)) {
      state_bytes += field.value.size();
      state_good = state_good && state_bytes <= policy::kMaxTracestateBytes &&
                   policy::IsTracestate(field.value, &state_members);
    }
  }
  if (!state_good || state_members > policy::kMaxTracestateMembers) {
    Drop(policy::kTracestate, fields);
  }
  if (found != 1 || trace_id.empty()) {
    traceparent_ = {};
    trace_id = {};
    Drop(policy::kTraceparent, fields);
    Drop(policy::kTracestate, fields);
    if (trace_->sample.has_value()) {
      const bool sampled = context_->request_ids->Chance(*trace_->sample);
      made_traceparent_ = policy::StartTrace(sampled, context_->request_ids.get());
      traceparent_ = {made_traceparent_.data(), made_traceparent_.size()};
      trace_id = policy::TraceIdOf(traceparent_);
    }
  }
  account_->trace_id = trace_id;
  has_span_ = context_->spans != nullptr && !trace_id.empty() && policy::IsSampled(traceparent_);
  parent_id_ = {};
  if (!has_span_) return;
  // What was begun here names the span already; what a client has sent names its own.
  if (traceparent_.data() == made_traceparent_.data()) return;
  parent_id_ = policy::ParentIdOf(traceparent_);
  made_traceparent_ = policy::ContinueTrace(traceparent_, context_->request_ids.get());
  traceparent_ = {made_traceparent_.data(), made_traceparent_.size()};
}

record::SpanIds Correlation::span() const {
  if (traceparent_.empty() || !has_span_) return {};
  return {.trace = policy::TraceIdOf(traceparent_),
          .span = policy::ParentIdOf(traceparent_),
          .parent = parent_id_};
}

void Correlation::TellUpstream(http::HeaderList* fields) {
  if (ids_ != nullptr) {
    Drop(ids_->header, fields);
    fields->Add({.name = ids_->header, .value = request_id()});
  }
  if (traceparent_.empty()) return;
  Drop(policy::kTraceparent, fields);
  fields->Add({.name = policy::kTraceparent, .value = traceparent_});
}

void Correlation::TellClient(http::HeaderList* fields) {
  if (ids_ == nullptr) return;
  Drop(ids_->header, fields);
  fields->Add({.name = ids_->header, .value = request_id()});
}

std::string_view Correlation::request_id() {
  if (request_id_.empty()) {
    made_id_ = context_->request_ids->MakeUuid(context_->loop->wall_now());
    request_id_ = {made_id_.data(), made_id_.size()};
    account_->request_id = request_id_;
  }
  return request_id_;
}

void Correlation::DropFrom(http::HeaderList* fields) const {
  if (ids_ != nullptr) Drop(ids_->header, fields);
}

void DropCorrelation(const config::Listener& listener, http::HeaderList* trailers) {
  if (listener.request_id.has_value()) Drop(listener.request_id->header, trailers);
  if (!listener.trace.has_value()) return;
  for (const std::string_view name : kTraceFields) Drop(name, trailers);
}

}  // namespace holdfast::proxy
