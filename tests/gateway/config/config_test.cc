#include "gateway/config/config.h"

#include <chrono>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using http::Method;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ConfigTest, TheDefaultsOfUpstreamsAreTheDocumentedOnes) {
  const Upstream upstream;
  EXPECT_EQ(upstream.cluster.balancing.policy, pool::BalancePolicy::kLeastRequest);
  EXPECT_EQ(upstream.max_head_bytes, 32u << 10);
  EXPECT_EQ(upstream.max_header_fields, 100u);
  EXPECT_EQ(upstream.cluster.pool.max_connections, 512u);
  EXPECT_EQ(upstream.cluster.pool.max_idle, 512u);
  EXPECT_TRUE(upstream.cluster.pool.idle_learned);
  EXPECT_EQ(upstream.cluster.pool.idle_timeout, seconds(4));
  EXPECT_EQ(upstream.cluster.pool.max_age, minutes(30));
  EXPECT_EQ(upstream.cluster.pool.connect_timeout, seconds(2));
  EXPECT_EQ(upstream.cluster.pool.queue_size, 1024u);
  EXPECT_EQ(upstream.cluster.pool.queue_timeout, seconds(3));
  EXPECT_EQ(upstream.hash.source, HashKey::Source::kClientAddress);
  EXPECT_EQ(upstream.cluster.balancing.slow_start, std::nullopt);
  EXPECT_EQ(upstream.cluster.balancing.panic_percent, 0u);
  EXPECT_EQ(upstream.cluster.pool.max_requests, std::nullopt);
  EXPECT_EQ(upstream.cluster.breakers.connections, std::nullopt);
  EXPECT_EQ(upstream.cluster.breakers.pending, std::nullopt);
  EXPECT_EQ(upstream.cluster.breakers.requests, std::nullopt);
  EXPECT_EQ(upstream.cluster.breakers.retries, std::nullopt);
  ASSERT_TRUE(upstream.cluster.retry_budget);
  EXPECT_EQ(upstream.cluster.retry_budget->percent, 20u);
  EXPECT_EQ(upstream.cluster.retry_budget->min_retries, 3u);
  EXPECT_FALSE(upstream.health_check);
  ASSERT_TRUE(upstream.cluster.outlier);
  EXPECT_EQ(upstream.cluster.outlier->consecutive_errors, 5u);
  EXPECT_EQ(upstream.cluster.outlier->base_time, seconds(10));
  EXPECT_EQ(upstream.cluster.outlier->max_time, seconds(300));
  EXPECT_EQ(upstream.cluster.outlier->max_percent, 50u);

  const HealthCheck check;
  EXPECT_EQ(check.interval, seconds(5));
  EXPECT_EQ(check.idle_interval, std::nullopt);
  EXPECT_EQ(check.timeout, seconds(1));
  EXPECT_EQ(check.fall, 3u);
  EXPECT_EQ(check.rise, 2u);
}

TEST(ConfigTest, TheDefaultsOfTheFileAreTheDocumentedOnes) {
  const Config config;
  EXPECT_EQ(config.workers, std::nullopt);
  ASSERT_TRUE(config.status);
  EXPECT_EQ(config.status->address.ToString(), "127.0.0.1:9900");
  EXPECT_TRUE(config.access_log.empty());
  EXPECT_EQ(config.dns.min_ttl, seconds(1));
  EXPECT_EQ(config.dns.max_ttl, seconds(300));
  EXPECT_EQ(config.dns.hold, std::nullopt);
  EXPECT_EQ(config.drain.delay, seconds(5));
  EXPECT_EQ(config.drain.timeout, seconds(20));
}

}  // namespace
}  // namespace holdfast::config
