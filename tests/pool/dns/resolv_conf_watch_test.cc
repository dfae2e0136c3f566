#include "pool/dns/resolv_conf_watch.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

constexpr TimePoint kStart{std::chrono::seconds(1000)};

class ResolvConfWatchTest : public testing::Test {
 protected:
  ~ResolvConfWatchTest() override { std::remove(path_.c_str()); }

  static std::string Write(const std::string& path, std::string_view text) {
    std::ofstream(path) << text;
    return path;
  }
  // Looks again after the interval.
  bool Changed() { return watch_.Changed(now_ += ResolvConfWatch::kInterval); }

  // One for each test: they may run at the same time.
  const std::string path_ = Write(
      testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".conf",
      "nameserver 192.0.2.1\n");
  TimePoint now_ = kStart;
  ResolvConfWatch watch_{path_, now_};
};

TEST_F(ResolvConfWatchTest, AFileThatStaysHasNotChanged) {
  EXPECT_FALSE(Changed());
  EXPECT_FALSE(Changed());
}

TEST_F(ResolvConfWatchTest, OtherContentsAreAChangeOnce) {
  Write(path_, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
  EXPECT_TRUE(Changed());
  EXPECT_FALSE(Changed());
}

TEST_F(ResolvConfWatchTest, AnotherFileInItsPlaceIsAChange) {
  const std::string other = path_ + ".new";
  Write(other, "nameserver 192.0.2.1\n");
  ASSERT_EQ(std::rename(other.c_str(), path_.c_str()), 0);
  EXPECT_TRUE(Changed());
}

TEST_F(ResolvConfWatchTest, ItIsNotLookedAtWithinTheInterval) {
  Write(path_, "nameserver 192.0.2.22\n");
  EXPECT_FALSE(watch_.Changed(now_ + ResolvConfWatch::kInterval - TimePoint::duration(1)));
  EXPECT_TRUE(Changed());
}

TEST_F(ResolvConfWatchTest, AFileThatGoesAwayHasNotChangedAndOneThatComesHas) {
  ASSERT_EQ(std::remove(path_.c_str()), 0);
  EXPECT_FALSE(Changed());
  Write(path_, "nameserver 192.0.2.33\n");
  EXPECT_TRUE(Changed());
}

}  // namespace
}  // namespace holdfast::pool
