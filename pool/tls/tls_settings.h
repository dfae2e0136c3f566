#ifndef HOLDFAST_POOL_TLS_TLS_SETTINGS_H_
#define HOLDFAST_POOL_TLS_TLS_SETTINGS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pool/net/clock.h"
#include "pool/net/word_table.h"

// What a listener or an upstream can be told about TLS: plain values, compared whole. The
// configuration fills them in, files' texts included, so that a reload whose files say the same
// changes nothing. Any thread.

namespace holdfast::pool {

// The text of a file and where it came from, which only errors name: two files that say the same
// are equal.
struct TlsFile {
  std::string pem;
  std::string name;

  bool empty() const { return pem.empty(); }
  bool operator==(const TlsFile& other) const { return pem == other.pem; }
  template <class H>
  friend H AbslHashValue(H h, const TlsFile& file) {
    return H::combine(std::move(h), file.pem);
  }
};

enum class TlsVersion : uint8_t { kTls12, kTls13 };
inline constexpr auto kTlsVersionWords =
    Words<TlsVersion>({{"tls1.2", TlsVersion::kTls12}, {"tls1.3", TlsVersion::kTls13}});
constexpr const auto& WordsOf(TlsVersion) { return kTlsVersionWords; }

// Mozilla's "intermediate" of 2026: forward secrecy and authenticated encryption only.
inline constexpr std::string_view kTlsDefaultCiphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

enum class TlsClientAuthMode : uint8_t {
  kRequired,  // without a certificate there is no connection
  kOptional,  // one that is shown has to be good
};
inline constexpr auto kTlsClientAuthModeWords = Words<TlsClientAuthMode>(
    {{"required", TlsClientAuthMode::kRequired}, {"optional", TlsClientAuthMode::kOptional}});
constexpr const auto& WordsOf(TlsClientAuthMode) { return kTlsClientAuthModeWords; }

// Who may be a client.
struct TlsClientAuth {
  TlsClientAuthMode mode = TlsClientAuthMode::kRequired;
  TlsFile authorities;                 // who may vouch for it
  TlsFile revoked;                     // CRLs; empty: none is looked for
  int depth = 4;                       // so many certificates between it and an authority
  std::vector<std::string> allow_san;  // "uri:..." or "dns:...", whole names; empty: any

  bool operator==(const TlsClientAuth&) const = default;
};

struct TlsCertificate {
  TlsFile chain;  // the server's own certificate first
  TlsFile key;
  std::optional<TlsClientAuth> client_auth;  // for its names; nullopt: the listener's

  bool operator==(const TlsCertificate&) const = default;
};

// Session tickets (RFC 5077, RFC 8446 section 4.6.1), and the keys that seal them.
struct TlsTickets {
  // The keys are derived of it, so that all who have the same secret share them, and change them at
  // the same time (TicketKeys::Derived); empty: they are made up at the start.
  TlsFile secret;
  Duration rotate = std::chrono::hours(12);  // so long one key seals

  bool operator==(const TlsTickets&) const = default;
};

// A listener's. The first certificate serves who asks for no name, or for one that nobody has.
struct TlsServerSettings {
  std::string listener;  // its name: sessions of one listener are no other's
  std::vector<TlsCertificate> certificates;
  std::optional<TlsClientAuth> client_auth;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::string ciphers{kTlsDefaultCiphers};  // of both versions, by OpenSSL's names, with colons
  // In order of preference. Those that the library does not know are left out, with a warning.
  std::vector<std::string> groups = {"X25519MLKEM768", "X25519", "P-256", "P-384"};
  std::vector<std::string> protocols;  // ALPN (RFC 7301), in order of preference; empty: not asked
  bool strict_sni = false;             // who asks for no name that we have is refused
  std::optional<TlsTickets> tickets = TlsTickets();       // nullopt: no session is resumed
  Duration handshake_timeout = std::chrono::seconds(10);  // its owner of a connection keeps it

  bool operator==(const TlsServerSettings&) const = default;
};

// How the peer of a TLS connection is checked.
enum class TlsVerify : uint8_t {
  kFull,   // by the authorities, and for the name
  kChain,  // by the authorities, whatever its name is
  kNone,
};

// Everything about TLS that two requests must agree on to use one connection to an upstream: whom
// we ask for, whom we believe, and who we say that we are.
struct TlsSettings {
  // SNI (RFC 6066 section 3), and what is verified. An IP address is verified only.
  std::string server_name;
  TlsFile authorities;                  // who may vouch for the peer; empty: the system's
  std::string authorities_digest;       // of what the system's say, when it is they
  TlsVerify verify = TlsVerify::kFull;  // of the peer
  TlsFile client_certificate;           // with its chain; empty: none is shown
  TlsFile client_key;
  std::vector<std::string> protocols;  // ALPN (RFC 7301), in order of preference
  TlsVersion min_version = TlsVersion::kTls12;

  bool operator==(const TlsSettings&) const = default;
  template <class H>
  friend H AbslHashValue(H h, const TlsSettings& settings) {
    return H::combine(std::move(h), settings.server_name, settings.authorities,
                      settings.authorities_digest, settings.verify, settings.client_certificate,
                      settings.client_key, settings.min_version, settings.protocols);
  }
};

// Everything that decides which clients are let in and what they are told of it, for
// binding sessions to it: equal policies, and only those, have equal texts.
std::string PolicyText(const std::optional<TlsClientAuth>& auth);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_TLS_SETTINGS_H_
