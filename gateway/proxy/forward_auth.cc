#include "gateway/proxy/forward_auth.h"

#include <algorithm>
#include <array>

#include "gateway/http/hop_headers.h"
#include "gateway/proxy/client_ends.h"
#include "gateway/proxy/field_edits.h"
#include "gateway/proxy/outgoing.h"
#include "gateway/proxy/view.h"

namespace holdfast::proxy {
namespace {

using Verdict = ForwardAuth::Verdict;

// A question is repeated as any other request that is safe to repeat.
constexpr config::RetryPolicy kPolicy;

// What makes an answer depend on what the client has already, and what the gateway, or another
// proxy in its place, says itself: services go by these.
constexpr std::array<std::string_view, 14> kNotAsked = {"if-match",
                                                        "if-none-match",
                                                        "if-modified-since",
                                                        "if-unmodified-since",
                                                        "if-range",
                                                        "range",
                                                        "expect",
                                                        "max-forwards",
                                                        "x-forwarded-method",
                                                        "x-forwarded-uri",
                                                        "x-original-method",
                                                        "x-original-uri",
                                                        "x-original-url",
                                                        "x-rewrite-url"};

bool IsOneOf(std::span<const std::string> names, std::string_view name) {
  return std::ranges::any_of(
      names, [name](const std::string& one) { return http::EqualsIgnoreCase(name, one); });
}

// Without these nobody can read it.
bool SaysWhatBodyIs(std::string_view name) {
  return http::EqualsIgnoreCase(name, "content-type") ||
         http::EqualsIgnoreCase(name, "content-encoding");
}

bool MayBeAsked(std::string_view name) {
  return std::ranges::none_of(
      kNotAsked, [name](std::string_view known) { return http::LooksLikeName(name, known); });
}

}  // namespace

ForwardAuth::ForwardAuth(WorkerContext* context, ForwardAuthEvents* events)
    : events_(events), call_(context, this) {}

Verdict ForwardAuth::Ask(const ExchangeSubject& subject, std::string_view body) {
  rule_ = &*subject.route->forward_auth;
  FillHead(subject, body.size());
  http::DropNamed(rule_->copy_response_headers, &subject.client.stream->request().headers);
  UpstreamCall::Request call;
  call.cluster = &subject.view.cluster(rule_->upstream);
  call.policy = &kPolicy;
  call.head = &head_;
  FillFacts(subject, subject.route->auth_cluster, &call.facts);
  FillIdentity(subject);
  call.facts.identity = identity_;
  call.response_limits = &subject.route->auth_cluster.response_limits;
  call.endpoint_host = subject.route->auth_cluster.endpoint_host;
  if (call.cluster->introduces()) {
    const ExchangeClient& client = subject.client;
    client_ends_ = ClientEnds(client.connection != nullptr ? client.connection->fd() : -1,
                              client.announced, call.facts.origin);
    call.client_ends = &client_ends_;
  }
  verdict_ = Verdict::kPending;
  if (call_.Begin(call, rule_->timeout, body)) Decide();
  return verdict_;
}

// Without one that is too long: whatever the service says, the upstream is not asked then.
void ForwardAuth::FillIdentity(const ExchangeSubject& subject) {
  identity_.clear();
  const config::Listener& listener = subject.view.snapshot().config().listeners[subject.listener];
  if (!listener.client_certificate_headers.has_value()) return;
  if (!TellIdentity(subject.client, listener, &identity_)) identity_.clear();
}

void ForwardAuth::FillHead(const ExchangeSubject& subject, size_t body_bytes) {
  const http::RequestHead& request = subject.request;
  head_.Clear();
  if (body_bytes > 0) {
    head_.method = http::Method::kPost;
    head_.body = http::BodyKind::kLength;
    head_.content_length = body_bytes;
  }
  head_.method_text = http::MethodName(head_.method);
  head_.version = request.version;
  head_.target = head_.path = rule_->path;
  head_.host = request.host;
  head_.authority = request.authority;
  for (const http::HeaderField& field : request.headers.fields()) {
    // Via shows a service that is reached through this gateway that it asks itself.
    const bool wanted = rule_->copy_request_headers.empty() ||
                        IsOneOf(rule_->copy_request_headers, field.name) ||
                        (body_bytes > 0 && SaysWhatBodyIs(field.name)) ||
                        field.id == http::FieldId::kVia || field.id == http::FieldId::kConnection;
    if (!field.dropped && wanted && MayBeAsked(field.name)) head_.headers.Add(field);
  }
  DropTold(&head_.headers);
  CleanFields(subject.client.trusted, subject.listener, subject.view.snapshot(), &head_.headers);
  if (subject.edits != nullptr && subject.edits->correlation() != nullptr) {
    subject.edits->correlation()->TellUpstream(&head_.headers);
  }
  uri_.assign(request.path);
  if (request.has_query) uri_.append("?").append(request.query);
  head_.headers.Add({.name = "X-Forwarded-Method", .value = request.method_text});
  head_.headers.Add({.name = "X-Forwarded-Uri", .value = uri_});
}

// What the service says is nobody else's to say to it, but for what it may be asked to exchange.
void ForwardAuth::DropTold(http::HeaderList* fields) const {
  for (http::HeaderField& field : fields->fields()) {
    if (field.id == http::FieldId::kAuthorization || field.id == http::FieldId::kCookie) continue;
    field.dropped |= std::ranges::any_of(
        rule_->copy_response_headers,
        [&field](const std::string& told) { return http::LooksLikeName(field.name, told); });
  }
}

void ForwardAuth::OnSideCallOver() {
  Decide();
  events_->OnForwardAuthOver();
}

void ForwardAuth::Decide() {
  const int status = call_.head().status;
  if (call_.failure() != Failure::kNone) {
    // An answer that is too long or odd, or breaks off, is one that a client may have brought
    // about.
    verdict_ = call_.unreached() ? Verdict::kUnreached : Verdict::kFailed;
    failure_ = FailureName(call_.failure());
    if (call_.refusal() != http::Refusal::kNone) {
      failure_.append(": ").append(http::RefusalName(call_.refusal()));
    }
  } else if (status >= 200 && status < 300) {
    verdict_ = Verdict::kAdmitted;
  } else if (status < 500 && status != 304) {
    verdict_ = Verdict::kRefused;
  } else {
    verdict_ = IsGatewayError(status) ? Verdict::kUnreached : Verdict::kFailed;
    failure_ = "status " + std::to_string(status);
  }
}

void ForwardAuth::Mark(http::RequestHead* head) const {
  for (const http::HeaderField& field : call_.head().headers.fields()) {
    if (!field.dropped && IsOneOf(rule_->copy_response_headers, field.name)) {
      head->headers.Add(field);
    }
  }
}

void ForwardAuth::FillRefusal(LocalReply* reply) const {
  reply->body = call_.body();
  reply->page = {};
  reply->word = FailureName(Failure::kForwardAuthRefused);
  reply->detail.clear();
  reply->head.Clear();
  reply->head.status = call_.head().status;
  reply->head.reason = ReasonPhrase(reply->head.status);
  reply->head.body = http::BodyKind::kLength;
  reply->head.has_content_length = true;
  reply->head.content_length = reply->body.size();
  for (const http::HeaderField& field : call_.head().headers.fields()) {
    if (!field.dropped && field.id != http::FieldId::kTrailer) reply->head.headers.Add(field);
  }
}

void ForwardAuth::Clear() {
  call_.Clear();
  head_.Clear();
  rule_ = nullptr;
  verdict_ = Verdict::kPending;
  failure_.clear();
}

}  // namespace holdfast::proxy
