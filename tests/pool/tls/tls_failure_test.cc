#include "pool/tls/tls_failure.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace holdfast::pool {
namespace {

unsigned long SslError(int reason) { return ERR_PACK(ERR_LIB_SSL, 0, reason); }

TEST(TlsFailureTest, EveryWordIsAnother) {
  std::set<std::string_view> words(kTlsFailureWords.words().begin(),
                                   kTlsFailureWords.words().end());
  EXPECT_EQ(words.size(), kTlsFailureWords.size());
}

TEST(TlsFailureTest, AFailedCallHasItsWord) {
  const IoResult result = FailedTls(TlsFailure::kExpired);
  EXPECT_EQ(result.status, IoStatus::kFailed);
  EXPECT_STREQ(result.error.word, "tls_expired");
  EXPECT_EQ(result.error.system, 0);
}

TEST(TlsFailureTest, VerdictsHaveWordsOfTheirOwn) {
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY), TlsFailure::kUnknownCa);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT), TlsFailure::kSelfSigned);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN), TlsFailure::kSelfSigned);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_HOSTNAME_MISMATCH), TlsFailure::kNameMismatch);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_IP_ADDRESS_MISMATCH), TlsFailure::kNameMismatch);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_CERT_HAS_EXPIRED), TlsFailure::kExpired);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_CERT_NOT_YET_VALID), TlsFailure::kNotYetValid);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_CERT_REVOKED), TlsFailure::kRevoked);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_APPLICATION_VERIFICATION), TlsFailure::kNameNotAllowed);
  EXPECT_EQ(FailureOfVerdict(X509_V_ERR_EE_KEY_TOO_SMALL), TlsFailure::kBadCertificate);
  EXPECT_EQ(FailureOf(SslError(SSL_R_CERTIFICATE_VERIFY_FAILED), X509_V_ERR_CERT_HAS_EXPIRED),
            TlsFailure::kExpired);
}

TEST(TlsFailureTest, AlertsOfThePeerAreTranslated) {
  const auto alert = [](int description) {
    return FailureOf(SslError(SSL_AD_REASON_OFFSET + description), 0);
  };
  EXPECT_EQ(alert(SSL_AD_UNKNOWN_CA), TlsFailure::kCertificateRefused);
  EXPECT_EQ(alert(SSL_AD_CERTIFICATE_UNKNOWN), TlsFailure::kCertificateRefused);
  EXPECT_EQ(alert(SSL_AD_PROTOCOL_VERSION), TlsFailure::kVersion);
  EXPECT_EQ(alert(SSL_AD_HANDSHAKE_FAILURE), TlsFailure::kRefused);
  EXPECT_EQ(alert(TLS13_AD_CERTIFICATE_REQUIRED), TlsFailure::kCertificateRequired);
  EXPECT_EQ(alert(SSL_AD_UNRECOGNIZED_NAME), TlsFailure::kUnknownName);
  EXPECT_EQ(alert(SSL_AD_NO_APPLICATION_PROTOCOL), TlsFailure::kNoSharedProtocol);
}

TEST(TlsFailureTest, WhatIsOtherwiseUnknownBreaksTheProtocol) {
  EXPECT_EQ(FailureOf(0, 0), TlsFailure::kProtocol);
  EXPECT_EQ(FailureOf(SslError(SSL_R_BAD_LENGTH), 0), TlsFailure::kProtocol);
  EXPECT_EQ(FailureOf(ERR_PACK(ERR_LIB_EVP, 0, ERR_R_MALLOC_FAILURE), 0), TlsFailure::kInternal);
}

TEST(TlsFailureTest, OnlyWhoDoesNotLikeOurCertificateRefusesUs) {
  EXPECT_TRUE(RefusesUs("tls_client_certificate_required"));
  EXPECT_TRUE(RefusesUs("tls_certificate_refused"));
  EXPECT_FALSE(RefusesUs("tls_refused")) << "with any other alert it may have read a request";
  EXPECT_FALSE(RefusesUs("tls_unknown_ca")) << "that is our own refusal";
  EXPECT_FALSE(RefusesUs(""));
}

TEST(TlsFailureTest, PlainHttpIsKnownByItsFirstBytes) {
  EXPECT_EQ(PlainSpeaker("GET / HTTP/1.1\r\n", true), TlsFailure::kPlainHttp);
  EXPECT_EQ(PlainSpeaker("P", true), TlsFailure::kPlainHttp);
  EXPECT_EQ(PlainSpeaker("PROPFIND / HTTP/1.1\r\n", true), TlsFailure::kPlainHttp);
  EXPECT_EQ(PlainSpeaker("SSH-2.0-OpenSSH", true), std::nullopt);
  EXPECT_EQ(PlainSpeaker("EHLO", true), TlsFailure::kPlainHttp) << "so far it is";
  EXPECT_EQ(PlainSpeaker(std::string(17, 'A'), true), std::nullopt);
  EXPECT_EQ(PlainSpeaker(" GET", true), std::nullopt);
  EXPECT_EQ(PlainSpeaker("\x16\x03\x01", true), std::nullopt);
  EXPECT_EQ(PlainSpeaker("", true), std::nullopt);
  EXPECT_EQ(PlainSpeaker("HTTP/1.1 400 Bad Request", false), TlsFailure::kPlainPeer);
  EXPECT_EQ(PlainSpeaker("\x16\x03\x03", false), std::nullopt);
  EXPECT_EQ(PlainSpeaker("SSH-2.0", false), std::nullopt);
}

TEST(TlsFailureTest, AProxyHeaderIsKnownByItsFirstBytes) {
  EXPECT_EQ(PlainSpeaker("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", true), TlsFailure::kProxyHeader);
  EXPECT_EQ(PlainSpeaker("PROX", true), TlsFailure::kProxyHeader);
  EXPECT_EQ(PlainSpeaker(std::string_view("\r\n\r\n\0\r\nQUIT\n\x21", 13), true),
            TlsFailure::kProxyHeader);
  EXPECT_EQ(PlainSpeaker("\r\n\r\nGET", true), std::nullopt);
  EXPECT_EQ(PlainSpeaker("PROXY TCP4 192.0.2.1", false), std::nullopt);
}

}  // namespace
}  // namespace holdfast::pool
