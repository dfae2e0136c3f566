#include "gateway/proxy/admission.h"

#include <optional>
#include <string>

#include "gateway/auth/basic_credentials.h"
#include "gateway/http/cookies.h"
#include "gateway/http/hop_headers.h"
#include "pool/net/check.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using policy::RateLimitRule;
using Verdict = Admission::Verdict;

// The client has shown a certificate that is good.
bool IsVerified(const ExchangeClient& client) {
  if (!client.encrypted || client.transport == nullptr) return false;
  const std::optional<pool::SecureFacts> facts = client.transport->secure();
  return facts.has_value() && facts->verified;
}

std::string_view FingerprintOf(const ExchangeClient& client) {
  const pool::PeerIdentity* identity =
      client.transport != nullptr ? client.transport->identity(/*whole=*/false) : nullptr;
  return identity != nullptr ? std::string_view(identity->fingerprint) : std::string_view();
}

// The value of the field of that name; empty when there is none, or beside it another that a reader
// may take for it: of two such, the upstream may read the one that does not count.
std::string_view OneFieldOf(const http::HeaderList& fields, std::string_view name) {
  const http::HeaderField* one = nullptr;
  for (const http::HeaderField& field : fields.fields()) {
    if (field.dropped || !http::LooksLikeName(field.name, name)) continue;
    if (one != nullptr) return {};
    one = &field;
  }
  return one != nullptr && http::EqualsIgnoreCase(one->name, name) ? one->value
                                                                   : std::string_view();
}

// What a rule asks for; empty when the request has none, or several.
std::string_view NamedKey(const RateLimitRule& rule, const ExchangeSubject& subject) {
  switch (rule.key) {
    case RateLimitRule::Key::kHeader: return OneFieldOf(subject.request.headers, rule.name);
    case RateLimitRule::Key::kCookie: return http::OneCookieOf(subject.request.headers, rule.name);
    case RateLimitRule::Key::kClientCertificate: return FingerprintOf(subject.client);
    case RateLimitRule::Key::kClient:
    case RateLimitRule::Key::kGlobal: break;
  }
  return {};
}

policy::TokenBuckets::Verdict Take(const ExchangeSubject& subject, pool::TimePoint now) {
  policy::RateLimiter& limiter = *subject.route->limiter;
  if (limiter.rule().key == RateLimitRule::Key::kGlobal) return limiter.Take("all", now);
  // Whoever leaves out what is counted by is counted by its address.
  const std::string_view named = NamedKey(limiter.rule(), subject);
  if (!named.empty()) return limiter.Take(named, now);
  policy::ClientKeyBytes bytes;
  return limiter.Take(policy::ClientKey(subject.client.origin, &bytes), now);
}

// The service is to see the request's body, and there may be one.
bool GetsBody(const ExchangeSubject& subject) {
  return subject.route->forward_auth->body.has_value() &&
         subject.request.body != http::BodyKind::kNone;
}

Failure RefusalOf(auth::TokenAnswer answer) {
  switch (answer) {
    case auth::TokenAnswer::kAdmitted: return Failure::kNone;
    case auth::TokenAnswer::kMissing: return Failure::kJwtMissing;
    case auth::TokenAnswer::kInvalid: return Failure::kJwtInvalid;
    case auth::TokenAnswer::kExpired: return Failure::kJwtExpired;
    case auth::TokenAnswer::kKeysUnavailable: return Failure::kJwtKeysUnavailable;
  }
  HOLDFAST_CHECK(false);
}

}  // namespace

Admission::Admission(WorkerContext* context, AdmissionEvents* events)
    : context_(context), events_(events) {}

Verdict Admission::Ask(const ExchangeSubject& subject) {
  route_ = subject.route;
  if (route_->match.client_certificate && !IsVerified(subject.client)) {
    return Refuse(Failure::kClientCertificateRequired);
  }
  if (route_->limiter != nullptr && !WithinRate(subject)) return Refuse(Failure::kRateLimited);
  if (route_->basic_auth.has_value()) return AskForPassword(subject);
  if (route_->jwt.has_value()) return CheckToken(subject);
  if (route_->forward_auth.has_value()) {
    if (GetsBody(subject)) return Conclude(Verdict::kAwaitsBody);
    return AskService(subject, {});
  }
  return AskForPlace();
}

Verdict Admission::AskForPlace() {
  if (route_->in_flight == nullptr) return Conclude(Verdict::kAdmitted);
  switch (place_.Ask(*route_)) {
    case InFlightPlace::Verdict::kHeld: return Conclude(Verdict::kAdmitted);
    case InFlightPlace::Verdict::kPending: return Conclude(Verdict::kPending);
    case InFlightPlace::Verdict::kFull: return Refuse(Failure::kInFlightFull);
  }
  HOLDFAST_CHECK(false);
}

void Admission::OnPlaceHad() {
  Conclude(Verdict::kAdmitted);
  events_->OnAdmissionKnown();
}

Verdict Admission::OnWake() {
  place_.GiveUp();
  return Refuse(Failure::kInFlightTimeout);
}

bool Admission::WithinRate(const ExchangeSubject& subject) {
  rate_ = Take(subject, context_->loop->now());
  if (rate_.allowed) return true;
  const bool shadow = route_->limiter->rule().shadow;
  context_->shard
      ->CounterFor(Metric::kRateLimitedRequestsTotal, {route_->name, shadow ? "passed" : "refused"})
      .Add();
  return shadow;
}

Verdict Admission::Conclude(Verdict verdict) {
  verdict_ = verdict;
  return verdict;
}

Verdict Admission::Refuse(Failure failure) {
  failure_ = failure;
  return Conclude(Verdict::kRefused);
}

void Admission::Count(std::string_view answer) const {
  context_->shard->CounterFor(Metric::kAuthRequestsTotal, {route_->name, answer}).Add();
}

Verdict Admission::AskForPassword(const ExchangeSubject& subject) {
  const std::shared_ptr<const auth::PasswordFile>& users = route_->basic_auth->users;
  const auto authorization = auth::AuthorizationOf(subject.request.headers);
  if (!authorization.has_value() || users == nullptr || context_->auth == nullptr) {
    return FollowPassword(auth::Answer::kRefused);
  }
  std::string user;
  return FollowPassword(context_->auth->Ask(*users, *authorization, this, &user));
}

void Admission::OnAuthAnswer(auth::Answer answer) {
  FollowPassword(answer);
  events_->OnAdmissionKnown();
}

Verdict Admission::FollowPassword(auth::Answer answer) {
  if (answer == auth::Answer::kPending) return Conclude(Verdict::kPending);
  Count(auth::kAnswerWords.WordOf(answer));
  if (answer == auth::Answer::kAdmitted) return AskForPlace();
  return Refuse(answer == auth::Answer::kOverloaded ? Failure::kAuthOverloaded
                                                    : Failure::kUnauthorized);
}

Verdict Admission::CheckToken(const ExchangeSubject& subject) {
  http::HeaderList& fields = subject.client.stream->request().headers;
  auth::DropClaims(*route_->jwt, &fields);
  if (context_->tokens == nullptr) {
    context_->tokens = std::make_unique<auth::BearerAuth>(context_->want_keys);
  }
  auth::TokenFault fault = auth::TokenFault::kNone;
  const auth::TokenAnswer answer =
      context_->tokens->Ask(*route_->jwt, fields, context_->loop->wall_now(), &token_, &fault);
  Count(auth::kTokenAnswerWords.WordOf(answer));
  if (answer == auth::TokenAnswer::kAdmitted) return AskForPlace();
  // Not for FillReply.
  if (answer == auth::TokenAnswer::kInvalid) detail_ = auth::kTokenFaultWords.WordOf(fault);
  return Refuse(RefusalOf(answer));
}

Verdict Admission::AskWithBody(const ExchangeSubject& subject, std::string_view body) {
  HOLDFAST_CHECK(verdict_ == Verdict::kAwaitsBody);
  return AskService(subject, body);
}

// Where others fill the room a client could otherwise get in unasked, so that `fail` does not
// count.
Verdict Admission::RefuseUnasked() {
  HOLDFAST_CHECK(verdict_ == Verdict::kAwaitsBody);
  Count("failed");
  detail_ = "no room for the request's body";
  return Refuse(Failure::kForwardAuthFailed);
}

Verdict Admission::AskService(const ExchangeSubject& subject, std::string_view body) {
  if (service_ == nullptr)
    service_ = std::make_unique<ForwardAuth>(context_, static_cast<ForwardAuthEvents*>(this));
  service_->Ask(subject, body);
  return FollowService();
}

void Admission::OnForwardAuthOver() {
  FollowService();
  events_->OnAdmissionKnown();
}

Verdict Admission::FollowService() {
  switch (service_->verdict()) {
    case ForwardAuth::Verdict::kPending: return Conclude(Verdict::kPending);
    case ForwardAuth::Verdict::kAdmitted: Count("admitted"); return AskForPlace();
    case ForwardAuth::Verdict::kRefused:
      Count("refused");
      return Refuse(Failure::kForwardAuthRefused);
    case ForwardAuth::Verdict::kUnreached:
      if (route_->forward_auth->fail == config::FailMode::kClosed) break;
      Count("unasked");
      detail_ = "unasked: " + service_->failure();
      return AskForPlace();
    case ForwardAuth::Verdict::kFailed: break;
  }
  Count("failed");
  detail_ = service_->failure();
  return Refuse(Failure::kForwardAuthFailed);
}

void Admission::Mark(http::RequestHead* head) const {
  if (token_ != nullptr) auth::WriteClaims(*route_->jwt, *token_, &head->headers);
  if (!route_->forward_auth.has_value()) return;
  if (service_->verdict() == ForwardAuth::Verdict::kAdmitted) service_->Mark(head);
}

void Admission::FillReply(LocalReply* reply) const {
  switch (failure_) {
    case Failure::kRateLimited: return FillRateLimitReply(*route_, rate_, reply);
    case Failure::kUnauthorized: return FillUnauthorizedReply(*route_->basic_auth, reply);
    case Failure::kForwardAuthRefused: return service_->FillRefusal(reply);
    case Failure::kClientCertificateRequired:
      return FillErrorReply(failure_, "This is only for clients that have shown a certificate.",
                            reply);
    case Failure::kAuthOverloaded:
      return FillErrorReply(failure_, "Too many passwords are to be checked.", reply);
    case Failure::kInFlightFull:
      return FillErrorReply(failure_, "Too many requests are under way, and too many wait.", reply);
    case Failure::kInFlightTimeout:
      return FillErrorReply(failure_, "Too many requests are under way; none ended in time.",
                            reply);
    case Failure::kForwardAuthFailed:
      return FillErrorReply(failure_, "The service that is asked gave no answer: " + detail_,
                            reply);
    default: return FillErrorReply(failure_, {}, reply);
  }
}

void Admission::Clear() {
  if (waiting()) CancelWait();
  if (service_ != nullptr) service_->Clear();
  place_.GiveBack();
  route_ = nullptr;
  failure_ = Failure::kNone;
  detail_.clear();
  token_.reset();
}

void DropClaims(const route::Route& route, http::HeaderList* trailers) {
  if (route.jwt.has_value()) auth::DropClaims(*route.jwt, trailers);
  if (!route.forward_auth.has_value()) return;
  http::DropNamed(route.forward_auth->copy_response_headers, trailers);
}

}  // namespace holdfast::proxy
