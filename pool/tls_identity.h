#ifndef HOLDFAST_POOL_TLS_IDENTITY_H_
#define HOLDFAST_POOL_TLS_IDENTITY_H_

#include <memory>
#include <utility>

#include "pool/net/check.h"
#include "pool/tls/tls_settings.h"

namespace holdfast::pool {

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
