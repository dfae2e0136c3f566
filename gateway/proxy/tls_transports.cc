#include "gateway/proxy/tls_transports.h"

#include <optional>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/proxy/local_reply.h"
#include "pool/net/check.h"
#include "pool/tls/tls_transport.h"

namespace holdfast::proxy {

using metrics::Metric;

namespace {

std::string_view ResultOf(const char* failure) {
  return failure == nullptr ? std::string_view("ok") : std::string_view(failure);
}

constexpr std::string_view kHandshakeTimeout =
    pool::kTlsFailureWords.WordOf(pool::TlsFailure::kHandshakeTimeout);
constexpr std::string_view kPlainHttp = pool::kTlsFailureWords.WordOf(pool::TlsFailure::kPlainHttp);

// A client that speaks plain HTTP where TLS is spoken is told so in its own tongue.
std::string MakePlainAnswer() {
  const std::string body =
      ErrorBody(400, kPlainHttp, "This port speaks HTTPS; the request is plain HTTP.");
  return absl::StrCat(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ",
      body.size(), "\r\nConnection: close\r\n\r\n", body);
}

}  // namespace

TlsTransports::TlsTransports(metrics::Shard* shard)
    : shard_(shard), plain_answer_(MakePlainAnswer()) {}

void TlsTransports::Adopt(tls::TlsContexts contexts) {
  earlier_clients_ = std::move(contexts_.clients);
  contexts_ = std::move(contexts);
  if (challenges_ == nullptr) return;
  for (auto& [name, server] : contexts_.servers) server->UseChallenges(challenges_);
}

void TlsTransports::UseTicketKeys(const tls::TicketKeySets& keys) {
  for (auto& [name, server] : contexts_.servers) {
    const auto own = keys.find(name);
    if (own == keys.end() || !server->material().settings().tickets.has_value()) continue;
    server->UseTicketKeys(own->second);
  }
}

void TlsTransports::UseChallenges(std::shared_ptr<const pool::ChallengeCertificates> challenges) {
  if (challenges == challenges_) return;
  challenges_ = std::move(challenges);
  for (auto& [name, server] : contexts_.servers) server->UseChallenges(challenges_);
}

std::unique_ptr<pool::Transport> TlsTransports::MakeFor(pool::FileDescriptor& socket,
                                                        const config::Listener& listener) {
  if (!listener.tls.has_value()) return nullptr;
  const auto server = contexts_.servers.find(listener.name);
  HOLDFAST_CHECK(server != contexts_.servers.end());
  return std::make_unique<pool::TlsTransport>(std::move(socket), server->second);
}

const TlsTransports::Counts TlsTransports::kOfClients{
    .results = Metric::kClientTlsHandshakesTotal,
    .sessions = Metric::kClientTlsSessionsTotal,
    .seconds = Metric::kClientTlsHandshakeSeconds,
};
const TlsTransports::Counts TlsTransports::kOfUpstreams{
    .results = Metric::kUpstreamTlsHandshakesTotal,
    .sessions = Metric::kUpstreamTlsSessionsTotal,
    .seconds = Metric::kUpstreamTlsHandshakeSeconds,
};

void TlsTransports::Count(const Counts& counts, std::string_view whose,
                          const pool::Handshake& handshake) {
  shard_->CounterFor(counts.results, {whose, ResultOf(handshake.failure)}).Add();
  if (handshake.transport == nullptr) return;
  const std::optional<pool::SecureFacts> facts = handshake.transport->secure();
  if (!facts.has_value()) return;
  shard_->CounterFor(counts.sessions, {whose, facts->version, facts->resumed ? "resumed" : "new"})
      .Add();
  shard_->HistogramFor(counts.seconds, {whose}).Observe(handshake.took);
}

void TlsTransports::OnEstablished(const config::Listener& listener,
                                  const pool::Handshake& handshake) {
  Count(kOfClients, listener.name, handshake);
}

void TlsTransports::OnTimeout(const config::Listener& listener) {
  shard_->CounterFor(Metric::kClientTlsHandshakesTotal, {listener.name, kHandshakeTimeout}).Add();
}

std::string_view TlsTransports::PlainAnswer(const char* failure) {
  return failure == kPlainHttp ? std::string_view(plain_answer_) : std::string_view();
}

std::unique_ptr<pool::Transport> TlsTransports::MakeFor(pool::FileDescriptor socket,
                                                        const pool::EndpointKey& key) {
  for (const auto* clients : {&contexts_.clients, &earlier_clients_}) {
    const auto client = clients->find(key.tls);
    if (client == clients->end()) continue;
    return std::make_unique<pool::TlsTransport>(std::move(socket), client->second, key.address);
  }
  return nullptr;
}

void TlsTransports::OnEstablished(const pool::EndpointKey& key, const pool::Handshake& handshake) {
  Count(kOfUpstreams, key.upstream, handshake);
}

}  // namespace holdfast::proxy
