#include "gateway/server/status_pages.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using ::testing::HasSubstr;

class StatusPagesTest : public testing::Test {
 protected:
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  std::string trouble_;
  bool serving_ = true;
  StatusPages pages_{
      &registry_, {.trouble = [this] { return trouble_; }, .serving = [this] { return serving_; }}};
};

TEST_F(StatusPagesTest, AllIsWell) {
  for (const char* path : {"/healthz", "/readyz"}) {
    const StatusReply reply = pages_.Answer(path);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "ok\n");
  }
}

TEST_F(StatusPagesTest, ADrainIsNotReadyButHealthy) {
  serving_ = false;
  EXPECT_EQ(pages_.Answer("/readyz").status, 503);
  EXPECT_EQ(pages_.Answer("/readyz").reason, "draining");
  EXPECT_EQ(pages_.Answer("/healthz").status, 200);
}

TEST_F(StatusPagesTest, AWorkerInTroubleIsNeitherAndIsNamed) {
  trouble_ = "worker 1 is late";
  serving_ = false;
  for (const char* path : {"/healthz", "/readyz"}) {
    EXPECT_EQ(pages_.Answer(path).status, 503);
    EXPECT_EQ(pages_.Answer(path).reason, "worker_late");
    EXPECT_EQ(pages_.Answer(path).body, trouble_);
  }
}

TEST_F(StatusPagesTest, MetricsAreInThePrometheusTextFormat) {
  shard_->GaugeFor(metrics::Metric::kWorkers, {}).Set(3);
  trouble_ = "worker 1 is late";
  const StatusReply reply = pages_.Answer("/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(reply.body, HasSubstr("holdfast_workers 3\n"));
}

TEST_F(StatusPagesTest, TheGaugesSayTheSame) {
  const auto gauge = [this](metrics::Metric metric) {
    metrics::Sums sums;
    pages_.AddTo(sums);
    return sums.Of<metrics::Gauge>(metric).at({});
  };
  EXPECT_EQ(gauge(metrics::Metric::kReady), 1);
  EXPECT_EQ(gauge(metrics::Metric::kDraining), 0);
  trouble_ = "worker 1 is late";
  EXPECT_EQ(gauge(metrics::Metric::kReady), 0);
  EXPECT_EQ(gauge(metrics::Metric::kDraining), 0);
  trouble_.clear();
  serving_ = false;
  EXPECT_EQ(gauge(metrics::Metric::kReady), 0);
  EXPECT_EQ(gauge(metrics::Metric::kDraining), 1);
}

TEST_F(StatusPagesTest, OtherPathsAreToldWhatThereIs) {
  for (const char* path : {"/", "/metrics/", "/Healthz", ""}) {
    EXPECT_EQ(pages_.Answer(path).status, 404) << path;
    EXPECT_EQ(pages_.Answer(path).reason, "no_route") << path;
    EXPECT_THAT(pages_.Answer(path).body, HasSubstr("/healthz, /readyz and /metrics"));
  }
}

}  // namespace
}  // namespace holdfast::server
