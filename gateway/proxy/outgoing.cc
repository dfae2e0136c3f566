#include "gateway/proxy/outgoing.h"

#include <cstdint>
#include <vector>

#include "gateway/http/hop_headers.h"
#include "gateway/proxy/client_ends.h"
#include "gateway/proxy/correlation.h"
#include "gateway/route/client_identity.h"
#include "gateway/route/rewrite.h"
#include "pool/net/check.h"

namespace holdfast::proxy {
namespace {

http::FieldId BelievedList(config::ClientIp::From from) {
  switch (from) {
    case config::ClientIp::From::kXForwardedFor: return http::FieldId::kXForwardedFor;
    case config::ClientIp::From::kForwarded: return http::FieldId::kForwarded;
    case config::ClientIp::From::kXRealIp: return http::FieldId::kOther;
  }
  HOLDFAST_CHECK(false);
}

// Whether there may be fields that say who a client is, beside those that are known by their ids.
bool NamesFields(const route::Snapshot& snapshot, const config::Listener& listener) {
  return !snapshot.identity_fields().empty() ||
         listener.client_ip.from == config::ClientIp::From::kXRealIp;
}

// That the client has connected to, as far as it is known.
uint16_t PortOf(const ExchangeClient& client) {
  return client.announced != nullptr ? client.announced->destination.port()
                                     : client.listener->config().bind.address.port();
}

// Takes out the fields that say who a client is, which it may not say itself, whichever listener it
// has come to and by whatever listener they are used.
void DropNamedFields(bool trusted, uint32_t listener, const route::Snapshot& snapshot,
                     http::HeaderList* fields) {
  const std::vector<std::string>& names = snapshot.identity_fields();
  if (!names.empty()) http::DropNamed(names, fields);
  // Where it says who the client is, a client's own is as good as its X-Forwarded-For.
  const config::ClientIp& believed = snapshot.config().listeners[listener].client_ip;
  if (trusted || believed.from != config::ClientIp::From::kXRealIp) return;
  for (http::HeaderField& field : fields->fields()) {
    field.dropped |= http::LooksLikeName(field.name, "x-real-ip");
  }
}

}  // namespace

// In line where every request comes by.
[[gnu::always_inline]] static inline void Fill(const ExchangeSubject& subject,
                                               const route::RouteCluster& cluster,
                                               http::ForwardedFacts* facts) {
  const ExchangeClient& client = subject.client;
  const route::Snapshot& snapshot = subject.view.snapshot();
  facts->client_ip = client.ip;
  if (client.encrypted) facts->scheme = "https";
  facts->trust_client = client.trusted;
  if (client.origin.data() != client.ip.data()) facts->origin = client.origin;
  facts->believed = BelievedList(snapshot.config().listeners[subject.listener].client_ip.from);
  facts->written = cluster.forwarded;
  if (cluster.forwarded.Has(http::ForwardedField::kPort)) facts->port = PortOf(client);
  facts->via_name = snapshot.via_name();
  facts->default_host = cluster.default_host;
  facts->host = cluster.host;
}

void FillFacts(const ExchangeSubject& subject, const route::RouteCluster& cluster,
               http::ForwardedFacts* facts) {
  Fill(subject, cluster, facts);
}

void CleanFields(bool trusted, uint32_t listener, const route::Snapshot& snapshot,
                 http::HeaderList* fields) {
  http::DropHopHeaders(fields);
  DropNamedFields(trusted, listener, snapshot, fields);
  DropCorrelation(snapshot.config().listeners[listener], fields);
}

bool TellIdentity(const ExchangeClient& client, const config::Listener& listener,
                  std::string* lines) {
  const pool::PeerIdentity* identity =
      client.transport != nullptr ? client.transport->identity(/*whole=*/true) : nullptr;
  return route::AppendIdentity(*listener.client_certificate_headers, identity, lines);
}

Failure Outgoing::Prepare(const ExchangeSubject& subject, UpstreamCall::Request* call,
                          std::string_view* detail) {
  const route::Route& route = *subject.route;
  const ExchangeClient& client = subject.client;
  const route::Snapshot& snapshot = subject.view.snapshot();
  http::RequestHead& head = client.stream->request();
  const bool te_trailers = http::DropHopHeaders(&head.headers).te_trailers;
  // Of the same configuration as the route: there may have been a reload since it was chosen.
  const config::Listener& listener = snapshot.config().listeners[subject.listener];
  if (NamesFields(snapshot, listener)) {
    DropNamedFields(client.trusted, subject.listener, snapshot, &head.headers);
  }
  if (listener.client_certificate_headers.has_value() &&
      !TellIdentity(client, listener, &identity_)) {
    return Failure::kClientCertificateTooLarge;
  }
  // OPTIONS * is about no path.
  if (route.rewrite.of_target() && head.path.starts_with('/')) {
    const http::PathDoubt doubt = route::RewriteTarget(route, listener.path, head, &target_);
    if (doubt != http::PathDoubt::kNone) {
      *detail = http::PathDoubtText(doubt);
      return FailureOf(doubt);
    }
  }
  call->cluster = &subject.view.cluster(route.upstream);
  call->policy = &route.retry;
  call->head = &head;
  http::ForwardedFacts& facts = call->facts;
  Fill(subject, route.cluster, &facts);
  facts.te_trailers = te_trailers;
  facts.target = target_;
  facts.identity = identity_;
  call->endpoint_host = route.cluster.endpoint_host;
  call->response_limits = &route.cluster.response_limits;
  call->tie = client.tie;
  cookie_ = subject.view.cookie(route.upstream);
  if (cookie_ != nullptr) {
    returning_ = cookie_->EndpointOf(head.headers);
    if (returning_.has_value()) call->preferred = &*returning_;
  }
  if (call->cluster->introduces()) {
    client_ends_ = ClientEnds(client.connection != nullptr ? client.connection->fd() : -1,
                              client.announced, call->facts.origin);
    call->client_ends = &client_ends_;
  }
  return Failure::kNone;
}

void Outgoing::SetCookie(const pool::SocketAddress& endpoint, bool encrypted,
                         http::ResponseHead* response) {
  if (returning_ == endpoint) return;
  cookie_->WriteSetCookie(endpoint, encrypted, &set_cookie_);
  response->headers.Add({.name = "Set-Cookie", .value = set_cookie_});
}

}  // namespace holdfast::proxy
