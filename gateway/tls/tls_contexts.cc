#include "gateway/tls/tls_contexts.h"

#include "pool/net/check.h"

namespace holdfast::tls {

TlsContexts MakeContexts(const config::Config& config, const TlsPlan& plan,
                         const TicketKeySets& keys, const TlsContexts& before) {
  TlsContexts contexts;
  for (size_t i = 0; i < plan.listeners.size(); ++i) {
    const auto& material = plan.listeners[i];
    if (material == nullptr) continue;
    const std::string& name = config.listeners[i].name;
    const auto known = before.servers.find(name);
    if (known != before.servers.end() &&
        known->second->material().settings() == material->settings()) {
      contexts.servers[name] = known->second;
      continue;
    }
    const auto own = keys.find(name);
    HOLDFAST_CHECK(own != keys.end() || !material->settings().tickets.has_value());
    contexts.servers[name] =
        pool::TlsServerContext::Make(material, own != keys.end() ? own->second : nullptr);
  }
  for (const auto& material : plan.upstreams) {
    if (material == nullptr) continue;
    const pool::TlsIdentity identity(material->settings());
    std::shared_ptr<pool::TlsClientContext>& client = contexts.clients[identity];
    if (client != nullptr) continue;
    const auto known = before.clients.find(identity);
    client = known != before.clients.end() ? known->second : pool::TlsClientContext::Make(material);
  }
  return contexts;
}

}  // namespace holdfast::tls
