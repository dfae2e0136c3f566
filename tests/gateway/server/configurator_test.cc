#include "gateway/server/configurator.h"

#include <poll.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/server/main_parts.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/address_space.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::server {
namespace {

using metrics::Metric;
using ::testing::HasSubstr;

class ConfiguratorTest : public testing::Test {
 protected:
  void Start(const std::string& text) {
    const absl::Status status = configurator_.Start(MainParts::Load(text));
    ASSERT_TRUE(status.ok()) << status;
  }
  void Reload(const std::string& text) {
    configurator_.Reload(parts_.dir_.Write("config.yaml", text));
  }
  std::string StatusLine() const { return "status: {bind: '" + parts_.status() + "'}\n"; }
  // Asked while the main loop turns.
  std::string StatusPage(const std::string& address) {
    support::RawClient client(address);
    client.Send(support::GetRequest("/readyz"));
    EXPECT_TRUE(parts_.Await([&] {
      pollfd entry{.fd = client.fd(), .events = POLLIN, .revents = 0};
      return poll(&entry, 1, 0) == 1;
    }));
    return client.Response().body;
  }
  uint64_t Reloads(const char* result) {
    return parts_.main_.shard->CounterFor(Metric::kConfigReloadsTotal, {result}).value();
  }
  int64_t LastReload() {
    return parts_.main_.shard->GaugeFor(Metric::kConfigLastReloadSuccessful, {}).value();
  }

  MainParts parts_;
  Configurator& configurator_ = parts_.configurator_;
};

TEST_F(ConfiguratorTest, AStartServesAndCountsAsALoad) {
  Start(parts_.Text("hello", StatusLine()));
  EXPECT_EQ(parts_.Body(), "hello");
  EXPECT_EQ(StatusPage(parts_.status()), "page /readyz");
  EXPECT_EQ(LastReload(), 1);
  EXPECT_EQ(Reloads("success"), 0u);
  EXPECT_EQ(parts_.workers_.size(), 2u);
}

TEST_F(ConfiguratorTest, AStartThatFailsSaysWhy) {
  const absl::Status status = configurator_.Start(MainParts::Load(
      parts_.Text("hello", "status: off\naccess_log: {path: '/no/such/folder/log'}\n")));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/no/such/folder/log"));
  EXPECT_FALSE(parts_.Accepts());
}

TEST_F(ConfiguratorTest, AReloadIsServedAndCounted) {
  Start(parts_.Text("first"));
  Reload(parts_.Text("second"));
  EXPECT_TRUE(parts_.Await([&] { return parts_.Body() == "second"; }));
  EXPECT_EQ(Reloads("success"), 1u);
  EXPECT_EQ(LastReload(), 1);
}

TEST_F(ConfiguratorTest, AReloadThatFailsChangesNothingAndIsCounted) {
  Start(parts_.Text("first", StatusLine()));
  std::string moved = StatusLine();
  moved.insert(moved.find("'}"), "2");
  Reload("listeners: 7\n");
  Reload(parts_.Text("second", moved + "access_log: {path: '/no/such/folder/log'}\n"));
  configurator_.RefuseReload(absl::FailedPreconditionError("not now"));
  EXPECT_EQ(Reloads("failure"), 3u);
  EXPECT_EQ(LastReload(), 0);
  EXPECT_EQ(parts_.Body(), "first");
  EXPECT_EQ(StatusPage(parts_.status()), "page /readyz");
  Reload(parts_.Text("third", StatusLine()));
  EXPECT_EQ(LastReload(), 1);
}

TEST_F(ConfiguratorTest, ARateLimitThatThereIsNoRoomForIsRefused) {
  Start(parts_.Text("first"));
  std::string limited = parts_.Text("second");
  limited.insert(limited.find("respond:"), "rate_limit: {requests: 1000, max_keys: 10000000}, ");
  {
    const support::ScarceAddressSpace scarce(size_t{64} << 20);
    Reload(limited);
  }
  EXPECT_EQ(Reloads("failure"), 1u);
  EXPECT_EQ(parts_.Body(), "first");
  Reload(limited);
  EXPECT_TRUE(parts_.Await([&] { return parts_.Body() == "second"; }));
}

TEST_F(ConfiguratorTest, AReloadMovesTheStatusPortOrClosesIt) {
  Start(parts_.Text("hello", StatusLine()));
  EXPECT_GE(configurator_.status_fd(), 0);
  std::string moved = StatusLine();
  moved.insert(moved.find("'}"), "2");
  Reload(parts_.Text("hello", moved));
  EXPECT_EQ(StatusPage(parts_.status() + "2"), "page /readyz");
  Reload(parts_.Text("hello", "status: off\n"));
  EXPECT_EQ(configurator_.status_fd(), -1);
}

TEST_F(ConfiguratorTest, TlsFilesThatChangeAreTakenIntoUse) {
  const auto write = [&](const std::string& name) {
    const pool::Issued site = pool::SiteFor({name});
    parts_.dir_.Write("a.pem", site.chain().pem);
    parts_.dir_.Write("a.key", site.key_file().pem);
  };
  const auto refreshed = [&](const char* result) {
    return parts_.main_.shard->CounterFor(Metric::kTlsFileReloadsTotal, {result}).value();
  };
  write("a.test");
  std::string text = parts_.Text("hello");
  text.insert(text.find("}]"), ", tls: {certificates: [{cert: " + parts_.dir_.Path("a.pem") +
                                   ", key: " + parts_.dir_.Path("a.key") + "}]}");
  Start(text);
  configurator_.RefreshTls();
  EXPECT_EQ(refreshed("success") + refreshed("failure"), 0u) << "they say what they said";
  const std::string key = support::ReadFile(parts_.dir_.Path("a.key"));
  parts_.dir_.Write("a.key", "no key");
  configurator_.RefreshTls();
  configurator_.RefreshTls();
  EXPECT_EQ(refreshed("failure"), 2u);
  parts_.dir_.Write("a.key", key);
  configurator_.RefreshTls();
  EXPECT_EQ(refreshed("success"), 0u);
  write("b.test");
  // By itself.
  EXPECT_TRUE(parts_.Await([&] { return refreshed("success") == 1; }));
  EXPECT_EQ(configurator_.config().routes.size(), 1u);
}

TEST_F(ConfiguratorTest, AfterTheListenersAreClosedFilesThatChangeAreNothing) {
  const auto write = [&](const std::string& name) {
    const pool::Issued site = pool::SiteFor({name});
    parts_.dir_.Write("a.pem", site.chain().pem);
    parts_.dir_.Write("a.key", site.key_file().pem);
  };
  write("a.test");
  std::string text = parts_.Text("hello");
  text.insert(text.find("}]"), ", tls: {certificates: [{cert: " + parts_.dir_.Path("a.pem") +
                                   ", key: " + parts_.dir_.Path("a.key") + "}]}");
  Start(text);
  write("b.test");
  parts_.main_.loop.RunOnce(pool::Duration::zero());
  configurator_.StopRefreshing();
  parts_.listeners_.Close();
  write("c.test");
  configurator_.RefreshTls();
  const auto end = std::chrono::steady_clock::now() + 2 * FileWatch::kSettle;
  while (std::chrono::steady_clock::now() < end) parts_.main_.loop.RunOnce(FileWatch::kSettle);
  EXPECT_EQ(parts_.main_.shard->CounterFor(Metric::kTlsFileReloadsTotal, {"success"}).value(), 0u);
}

TEST_F(ConfiguratorTest, TheNumberOfWorkersIsTheStarts) {
  Start(parts_.Text("first"));
  std::string text = parts_.Text("second");
  text.replace(text.find("workers: 2"), 10, "workers: 1");
  Reload(text);
  EXPECT_TRUE(parts_.Await([&] { return parts_.Body() == "second"; }));
  EXPECT_EQ(parts_.workers_.size(), 2u);
}

}  // namespace
}  // namespace holdfast::server
