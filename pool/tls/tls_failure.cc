#include "pool/tls/tls_failure.h"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace holdfast::pool {
namespace {

// The reason of an alert that the peer sent is this much more than the alert.
constexpr int kAlertReasons = SSL_AD_REASON_OFFSET;

// What is shorter is judged as far as it goes. No record of TLS begins so.
bool BeginsWithProxyHeader(std::string_view bytes) {
  constexpr std::string_view kLine = "PROXY ";
  constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
  const auto begins = [bytes](std::string_view with) {
    return bytes.starts_with(with) || (bytes.size() > 1 && with.starts_with(bytes));
  };
  return begins(kLine) || begins(kSignature);
}

// A request's method is a word in capitals before a space (RFC 9110 section 9.1 has no other).
bool BeginsWithMethod(std::string_view bytes) {
  const std::string_view word = bytes.substr(0, bytes.find(' '));
  constexpr size_t kLongest = 16;
  if (word.empty() || word.size() > kLongest) return false;
  return std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

IoResult FailedTls(TlsFailure failure, int system) {
  // The words are literals: what follows the view is a null.
  return {.status = IoStatus::kFailed,
          .error = {.system = system, .word = WordsOf(failure).WordOf(failure).data()}};
}

TlsFailure FailureOfAlert(int description) {
  switch (description) {
    case SSL_AD_PROTOCOL_VERSION: return TlsFailure::kVersion;
    case SSL_AD_NO_APPLICATION_PROTOCOL: return TlsFailure::kNoSharedProtocol;
    case SSL_AD_UNRECOGNIZED_NAME: return TlsFailure::kUnknownName;
    case TLS13_AD_CERTIFICATE_REQUIRED: return TlsFailure::kCertificateRequired;
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED: return TlsFailure::kCertificateRefused;
    default: return TlsFailure::kRefused;
  }
}

TlsFailure FailureOfVerdict(long verify_result) {
  switch (verify_result) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG: return TlsFailure::kUnknownCa;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: return TlsFailure::kSelfSigned;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return TlsFailure::kNameMismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED: return TlsFailure::kExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return TlsFailure::kNotYetValid;
    case X509_V_ERR_CERT_REVOKED:
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE: return TlsFailure::kRevoked;
    case X509_V_ERR_APPLICATION_VERIFICATION: return TlsFailure::kNameNotAllowed;
    default: return TlsFailure::kBadCertificate;
  }
}

TlsFailure FailureOf(unsigned long error, long verify_result) {
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
    return reason == ERR_R_MALLOC_FAILURE ? TlsFailure::kInternal : TlsFailure::kProtocol;
  }
  if (reason >= kAlertReasons) return FailureOfAlert(reason - kAlertReasons);
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return FailureOfVerdict(verify_result);
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_INAPPROPRIATE_FALLBACK: return TlsFailure::kVersion;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_NO_CIPHERS_SPECIFIED: return TlsFailure::kNoSharedCipher;
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS: return TlsFailure::kNoSharedGroup;
    case SSL_R_NO_APPLICATION_PROTOCOL: return TlsFailure::kNoSharedProtocol;
    // Ours: nobody has the name.
    case SSL_R_CALLBACK_FAILED: return TlsFailure::kUnknownName;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return TlsFailure::kCertificateRequired;
    case SSL_R_HTTP_REQUEST: return TlsFailure::kPlainHttp;
    case ERR_R_MALLOC_FAILURE:
    case ERR_R_INTERNAL_ERROR: return TlsFailure::kInternal;
    default: return TlsFailure::kProtocol;
  }
}

bool RefusesUs(std::string_view word) {
  const std::optional<TlsFailure> failure = kTlsFailureWords.ValueOf(word);
  return failure == TlsFailure::kCertificateRequired || failure == TlsFailure::kCertificateRefused;
}

std::optional<TlsFailure> PlainSpeaker(std::string_view first_bytes, bool from_client) {
  if (from_client) {
    if (BeginsWithProxyHeader(first_bytes)) return TlsFailure::kProxyHeader;
    if (BeginsWithMethod(first_bytes)) return TlsFailure::kPlainHttp;
  } else if (first_bytes.starts_with("HTTP/")) {
    return TlsFailure::kPlainPeer;
  }
  return std::nullopt;
}

}  // namespace holdfast::pool
