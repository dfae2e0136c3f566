#include "gateway/proxy/exchange_account.h"

#include <algorithm>
#include <array>
#include <span>

#include "gateway/auth/basic_credentials.h"
#include "gateway/config/config.h"
#include "gateway/proxy/access_log.h"
#include "gateway/proxy/field_edits.h"
#include "gateway/proxy/span_queue.h"
#include "gateway/record/span.h"

namespace holdfast::proxy {

using metrics::Metric;
using pool::TimePoint;
using record::ExchangeRecord;

namespace {

const std::string& UpstreamName(const ExchangeSubject& subject) {
  return subject.route->cluster.name;
}

// Empty for what could not be read.
std::string_view ProtocolName(const http::RequestHead& request) {
  if (request.method_text.empty()) return {};
  switch (request.version) {
    case http::Version::kHttp10: return "HTTP/1.0";
    case http::Version::kHttp11: return "HTTP/1.1";
    case http::Version::kHttp2: return "HTTP/2.0";
  }
  HOLDFAST_CHECK(false);
}

// Of what a client has had certified, and so may be as long as it likes.
constexpr size_t kMaxSubjectBytes = 512;
constexpr size_t kMaxNames = 8;
constexpr size_t kMaxNamesBytes = 1024;

void AddSecure(pool::Transport* transport, ExchangeRecord* record) {
  if (transport == nullptr) return;
  const std::optional<pool::SecureFacts> facts = transport->secure();
  if (!facts.has_value()) return;
  record->tls_version = facts->version;
  record->tls_cipher = facts->cipher;
  record->tls_sni = facts->server_name;
  record->tls_alpn = transport->protocol();
  record->tls_resumed = facts->resumed;
  if (!facts->verified) return;
  const pool::PeerIdentity* const identity = transport->identity(/*whole=*/false);
  if (identity == nullptr) return;
  record->client_subject = std::string_view(identity->subject).substr(0, kMaxSubjectBytes);
  const std::span<const std::string> names = identity->names;
  size_t told = 0;
  for (size_t bytes = 0; told < std::min(names.size(), kMaxNames); ++told) {
    bytes += names[told].size();
    if (bytes > kMaxNamesBytes) break;
  }
  record->client_san = names.first(told);
}

// Of a request whose name and password were found to be right.
std::string_view UserOf(const http::RequestHead& request, auth::BasicCredentials* credentials) {
  // The client's only one comes before what the route may have put in its place.
  const http::HeaderField* field = request.headers.Find(http::FieldId::kAuthorization);
  return field != nullptr && credentials->Read(field->value) ? credentials->user()
                                                             : std::string_view();
}

// The ids of its span, if it has one.
record::SpanIds SpanIdsOf(const ExchangeSubject& subject) {
  if (subject.edits == nullptr || subject.edits->correlation() == nullptr) return {};
  return subject.edits->correlation()->span();
}

// As gRPC's own retry policies see it: the service, or the way to it, is at fault.
bool IsFailure(std::optional<grpc::Status> status) {
  if (!status.has_value()) return true;
  switch (*status) {
    case grpc::Status::kUnknown:
    case grpc::Status::kDeadlineExceeded:
    case grpc::Status::kInternal:
    case grpc::Status::kUnavailable:
    case grpc::Status::kDataLoss: return true;
    default: return false;
  }
}

}  // namespace

void ExchangeAccount::NoteLease(const pool::Lease& lease, TimePoint now) {
  if (!connected_at.has_value()) connected_at = now;
  endpoint = lease.address();  // The other family's may have been faster than the one picked.
  had = lease.result();
  open_reason = lease.open_reason();
  close = pool::CloseReason::kNone;
}

std::string_view ExchangeAccount::ConnectionText() const {
  if (!had.has_value()) return {};
  return *had == pool::CheckoutResult::kFresh ? pool::OpenReasonName(open_reason)
                                              : pool::CheckoutResultName(*had);
}

[[gnu::always_inline]] inline void ExchangeAccount::Count(const ExchangeSubject& subject,
                                                          WorkerContext* context) const {
  RouteCells& cells = subject.view.cells(subject.listener, subject.route);
  // Of what could not be read nobody knows the method.
  const http::Method method =
      subject.request.method_text.empty() ? http::Method::kOther : subject.request.method;
  cells.CountRequest(method, ReportedStatus(), source);
  if (first_byte_at.has_value()) cells.first_byte.Observe(*first_byte_at - started);
  cells.duration.Observe(context->loop->now() - started);
  if (failure == Failure::kNone) return;
  cells.FailedFor(FailureName(failure)).Add();
  // The whole time may be over while it is found out who asks.
  if (BlamesUpstream(failure) && upstream_asked) {
    context->shard
        ->CounterFor(Metric::kUpstreamRequestFailuresTotal,
                     {UpstreamName(subject), FailureName(failure)})
        .Add();
  }
}

void ExchangeAccount::CountGrpc(const ExchangeSubject& subject, WorkerContext* context) const {
  const std::string_view route = subject.route != nullptr ? std::string_view(subject.route->name)
                                                          : config::kUnmatchedRouteName;
  context->shard
      ->CounterFor(Metric::kGrpcCallsTotal,
                   {subject.client.listener->config().name, route, GrpcStatusText()})
      .Add();
}

void ExchangeAccount::Write(const ExchangeSubject& subject, WorkerContext* context) const {
  Count(subject, context);
  subject.client.listener->cells().in_flight.Add(-1);
  if (grpc) CountGrpc(subject, context);
  const bool logged =
      context->access_log != nullptr &&
      (subject.route == nullptr || subject.route->access_log == config::RouteLog::kOn);
  if (logged || context->spans != nullptr) Tell(subject, logged, context);
}

void ExchangeAccount::Tell(const ExchangeSubject& subject, bool logged,
                           WorkerContext* context) const {
  record::SpanIds span;
  if (context->spans != nullptr) span = SpanIdsOf(subject);
  if (!logged && span.trace.empty()) return;
  const route::Route* route = subject.route;
  const bool proxied = route != nullptr && route->action == config::Action::kUpstream;
  const http::RequestHead& request = subject.request;
  const http::HeaderField* agent = request.headers.Find(http::FieldId::kUserAgent);
  std::array<char, pool::SocketAddress::kMaxText> endpoint_text;
  const auto since_start = [&](const std::optional<TimePoint>& point) {
    return point.has_value() ? *point - started : pool::Duration{-1};
  };
  const uint64_t sent = subject.client.stream->bytes_sent();
  const int reported = ReportedStatus();
  ExchangeRecord record{
      .time = context->loop->wall_now(),
      .listener = subject.client.listener->config().name,
      .client = subject.client.origin,
      .method = request.method_text,
      .host = request.authority,
      .target = request.target,
      .protocol = ProtocolName(request),
      .user_agent = agent != nullptr ? agent->value : std::string_view(),
      .status = reported,
      .grpc_status = grpc ? GrpcStatusText() : std::string_view(),
      .route = route != nullptr ? std::string_view(route->name) : std::string_view(),
      .upstream = proxied ? std::string_view(UpstreamName(subject)) : std::string_view(),
      .endpoint = connected_at.has_value() || not_reached ? endpoint.FormatTo(endpoint_text)
                                                          : std::string_view(),
      .reused = reused(),
      .connection = ConnectionText(),
      .close =
          close != pool::CloseReason::kNone ? pool::CloseReasonName(close) : std::string_view(),
      .retries = retries,
      .retry = retry.has_value() ? RetryDecisionName(*retry) : std::string_view(),
      .bytes_in = subject.client.stream->bytes_received(),
      .bytes_out = sent,
      .head = subject.client.head_time,
      .connected = since_start(connected_at),
      .first_byte = since_start(first_byte_at),
      .duration = context->loop->now() - started,
      .reason = FailureName(failure),
      .refusal = refusal != http::Refusal::kNone ? http::RefusalName(refusal) : std::string_view(),
      .detail = detail,
      .request_id = request_id,
      .trace_id = trace_id,
      .body_bytes_out = sent - std::min(sent, subject.client.stream->given_head_bytes()),
      .failed = reported == 0 || reported >= 500 || BlamesUpstream(failure) ||
                FailureStatus(failure) >= 500 ||
                (grpc && reported == 200 && IsFailure(grpc_status)),
  };
  if (subject.client.encrypted) AddSecure(subject.client.transport, &record);
  std::optional<auth::BasicCredentials> credentials;  // which `user` is of
  if (logged && context->access_log->combines()) {
    const http::HeaderField* referer = request.headers.FindByName("referer");
    if (referer != nullptr) record.referer = referer->value;
    if (identified) record.user = UserOf(request, &credentials.emplace());
  }
  if (logged) context->access_log->Record(record);
  if (span.trace.empty()) return;
  context->spans->Record(record, {.ids = span,
                                  .path = request.path,
                                  .host = request.host,
                                  .encrypted = subject.client.encrypted});
}

}  // namespace holdfast::proxy
