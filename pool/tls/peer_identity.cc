#include "pool/tls/peer_identity.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <openssl/err.h>

#include "pool/net/check.h"
#include "pool/tls/keyed_chain.h"
#include "pool/tls/openssl_ptr.h"

namespace holdfast::pool {
namespace {

bool IsPrintable(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

// RFC 8941 section 3.3.5.
std::string ByteSequenceOf(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  HOLDFAST_CHECK(size > 0);
  std::string text(static_cast<size_t>(size + 2) / 3 * 4 + 3, '\0');  // colons and a NUL
  const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()) + 1, der, size);
  OPENSSL_free(der);
  text.front() = ':';
  text.resize(static_cast<size_t>(written) + 1);
  text.push_back(':');
  return text;
}

std::string FingerprintOf(const X509* certificate) {
  constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  HOLDFAST_CHECK(X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text.push_back(kHex[digest[i] >> 4]);
    text.push_back(kHex[digest[i] & 15]);
  }
  return text;
}

}  // namespace

bool IsVerified(const ssl_st* connection) {
  return SSL_get0_peer_certificate(connection) != nullptr &&
         SSL_get_verify_result(connection) == X509_V_OK &&
         (SSL_get_verify_mode(connection) & SSL_VERIFY_PEER) != 0;
}

PeerIdentity IdentityOf(const ssl_st* connection) {
  HOLDFAST_CHECK(IsVerified(connection));
  X509* const leaf = SSL_get0_peer_certificate(connection);
  PeerIdentity identity;
  identity.subject = SubjectOf(leaf);
  bool nul = false;
  for (std::string& name : SubjectNames(leaf, &nul)) {
    if (IsPrintable(name)) identity.names.push_back(std::move(name));
  }
  return identity;
}

void AddCertificate(const ssl_st* connection, PeerIdentity* identity) {
  HOLDFAST_CHECK(IsVerified(connection));
  X509* const leaf = SSL_get0_peer_certificate(connection);
  identity->certificate = ByteSequenceOf(leaf);
  identity->fingerprint = FingerprintOf(leaf);
  identity->chain.clear();
  // What was verified, not what was sent: without the peer's own and without who is trusted anyway.
  // A session that is resumed has none.
  const STACK_OF(X509)* chain = SSL_get0_verified_chain(connection);
  for (int i = 1; i + 1 < sk_X509_num(chain); ++i) {
    if (!identity->chain.empty()) identity->chain += ", ";
    identity->chain += ByteSequenceOf(sk_X509_value(chain, i));
  }
  ERR_clear_error();
}

}  // namespace holdfast::pool
