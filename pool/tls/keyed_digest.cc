#include "pool/tls/keyed_digest.h"

#include <cstddef>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "pool/net/check.h"
#include "pool/tls/context_setup.h"
#include "pool/tls/openssl_ptr.h"

namespace holdfast::pool {
namespace {

using MacPtr = OpenSslPtr<EVP_MAC, &EVP_MAC_free>;
using MacContextPtr = OpenSslPtr<EVP_MAC_CTX, &EVP_MAC_CTX_free>;

void Update(EVP_MAC_CTX* context, const void* bytes, size_t size) {
  HOLDFAST_CHECK(EVP_MAC_update(context, static_cast<const unsigned char*>(bytes), size) == 1);
}

}  // namespace

KeyedDigest::Key KeyedDigest::FreshKey() {
  InitLibrary();
  Key key;
  HOLDFAST_CHECK(RAND_bytes(key.data(), static_cast<int>(key.size())) == 1);
  return key;
}

KeyedDigest::KeyedDigest(const Key& key) {
  InitLibrary();
  const MacPtr mac(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr));
  HOLDFAST_CHECK(mac != nullptr);
  keyed_.reset(EVP_MAC_CTX_new(mac.get()), EVP_MAC_CTX_free);
  HOLDFAST_CHECK(keyed_ != nullptr);
  char digest[] = OSSL_DIGEST_NAME_SHA2_256;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  HOLDFAST_CHECK(EVP_MAC_init(keyed_.get(), key.data(), key.size(), parameters) == 1);
}

KeyedDigest::Value KeyedDigest::Of(std::initializer_list<std::string_view> texts) const {
  const MacContextPtr context(EVP_MAC_CTX_dup(keyed_.get()));
  HOLDFAST_CHECK(context != nullptr);
  for (const std::string_view text : texts) {
    std::array<uint8_t, 8> length;
    uint64_t left = text.size();
    for (uint8_t& byte : length) {
      byte = static_cast<uint8_t>(left);
      left >>= 8;
    }
    Update(context.get(), length.data(), length.size());
    Update(context.get(), text.data(), text.size());
  }
  Value value;
  size_t size = 0;
  HOLDFAST_CHECK(EVP_MAC_final(context.get(), value.data(), &size, value.size()) == 1);
  HOLDFAST_CHECK(size == value.size());
  return value;
}

}  // namespace holdfast::pool
