#include "gateway/proxy/upstream_streams.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/plain_transport.h"
#include "pool/tls_identity.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::proxy {
namespace {

using pool::EndpointKey;
using pool::UpstreamProtocol;

class UpstreamStreamsTest : public testing::Test, protected pool::PoolHarness {
 protected:
  static EndpointKey KeyOf(UpstreamProtocol protocol, bool tls = false) {
    EndpointKey key{.upstream = "web", .protocol = protocol};
    if (tls) key.tls = pool::TlsIdentity(pool::TlsSettings{.server_name = "a.test"});
    return key;
  }

  Http2Upstreams upstreams_{&loop, &slabs};
  pool::SocketPair pair_ = pool::UnixPair();
  pool::Connection connection_{&loop, &slabs,
                               std::make_unique<pool::PlainTransport>(std::move(pair_.ours)),
                               nullptr, pool::Connection::Stage::kEstablished};
};

TEST_F(UpstreamStreamsTest, HowMuchIsHopedForGoesByTheKey) {
  EXPECT_EQ(upstreams_.ExpectedCapacity(KeyOf(UpstreamProtocol::kH1)), 1u);
  EXPECT_EQ(upstreams_.ExpectedCapacity(KeyOf(UpstreamProtocol::kH1, true)), 1u);
  EXPECT_EQ(upstreams_.ExpectedCapacity(KeyOf(UpstreamProtocol::kH2)), 100u);
  EXPECT_EQ(upstreams_.ExpectedCapacity(KeyOf(UpstreamProtocol::kAuto)), 1u);
  EXPECT_EQ(upstreams_.ExpectedCapacity(KeyOf(UpstreamProtocol::kAuto, true)), 100u);
}

TEST_F(UpstreamStreamsTest, OneThatIsToldSpeaksHttp2AndStaysWithItsWorker) {
  ASSERT_EQ(connection_.Open(), 0);
  const auto protocol = upstreams_.ProtocolFor(KeyOf(UpstreamProtocol::kH2), connection_);
  EXPECT_EQ(protocol->capacity(), 100u);
  EXPECT_NE(protocol->listener(), nullptr);
  EXPECT_FALSE(protocol->travels());
}

TEST_F(UpstreamStreamsTest, WithoutAWordOfThePeerItIsHttp1) {
  ASSERT_EQ(connection_.Open(), 0);
  for (const UpstreamProtocol protocol : {UpstreamProtocol::kH1, UpstreamProtocol::kAuto}) {
    const auto made = upstreams_.ProtocolFor(KeyOf(protocol, /*tls=*/true), connection_);
    EXPECT_EQ(made->capacity(), 1u);
    EXPECT_EQ(made->listener(), nullptr);
  }
}

}  // namespace
}  // namespace holdfast::proxy
