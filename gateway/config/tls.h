#ifndef HOLDFAST_GATEWAY_CONFIG_TLS_H_
#define HOLDFAST_GATEWAY_CONFIG_TLS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/net/clock.h"
#include "pool/net/word_table.h"
#include "pool/tls/tls_settings.h"

// What the configuration file says about TLS. It names files; gateway/tls reads them when the
// configuration is taken into use. Plain values, as those of config.h.

namespace holdfast::config {

// Files are named by absolute paths; an empty one is not given.

struct TlsClientAuthFiles {
  pool::TlsClientAuthMode mode = pool::TlsClientAuthMode::kRequired;
  std::string ca;
  std::string crl;
  uint32_t depth = 4;                  // certificates between the client's and an authority's
  std::vector<std::string> allow_san;  // "uri:..." or "dns:..."; empty: any

  bool operator==(const TlsClientAuthFiles&) const = default;
};

struct TlsCertificateFiles {
  std::string cert;
  std::string key;
  std::optional<TlsClientAuthFiles> client_auth;  // for its names; nullopt: the listener's

  bool operator==(const TlsCertificateFiles&) const = default;
};

// Tickets by which clients resume sessions.
enum class TlsTickets : uint8_t { kOn, kOff };
inline constexpr auto kTlsTicketsWords =
    pool::Words<TlsTickets>({{"on", TlsTickets::kOn}, {"off", TlsTickets::kOff}});
constexpr const auto& WordsOf(TlsTickets) { return kTlsTicketsWords; }

struct ListenerTls {
  std::vector<TlsCertificateFiles> certificates;  // 1 to 256; the first is the default
  std::optional<TlsClientAuthFiles> client_auth;
  pool::TlsVersion min_version = pool::TlsVersion::kTls12;
  pool::TlsVersion max_version = pool::TlsVersion::kTls13;
  std::string ciphers{pool::kTlsDefaultCiphers};
  std::vector<std::string> groups;  // empty: the library room's own list
  pool::Duration handshake_timeout = std::chrono::seconds(10);
  bool strict_sni = false;
  TlsTickets session_tickets = TlsTickets::kOn;

  bool operator==(const ListenerTls&) const = default;
};

// What we show to an upstream.
struct TlsOwnCertificate {
  std::string cert;
  std::string key;

  bool operator==(const TlsOwnCertificate&) const = default;
};

// Whether an upstream's certificate is checked.
enum class TlsUpstreamVerify : uint8_t { kFull, kOff };
inline constexpr auto kTlsUpstreamVerifyWords = pool::Words<TlsUpstreamVerify>(
    {{"full", TlsUpstreamVerify::kFull}, {"off", TlsUpstreamVerify::kOff}});
constexpr const auto& WordsOf(TlsUpstreamVerify) { return kTlsUpstreamVerifyWords; }

struct UpstreamTls {
  static constexpr std::string_view kSystemAuthorities = "system";

  std::string ca{kSystemAuthorities};
  std::string server_name;  // empty: the host of the endpoints, which is one then
  TlsUpstreamVerify verify = TlsUpstreamVerify::kFull;
  std::optional<TlsOwnCertificate> certificate;
  pool::TlsVersion min_version = pool::TlsVersion::kTls12;

  bool operator==(const UpstreamTls&) const = default;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_TLS_H_
