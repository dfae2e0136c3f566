#include "gateway/policy/zeroed_pages.h"

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/policy/client_connections.h"
#include "gateway/policy/rate_limiter.h"
#include "tests/support/address_space.h"

namespace holdfast::policy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kMebibyte = size_t{1} << 20;

TEST(ZeroedPagesTest, AreZeroAndMayBeWritten) {
  const ZeroedPages pages(3 * kMebibyte);
  ASSERT_NE(pages.data(), nullptr);
  auto* const words = static_cast<uint64_t*>(pages.data());
  EXPECT_EQ(words[0], 0u);
  EXPECT_EQ(words[3 * kMebibyte / sizeof(uint64_t) - 1], 0u);
  words[7] = 7;
  EXPECT_EQ(words[7], 7u);
}

TEST(ZeroedPagesTest, WhatNoProcessHasIsRefused) {
  EXPECT_EQ(ZeroedPages(size_t{1} << 62).data(), nullptr);
}

TEST(ZeroedPagesTest, TablesSayThatTheyHaveNone) {
  const RateLimitRule rule{.requests = 1, .max_keys = 10'000'000};  // 153 MiB
  constexpr size_t kClients = 10'000'000;
  EXPECT_TRUE(RateLimiter(rule, 7, pool::TimePoint{}).has_memory());
  EXPECT_TRUE(ClientConnections(kClients).has_memory());
  const support::ScarceAddressSpace scarce(64 * kMebibyte);
  EXPECT_FALSE(RateLimiter(rule, 7, pool::TimePoint{}).has_memory());
  EXPECT_FALSE(ClientConnections(kClients).has_memory());
}

TEST(ZeroedPagesTest, ARefusalTellsAnOperatorWhatToRaise) {
  EXPECT_THAT(NoPagesText(16'000'000, "1000000 keys"),
              AllOf(HasSubstr("16 MiB"), HasSubstr("1000000 keys"), HasSubstr("ulimit -v"),
                    HasSubstr("vm.overcommit_memory")));
}

}  // namespace
}  // namespace holdfast::policy
