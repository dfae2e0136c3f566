#include "gateway/config/listener.h"

#include <chrono>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(ListenerTest, TheDefaultsOfListenersAreTheDocumentedOnes) {
  const Listener listener;
  EXPECT_EQ(listener.idle_timeout, seconds(75));
  EXPECT_EQ(listener.head_timeout, seconds(10));
  EXPECT_EQ(listener.body_timeout, seconds(30));
  EXPECT_EQ(listener.max_connection_age, hours(1));
  EXPECT_EQ(listener.max_head_bytes, 32u << 10);
  EXPECT_EQ(listener.max_header_fields, 100u);
  EXPECT_EQ(listener.max_uri_bytes, 8u << 10);
  EXPECT_EQ(listener.max_connections, std::nullopt);
  EXPECT_EQ(listener.max_connections_per_client, std::nullopt);
  EXPECT_EQ(listener.max_requests, std::nullopt);
  EXPECT_EQ(listener.protocols,
            (std::vector<ClientProtocol>{ClientProtocol::kHttp2, ClientProtocol::kHttp1}));
  EXPECT_EQ(listener.http2.max_concurrent_streams, 100u);
  EXPECT_EQ(listener.http2.stream_window, 64u << 10);
  EXPECT_EQ(listener.http2.connection_window, 1u << 20);
  EXPECT_EQ(listener.http2.max_head_bytes, 64u << 10);
  EXPECT_EQ(listener.http2.max_heads_bytes, 1u << 20);
  EXPECT_EQ(listener.http2.max_cookie_crumbs, 100u);
  EXPECT_EQ(listener.http2.max_resets, 500u);
  EXPECT_EQ(listener.http2.max_glitches, 1'000u);
  EXPECT_EQ(listener.http2.write_timeout, seconds(30));
  EXPECT_EQ(listener.tcp.options.keepalive, seconds(60));
  EXPECT_EQ(listener.tcp.options.user_timeout, std::nullopt);
  EXPECT_EQ(listener.tcp.backlog, 4096u);
  EXPECT_EQ(listener.client_ip.from, ClientIp::From::kXForwardedFor);
  EXPECT_EQ(listener.client_ip.depth, std::nullopt);
  EXPECT_EQ(listener.path, http::PathPolicy());
  EXPECT_EQ(AcceptedProxies().timeout, seconds(5));
  EXPECT_FALSE(listener.request_id.has_value());
  EXPECT_FALSE(listener.trace.has_value());
  EXPECT_EQ(RequestIds().mode, RequestIdMode::kCreate);
  EXPECT_EQ(RequestIds().header, "x-request-id");
}

}  // namespace
}  // namespace holdfast::config
