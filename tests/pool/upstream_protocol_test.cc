#include "pool/upstream_protocol.h"

#include <gtest/gtest.h>

#include "pool/endpoint_key.h"

namespace holdfast::pool {
namespace {

TEST(UpstreamProtocolTest, HasTheWordsOfTheConfiguration) {
  EXPECT_EQ(kUpstreamProtocolWords.ValueOf("h1"), UpstreamProtocol::kH1);
  EXPECT_EQ(kUpstreamProtocolWords.ValueOf("h2"), UpstreamProtocol::kH2);
  EXPECT_EQ(kUpstreamProtocolWords.ValueOf("auto"), UpstreamProtocol::kAuto);
  EXPECT_FALSE(kUpstreamProtocolWords.ValueOf("http2").has_value());
}

TEST(UpstreamProtocolTest, ConnectionsOfOneProtocolServeNoOther) {
  const EndpointKey h1{.upstream = "web"};
  EndpointKey h2 = h1;
  h2.protocol = UpstreamProtocol::kH2;
  EXPECT_EQ(h1.protocol, UpstreamProtocol::kH1);
  EXPECT_FALSE(h1 == h2);
}

}  // namespace
}  // namespace holdfast::pool
