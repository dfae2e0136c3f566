#ifndef HOLDFAST_POOL_TLS_IDENTITY_H_
#define HOLDFAST_POOL_TLS_IDENTITY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pool/net/check.h"

namespace holdfast::pool {

// How the peer of a TLS connection is checked.
enum class TlsVerify : uint8_t {
  kFull,   // by the authorities, and for the name
  kChain,  // by the authorities, whatever its name is
  kNone,
};

// Everything about TLS that two requests must agree on to use one connection: whom we ask for, whom
// we believe, and who we say that we are. A plain value, compared whole.
struct TlsSettings {
  std::string server_name;              // SNI (RFC 6066 section 3), and what is verified
  std::string authorities;              // who may vouch for the peer: PEM; empty: the system's
  TlsVerify verify = TlsVerify::kFull;  // of the peer
  std::string client_certificate;       // PEM, with its chain; empty: none is shown
  std::string client_key;               // PEM
  std::vector<std::string> protocols;   // ALPN (RFC 7301), in order of preference

  bool operator==(const TlsSettings&) const = default;
  template <class H>
  friend H AbslHashValue(H h, const TlsSettings& settings) {
    return H::combine(std::move(h), settings.server_name, settings.authorities, settings.verify,
                      settings.client_certificate, settings.client_key, settings.protocols);
  }
};

// Settings that never change once they are made, shared by all who name them; plain (no TLS at all)
// by default. Compared by what they say, not by where they are: a reload that says the same keeps
// its connections. Any thread.
class TlsIdentity {
 public:
  TlsIdentity() = default;
  explicit TlsIdentity(TlsSettings settings)
      : settings_(std::make_shared<const TlsSettings>(std::move(settings))) {}

  bool plain() const { return settings_ == nullptr; }
  // Unless plain().
  const TlsSettings& settings() const {
    HOLDFAST_CHECK(!plain());
    return *settings_;
  }

  friend bool operator==(const TlsIdentity& a, const TlsIdentity& b) {
    if (a.settings_ == b.settings_) return true;
    return !a.plain() && !b.plain() && *a.settings_ == *b.settings_;
  }
  template <class H>
  friend H AbslHashValue(H h, const TlsIdentity& identity) {
    h = H::combine(std::move(h), identity.plain());
    return identity.plain() ? std::move(h) : H::combine(std::move(h), *identity.settings_);
  }

 private:
  std::shared_ptr<const TlsSettings> settings_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_IDENTITY_H_
