#include "gateway/proxy/tls_transports.h"

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

void TlsTransports::AdoptListeners(const config::Config& config, const tls::TlsPlan& plan,
                                   const std::shared_ptr<const pool::TicketKeys>& keys) {
  Servers servers;
  for (size_t i = 0; i < plan.listeners.size(); ++i) {
    const auto& material = plan.listeners[i];
    if (material == nullptr) continue;
    std::shared_ptr<pool::TlsServerContext>& server = servers[config.listeners[i].name];
    const auto known = servers_.find(config.listeners[i].name);
    if (known != servers_.end() && known->second->material().settings() == material->settings()) {
      server = known->second;
    } else {
      server =
          pool::TlsServerContext::Make(material, material->settings().tickets ? keys : nullptr);
    }
  }
  servers_ = std::move(servers);
}

void TlsTransports::UseTicketKeys(const std::shared_ptr<const pool::TicketKeys>& keys) {
  for (auto& [name, server] : servers_) {
    if (server->material().settings().tickets) server->UseTicketKeys(keys);
  }
}

void TlsTransports::AdoptUpstreams(const config::Config& config, const tls::TlsPlan& plan) {
  Clients clients;
  for (size_t i = 0; i < plan.upstreams.size(); ++i) {
    const auto& material = plan.upstreams[i];
    if (material == nullptr) continue;
    const pool::TlsIdentity& identity = config.upstreams[i].cluster.tls;
    HOLDFAST_CHECK(!identity.plain());
    std::shared_ptr<pool::TlsClientContext>& client = clients[identity];
    if (client != nullptr) continue;
    const auto known = clients_.find(identity);
    client = known != clients_.end() ? known->second : pool::TlsClientContext::Make(material);
  }
  earlier_clients_ = std::exchange(clients_, std::move(clients));
}

std::unique_ptr<pool::Transport> TlsTransports::MakeFor(pool::FileDescriptor& socket,
                                                        const config::Listener& listener) {
  if (!listener.tls.has_value()) return nullptr;
  const auto server = servers_.find(listener.name);
  HOLDFAST_CHECK(server != servers_.end());
  return std::make_unique<pool::TlsTransport>(std::move(socket), server->second);
}

void TlsTransports::OnEstablished(const config::Listener& listener, const char* failure) {
  shard_->CounterFor(Metric::kClientTlsHandshakesTotal, {listener.name, ResultOf(failure)}).Add();
}

void TlsTransports::OnTimeout(const config::Listener& listener) {
  shard_->CounterFor(Metric::kClientTlsHandshakesTotal, {listener.name, kHandshakeTimeout}).Add();
}

std::string_view TlsTransports::PlainAnswer(const char* failure) {
  return failure == kPlainHttp ? std::string_view(plain_answer_) : std::string_view();
}

std::unique_ptr<pool::Transport> TlsTransports::MakeFor(pool::FileDescriptor socket,
                                                        const pool::EndpointKey& key) {
  for (const Clients* clients : {&clients_, &earlier_clients_}) {
    const auto client = clients->find(key.tls);
    if (client == clients->end()) continue;
    return std::make_unique<pool::TlsTransport>(std::move(socket), client->second, key.address);
  }
  return nullptr;
}

void TlsTransports::OnEstablished(const pool::EndpointKey& key, const char* failure) {
  shard_->CounterFor(Metric::kUpstreamTlsHandshakesTotal, {key.upstream, ResultOf(failure)}).Add();
}

}  // namespace holdfast::proxy
