#ifndef HOLDFAST_POOL_TLS_IDENTITY_H_
#define HOLDFAST_POOL_TLS_IDENTITY_H_

#include <cstddef>
#include <memory>
#include <utility>

#include <absl/hash/hash.h>

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
      : made_(std::make_shared<const Made>(std::move(settings))) {}

  bool plain() const { return made_ == nullptr; }
  // Unless plain().
  const TlsSettings& settings() const {
    HOLDFAST_CHECK(!plain());
    return made_->settings;
  }

  friend bool operator==(const TlsIdentity& a, const TlsIdentity& b) {
    if (a.made_ == b.made_) return true;
    return !a.plain() && !b.plain() && a.made_->hash == b.made_->hash &&
           a.made_->settings == b.made_->settings;
  }
  template <class H>
  friend H AbslHashValue(H h, const TlsIdentity& identity) {
    return H::combine(std::move(h), identity.plain() ? 0 : identity.made_->hash);
  }

 private:
  // Files can be long; looking a connection up does not read them again.
  struct Made {
    explicit Made(TlsSettings what)
        : settings(std::move(what)), hash(absl::Hash<TlsSettings>()(settings)) {}

    TlsSettings settings;
    size_t hash;
  };

  std::shared_ptr<const Made> made_;
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_IDENTITY_H_
