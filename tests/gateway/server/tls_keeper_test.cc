#include "gateway/server/tls_keeper.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "metrics/registry.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::server {
namespace {

class TlsKeeperTest : public testing::Test {
 protected:
  static TlsKeeper::Callbacks Nothing() {
    return {.on_files_changed = [] {},
            .on_tickets_rotated = [](const tls::TicketKeySets&) {},
            .on_day_passed = [] {}};
  }
  std::string Edge() {
    const pool::Issued site = pool::SiteFor({"a.test"});
    return "tls: {certificates: [{cert: " + dir_.Write("a.pem", site.chain().pem) +
           ", key: " + dir_.Write("a.key", site.key_file().pem) + "}]}";
  }
  void Adopt(TlsKeeper* keeper, const std::string& tls) {
    config::LoadResult loaded = config::LoadConfig(
        "listeners: [{name: edge, bind: 127.0.0.1:8443, " + tls + "}]\nroutes: [{respond: {}}]\n",
        "test");
    ASSERT_TRUE(loaded.config.has_value()) << config::FormatDiagnostics(loaded.diagnostics);
    const auto plan = keeper->Load(&*loaded.config);
    ASSERT_TRUE(plan.ok()) << plan.status();
    keeper->Adopt(*loaded.config, *plan);
  }
  void Wait(pool::Duration time) {
    clock_.Advance(time);
    main_.loop.RunOnce(pool::Duration::zero());
  }

  support::TempDir dir_;
  pool::ManualClock clock_;
  MainContext main_{.clock = &clock_};
  int changes_ = 0;
  int days_ = 0;
  int rotations_ = 0;
  TlsKeeper keeper_{&main_,
                    {.on_files_changed = [this] { ++changes_; },
                     .on_tickets_rotated = [this](const tls::TicketKeySets&) { ++rotations_; },
                     .on_day_passed = [this] { ++days_; }}};
};

TEST_F(TlsKeeperTest, TellsWhenFilesChangeAndWhenTimeGoesBy) {
  Adopt(&keeper_, Edge());
  Wait(FileWatch::kSettle * 2);
  EXPECT_EQ(changes_, 0);
  Edge();
  Wait(pool::Duration::zero());
  Wait(FileWatch::kSettle * 2);
  EXPECT_EQ(changes_, 1);
  Wait(std::chrono::hours(12));
  EXPECT_EQ(rotations_, 1);
  EXPECT_EQ(days_, 0);
  Wait(std::chrono::hours(12));
  EXPECT_EQ(days_, 1);
  Wait(TlsKeeper::kDay + std::chrono::seconds(1));
  EXPECT_EQ(days_, 2);
}

TEST_F(TlsKeeperTest, WithoutTlsNothingHappens) {
  Adopt(&keeper_, Edge());
  Adopt(&keeper_, "tls: off");
  Edge();
  Wait(pool::Duration::zero());
  Wait(std::chrono::hours(100));
  EXPECT_EQ(changes_ + days_ + rotations_, 0);
  EXPECT_TRUE(keeper_.ticket_keys().empty());
  EXPECT_EQ(keeper_.ForSuccessor(), "");
}

TEST_F(TlsKeeperTest, TheNextProcessHasTheTicketKeys) {
  Adopt(&keeper_, Edge());
  TlsKeeper next(&main_, Nothing());
  next.Inherit(keeper_.ForSuccessor());
  Adopt(&next, Edge());
  EXPECT_EQ(*next.ticket_keys().at("edge"), *keeper_.ticket_keys().at("edge"));
  TlsKeeper stranger(&main_, Nothing());
  stranger.Inherit("");
  Adopt(&stranger, Edge());
  EXPECT_FALSE(*stranger.ticket_keys().at("edge") == *keeper_.ticket_keys().at("edge"));
}

TEST_F(TlsKeeperTest, AScrapeTellsWhenCertificatesExpire) {
  Adopt(&keeper_, Edge());
  metrics::Sums sums;
  keeper_.AddTo(sums);
  const auto expiries =
      sums.Of<metrics::Gauge>(metrics::Metric::kTlsCertificateExpiryTimestampSeconds);
  ASSERT_EQ(expiries.size(), 1u);
  EXPECT_EQ(expiries.begin()->first, (metrics::LabelValues{"edge", dir_.Path("a.pem")}));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_GT(expiries.begin()->second,
            std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

}  // namespace
}  // namespace holdfast::server
