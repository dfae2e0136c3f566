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
struct TlsTicketFiles {
  std::string keys;  // the secret that all who share tickets have; empty: this process's own
  pool::Duration rotate = std::chrono::hours(12);

  bool operator==(const TlsTicketFiles&) const = default;
};

// What can be agreed on by ALPN.
enum class TlsProtocol : uint8_t { kHttp11, kHttp10 };
inline constexpr auto kTlsProtocolWords = pool::Words<TlsProtocol>(
    {{"http/1.1", TlsProtocol::kHttp11}, {"http/1.0", TlsProtocol::kHttp10}});
constexpr const auto& WordsOf(TlsProtocol) { return kTlsProtocolWords; }

// How it is proved that we answer for a name (RFC 8555 section 8.3, RFC 8737).
enum class AcmeChallenge : uint8_t {
  kHttp01,     // at port 80, by any listener in clear
  kTlsAlpn01,  // at port 443, by any listener with TLS
};
inline constexpr auto kAcmeChallengeWords = pool::Words<AcmeChallenge>(
    {{"http-01", AcmeChallenge::kHttp01}, {"tls-alpn-01", AcmeChallenge::kTlsAlpn01}});
constexpr const auto& WordsOf(AcmeChallenge) { return kAcmeChallengeWords; }

// Certificates that the gateway orders by itself (RFC 8555), one for each name.
struct ListenerAcme {
  static constexpr std::string_view kSystemAuthorities = "system";

  std::string directory = "https://acme-v02.api.letsencrypt.org/directory";
  std::string email;               // empty: the authority has no way to reach anybody
  std::vector<std::string> names;  // 1 to kMaxAcmeNames, in lower case; no wildcards
  std::string storage;             // a folder
  AcmeChallenge challenge = AcmeChallenge::kHttp01;
  std::string ca{kSystemAuthorities};  // who may vouch for the directory's server
  bool from_routes = false;            // `names` were found there
  // Of those, the names that certificates in files are for, which are not ordered: known once the
  // files have been read (tls::LoadTls).
  std::vector<std::string> covered;

  bool operator==(const ListenerAcme&) const = default;
};
inline constexpr size_t kMaxAcmeNames = 100;

struct ListenerTls {
  // At most 256, none only with `acme`; the first is the default.
  std::vector<TlsCertificateFiles> certificates;
  std::optional<ListenerAcme> acme;  // nullopt: what is in files is all
  std::optional<TlsClientAuthFiles> client_auth;
  pool::TlsVersion min_version = pool::TlsVersion::kTls12;
  pool::TlsVersion max_version = pool::TlsVersion::kTls13;
  std::string ciphers{pool::kTlsDefaultCiphers};
  std::vector<std::string> groups;  // empty: the library room's own list
  pool::Duration handshake_timeout = std::chrono::seconds(10);
  bool strict_sni = false;
  // Some clients of HTTP/1.0 offer that alone. Empty: not agreed on.
  std::vector<TlsProtocol> alpn = {TlsProtocol::kHttp11, TlsProtocol::kHttp10};
  std::optional<TlsTicketFiles> session_tickets = TlsTicketFiles();  // nullopt: none

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
  std::vector<TlsProtocol> alpn = {TlsProtocol::kHttp11};  // empty: not offered
  pool::TlsVersion min_version = pool::TlsVersion::kTls12;

  bool operator==(const UpstreamTls&) const = default;
};

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_TLS_H_
