#include "gateway/server/certificate_orders.h"

#include <sys/stat.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

using metrics::Metric;

class CertificateOrdersTest : public testing::Test {
 protected:
  config::Config Config(bool acme) {
    config::Config config;
    config.listeners.push_back({.name = "edge", .tls = config::ListenerTls()});
    if (acme) {
      config.listeners[0].tls->acme = config::ListenerAcme{
          .names = {"a.test"}, .storage = storage_, .ca = dir_.Path("none.pem")};
    }
    return config;
  }
  uint64_t Failures() {
    return main_.shard->CounterFor(Metric::kAcmeOrdersTotal, {"edge", "storage"}).value();
  }

  support::TempDir dir_;
  const std::string storage_ = dir_.Path("store");
  pool::ManualClock clock_;
  MainContext main_{.clock = &clock_};
  CertificateOrders orders_{&main_, {.publish = nullptr, .refresh = nullptr}};
};

TEST_F(CertificateOrdersTest, WithoutAcmeNothingIsDone) {
  orders_.Adopt(Config(false));
  main_.loop.RunOnce(pool::Duration::zero());
  struct stat facts {};
  EXPECT_NE(stat(storage_.c_str(), &facts), 0);
  EXPECT_EQ(Failures(), 0u);
}

TEST_F(CertificateOrdersTest, WhatIsMissingIsOrdered) {
  orders_.Adopt(Config(true));
  EXPECT_EQ(Failures(), 1u) << "nobody may vouch for the directory";
  struct stat facts {};
  EXPECT_EQ(stat(storage_.c_str(), &facts), 0);
}

TEST_F(CertificateOrdersTest, OnTheWayOutNothingIs) {
  orders_.Stop();
  orders_.Adopt(Config(true));
  EXPECT_EQ(Failures(), 0u);
}

}  // namespace
}  // namespace holdfast::server
