#include "gateway/config/tls.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

TEST(TlsValuesTest, DefaultsAreSafe) {
  const ListenerTls listener;
  EXPECT_EQ(listener.min_version, pool::TlsVersion::kTls12);
  EXPECT_EQ(listener.ciphers, pool::kTlsDefaultCiphers);
  EXPECT_EQ(UpstreamTls().verify, TlsUpstreamVerify::kFull);
  ASSERT_TRUE(listener.session_tickets.has_value());
  EXPECT_EQ(listener.session_tickets->rotate, std::chrono::hours(12));
}

TEST(TlsValuesTest, WordsAreThoseOfTheFile) {
  EXPECT_EQ(kTlsProtocolWords.ValueOf("http/1.1"), TlsProtocol::kHttp11);
  EXPECT_EQ(kTlsUpstreamVerifyWords.ValueOf("full"), TlsUpstreamVerify::kFull);
  EXPECT_EQ(kTlsUpstreamVerifyWords.ValueOf("none"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::config
