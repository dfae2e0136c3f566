#ifndef HOLDFAST_POOL_TLS_TLS_FAILURE_H_
#define HOLDFAST_POOL_TLS_TLS_FAILURE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "pool/net/transport.h"
#include "pool/net/word_table.h"

namespace holdfast::pool {

// Why a TLS connection could not be established, or broke. The words are metric label values, log
// words and IoError::word, on the side of clients as on that of upstreams.
enum class TlsFailure : uint8_t {
  kProtocol,             // what the peer sent is no TLS, or breaks its rules
  kVersion,              // no version in common
  kNoSharedCipher,       // no cipher suite or signature algorithm in common
  kNoSharedGroup,        // no group for the key exchange in common
  kNoSharedProtocol,     // ALPN: no protocol in common
  kUnknownName,          // nobody here has the name that was asked for (strict_sni)
  kUnknownCa,            // the peer's certificate: no authority that we know vouches for it
  kSelfSigned,           // it, or the root of its chain, vouches for itself
  kNameMismatch,         // it is another's
  kExpired,              // it, or one of its chain, has expired
  kNotYetValid,          // it, or one of its chain, is not valid yet
  kRevoked,              // by a CRL, or there is no CRL to tell
  kNameNotAllowed,       // a client's, but for none of `allow_san`
  kBadCertificate,       // anything else about it
  kCertificateRequired,  // a client has to show one
  kCertificateRefused,   // the peer does not like ours
  kRefused,              // the peer gave up with another alert
  kClosedInHandshake,    // the connection ended before it was established
  kHandshakeTimeout,     // for whoever keeps the deadline
  kKeyUpdates,           // the peer changes keys too often
  kRenegotiation,        // the peer wants to agree on everything anew
  kPlainHttp,            // a client speaks plain HTTP
  kProxyHeader,          // a proxy says first for whom it speaks, and nobody expects that
  kPlainPeer,            // an upstream speaks plain HTTP
  kInternal,             // our own trouble: memory
};
inline constexpr auto kTlsFailureWords = Words<TlsFailure>({
    {"tls_protocol", TlsFailure::kProtocol},
    {"tls_version", TlsFailure::kVersion},
    {"tls_no_shared_cipher", TlsFailure::kNoSharedCipher},
    {"tls_no_shared_group", TlsFailure::kNoSharedGroup},
    {"tls_no_shared_protocol", TlsFailure::kNoSharedProtocol},
    {"tls_unknown_name", TlsFailure::kUnknownName},
    {"tls_unknown_ca", TlsFailure::kUnknownCa},
    {"tls_self_signed", TlsFailure::kSelfSigned},
    {"tls_name_mismatch", TlsFailure::kNameMismatch},
    {"tls_expired", TlsFailure::kExpired},
    {"tls_not_yet_valid", TlsFailure::kNotYetValid},
    {"tls_revoked", TlsFailure::kRevoked},
    {"tls_name_not_allowed", TlsFailure::kNameNotAllowed},
    {"tls_bad_certificate", TlsFailure::kBadCertificate},
    {"tls_client_certificate_required", TlsFailure::kCertificateRequired},
    {"tls_certificate_refused", TlsFailure::kCertificateRefused},
    {"tls_refused", TlsFailure::kRefused},
    {"tls_closed_in_handshake", TlsFailure::kClosedInHandshake},
    {"tls_handshake_timeout", TlsFailure::kHandshakeTimeout},
    {"tls_key_updates", TlsFailure::kKeyUpdates},
    {"tls_renegotiation", TlsFailure::kRenegotiation},
    {"plain_http_on_tls", TlsFailure::kPlainHttp},
    {"proxy_header_on_tls", TlsFailure::kProxyHeader},
    {"tls_upstream_speaks_plain", TlsFailure::kPlainPeer},
    {"tls_internal", TlsFailure::kInternal},
});
constexpr const auto& WordsOf(TlsFailure) { return kTlsFailureWords; }

// A failed call; `system` is errno when the socket told.
IoResult FailedTls(TlsFailure failure, int system = 0);

// What an error of the library's queue means; `verify_result` is SSL_get_verify_result. Pure.
TlsFailure FailureOf(unsigned long error, long verify_result);
// What an alert of the peer means (RFC 8446 section 6.2). Pure.
TlsFailure FailureOfAlert(int description);
// What a verdict on the peer's certificate means (X509_V_ERR_...). Pure.
TlsFailure FailureOfVerdict(long verify_result);

// Whether the word is that of a peer that has not let us in, which it may say as late as after our
// side of the handshake (RFC 8446 section 4.4.2.4): it has looked at nothing that we sent after
// that. Pure.
bool RefusesUs(std::string_view word);

// What the first bytes of a connection are if they are no TLS but something well known instead:
// plain HTTP, or a client's PROXY header. nullopt: neither. Pure.
std::optional<TlsFailure> PlainSpeaker(std::string_view first_bytes, bool from_client);

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_TLS_TLS_FAILURE_H_
