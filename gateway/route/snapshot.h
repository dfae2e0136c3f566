#ifndef HOLDFAST_GATEWAY_ROUTE_SNAPSHOT_H_
#define HOLDFAST_GATEWAY_ROUTE_SNAPSHOT_H_

#include <string>
#include <utility>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/route/client_identity.h"
#include "gateway/route/route_table.h"
#include "gateway/tls/tls_plan.h"
#include "pool/tls/keyed_digest.h"

namespace holdfast::route {

// A validated configuration with what is worth computing once for all workers. It is immutable: the
// main thread builds it, every worker reads it, and it goes when the last of them lets go.
class Snapshot {
 public:
  // `tls` is of the same configuration; without it nothing is spoken over TLS.
  // `before` is what it follows, for what goes on (route_table.h); where there is none, `inherited`
  // is the secret of the process before this one, or null. `limiters` as RouteTable has them.
  explicit Snapshot(config::Config config, tls::TlsPlan tls = {}, const Snapshot* before = nullptr,
                    const pool::KeyedDigest::Key* inherited = nullptr,
                    const Limiters* limiters = nullptr)
      : config_(std::move(config)),
        tls_(std::move(tls)),
        routes_(config_, before != nullptr ? &before->routes_ : nullptr, limiters),
        identity_fields_(IdentityFieldsOf(config_)),
        process_key_(before != nullptr      ? before->process_key_
                     : inherited != nullptr ? *inherited
                                            : pool::KeyedDigest::FreshKey()) {}

  const config::Config& config() const { return config_; }
  const tls::TlsPlan& tls() const { return tls_; }
  const RouteTable& routes() const { return routes_; }
  // Names by which any listener tells upstreams who a client is; no client may send them. Without
  // those that http/hop_headers.h removes by itself.
  const std::vector<std::string>& identity_fields() const { return identity_fields_; }
  // A secret of this process and those that take its place, the same after every reload.
  const pool::KeyedDigest::Key& process_key() const { return process_key_; }
  // This gateway's name in Via; empty: it has none.
  std::string_view via_name() const {
    return config_.via.has_value() ? std::string_view(*config_.via) : std::string_view();
  }

 private:
  config::Config config_;
  tls::TlsPlan tls_;
  RouteTable routes_;
  std::vector<std::string> identity_fields_;
  pool::KeyedDigest::Key process_key_;
};

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_SNAPSHOT_H_
