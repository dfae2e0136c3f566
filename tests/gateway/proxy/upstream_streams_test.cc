#include "gateway/proxy/upstream_streams.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/http2/client_session.h"
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

TEST_F(UpstreamStreamsTest, ResponsesAreHeldToWhatTheirUpstreamSays) {
  ASSERT_EQ(connection_.Open(), 0);
  const auto limits_of = [&](const std::string& upstream) {
    EndpointKey key = KeyOf(UpstreamProtocol::kH2);
    key.upstream = upstream;
    const auto protocol = upstreams_.ProtocolFor(key, connection_);
    return static_cast<http2::ClientSession&>(*protocol).limits();
  };
  config::Upstream web{.name = "web"};
  web.max_head_bytes = 100'000;
  web.max_header_fields = 300;
  config::Upstream usual{.name = "usual"};
  upstreams_.Configure({web, usual});
  EXPECT_EQ(limits_of("web").max_head_bytes, 200'000u);
  EXPECT_EQ(limits_of("web").max_fields, 300u);
  EXPECT_EQ(limits_of("usual"), http2::Limits());
  EXPECT_EQ(limits_of("unknown"), http2::Limits());
  // What an upstream has when it says nothing is the rule with the defaults.
  EXPECT_EQ(2 * usual.max_head_bytes, http2::Limits().max_head_bytes);
  EXPECT_EQ(usual.max_header_fields, http2::Limits().max_fields);
  upstreams_.Configure({usual});
  EXPECT_EQ(limits_of("web"), http2::Limits());
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
