#include "gateway/proxy/admission.h"

#include <memory>
#include <optional>
#include <string>

#include "gateway/auth/basic_credentials.h"
#include "gateway/http/cookies.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;
using policy::RateLimitRule;

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

// What a rule asks for; empty when the request has none.
std::string_view NamedKey(const RateLimitRule& rule, const ExchangeSubject& subject) {
  switch (rule.key) {
    case RateLimitRule::Key::kHeader: {
      const http::HeaderField* field = subject.request.headers.FindByName(rule.name);
      return field != nullptr ? field->value : std::string_view();
    }
    case RateLimitRule::Key::kCookie: return http::CookieOf(subject.request.headers, rule.name);
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

}  // namespace

Admission Admit(const ExchangeSubject& subject, WorkerContext* context) {
  const route::Route& route = *subject.route;
  if (route.match.client_certificate && !IsVerified(subject.client)) {
    return {.failure = Failure::kClientCertificateRequired,
            .detail = "This is only for clients that have shown a certificate."};
  }
  if (route.limiter == nullptr) return {};
  const policy::TokenBuckets::Verdict verdict = Take(subject, context->loop->now());
  if (verdict.allowed) return {};
  const bool shadow = route.limiter->rule().shadow;
  context->shard
      ->CounterFor(Metric::kRateLimitedRequestsTotal, {route.name, shadow ? "passed" : "refused"})
      .Add();
  if (shadow) return {};
  return {.failure = Failure::kRateLimited, .detail = {}, .verdict = verdict};
}

auth::Answer AskWhoItIs(const ExchangeSubject& subject, WorkerContext* context,
                        auth::AuthWaiter* waiter) {
  const std::shared_ptr<const auth::PasswordFile>& users = subject.route->basic_auth->users;
  const auto authorization = auth::AuthorizationOf(subject.request.headers);
  if (!authorization.has_value() || users == nullptr || context->auth == nullptr) {
    return auth::Answer::kRefused;
  }
  std::string user;
  return context->auth->Ask(*users, *authorization, waiter, &user);
}

void CountAuth(const route::Route& route, auth::Answer answer, WorkerContext* context) {
  context->shard
      ->CounterFor(Metric::kAuthRequestsTotal, {route.name, auth::kAnswerWords.WordOf(answer)})
      .Add();
}

}  // namespace holdfast::proxy
