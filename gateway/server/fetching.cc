#include "gateway/server/fetching.h"

#include <utility>

#include "gateway/fetch/client.h"
#include "pool/dns/cares_resolver.h"

namespace holdfast::server {

Connect ConnectFrom(MainContext* main) {
  return [main](const config::Dns& dns, pool::TlsFile authorities) {
    auto resolver = std::make_unique<pool::CaresResolver>(
        &main->loop, pool::CaresOptions{.servers = dns.servers,
                                        .timeout = dns.timeout,
                                        .attempts = static_cast<int>(dns.attempts),
                                        .on_trouble = nullptr});
    return std::make_unique<fetch::Client>(&main->loop, &main->slabs, std::move(resolver),
                                           std::move(authorities));
  };
}

}  // namespace holdfast::server
