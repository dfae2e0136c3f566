#include "gateway/policy/rate_limiter.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string KeyOf(std::string_view address) {
  ClientKeyBytes bytes;
  return std::string(ClientKey(address, &bytes));
}

TEST(ClientKeyTest, AddressesOfIpv4AreEachOneClient) {
  EXPECT_NE(KeyOf("192.0.2.1"), KeyOf("192.0.2.2"));
  EXPECT_EQ(KeyOf("192.0.2.1"), KeyOf("192.0.2.1"));
}

// A subscriber has 2^64 of them.
TEST(ClientKeyTest, ANetworkOfIpv6IsOneClient) {
  EXPECT_EQ(KeyOf("2001:db8:1:2::1"), KeyOf("2001:db8:1:2:ffff:ffff:ffff:ffff"));
  EXPECT_NE(KeyOf("2001:db8:1:2::1"), KeyOf("2001:db8:1:3::1"));
}

TEST(ClientKeyTest, AMappedAddressIsTheClientThatItStandsFor) {
  EXPECT_EQ(KeyOf("::ffff:192.0.2.1"), KeyOf("192.0.2.1"));
  EXPECT_NE(KeyOf("::ffff:192.0.2.1"), KeyOf("::ffff:192.0.2.2"));
}

TEST(ClientKeyTest, WhoHasNoAddressIsOneOfMany) {
  EXPECT_EQ(KeyOf(""), "");
  EXPECT_EQ(KeyOf("unix"), "");
}

TEST(ClientKeyTest, AnAddressHasTheKeyOfItsText) {
  for (const std::string_view ip : {"192.0.2.1", "2001:db8:1:2::1", "::ffff:192.0.2.1"}) {
    ClientKeyBytes bytes;
    EXPECT_EQ(ClientKey(*pool::SocketAddress::FromIp(ip, 4711), &bytes), KeyOf(ip));
  }
  ClientKeyBytes bytes;
  EXPECT_EQ(ClientKey(*pool::SocketAddress::Parse("unix:/tmp/s"), &bytes), "");
}

// So no field's value is the key of a client.
TEST(ClientKeyTest, AKeyBeginsWithWhatNoFieldMayHave) {
  EXPECT_LT(static_cast<unsigned char>(KeyOf("192.0.2.1").front()), 0x20);
  EXPECT_LT(static_cast<unsigned char>(KeyOf("2001:db8::1").front()), 0x20);
}

TEST(RateLimiterTest, EachKeyHasItsOwn) {
  const pool::TimePoint now{seconds(100)};
  RateLimiter limiter({.requests = 2, .per = seconds(1)}, 7, now);
  EXPECT_TRUE(limiter.Take("a", now).allowed);
  EXPECT_TRUE(limiter.Take("a", now).allowed);
  EXPECT_FALSE(limiter.Take("a", now).allowed);
  EXPECT_TRUE(limiter.Take("b", now).allowed);
  EXPECT_TRUE(limiter.Take("a", now + milliseconds(510)).allowed);
}

TEST(RateLimiterTest, ABurstIsWhatIsTakenAtOnce) {
  const pool::TimePoint now{seconds(100)};
  RateLimiter limiter({.requests = 100, .per = seconds(1), .burst = 3}, 7, now);
  int taken = 0;
  for (int i = 0; i < 10; ++i) taken += limiter.Take("a", now).allowed ? 1 : 0;
  EXPECT_EQ(taken, 3);
}

TEST(RateLimiterTest, SeedsDiffer) {
  EXPECT_NE(RateLimiter::FreshSeed(), RateLimiter::FreshSeed());
}

TEST(RateLimiterTest, AMillionClientsHaveABound) {
  const RateLimiter limiter({.requests = 1}, 7, pool::TimePoint{seconds(1)});
  EXPECT_LE(limiter.bytes(), size_t{16} << 20);
}

std::vector<SharedSpending::Spent> SpentOf(RateLimiter* limiter) {
  std::vector<SharedSpending::Spent> spent;
  EXPECT_TRUE(limiter->spending()->Drain(1000, &spent));
  return spent;
}

TEST(RateLimiterTest, WhatASharedOneLetsPassIsToBeTold) {
  const pool::TimePoint now{seconds(100)};
  RateLimiter alone({.requests = 2}, 7, now);
  EXPECT_EQ(alone.spending(), nullptr);
  RateLimiter limiter({.requests = 2, .shared = SharedLimit{.redis = "unix:/redis"}}, 7, now);
  ASSERT_NE(limiter.spending(), nullptr);
  for (int i = 0; i < 5; ++i) limiter.Take("a", now);
  limiter.Take("b", now);
  const std::vector<SharedSpending::Spent> spent = SpentOf(&limiter);
  ASSERT_EQ(spent.size(), 2u);
  EXPECT_EQ(spent[0].requests + spent[1].requests, 3u) << "but nothing that was refused";
}

TEST(RateLimiterTest, WhatASharedOneLearnsIsOfTheSameKey) {
  const pool::TimePoint now{seconds(100)};
  const RateLimitRule rule{.requests = 10, .shared = SharedLimit{.redis = "unix:/redis"}};
  RateLimiter here(rule, RateLimiter::SharedSeed(*rule.shared, "api"), now);
  RateLimiter there(rule, RateLimiter::SharedSeed(*rule.shared, "api"), now);
  EXPECT_TRUE(here.Take("a", now).allowed);
  const std::vector<SharedSpending::Spent> spent = SpentOf(&here);
  ASSERT_EQ(spent.size(), 1u);
  there.Learn(spent[0].key, milliseconds(950), now);
  EXPECT_FALSE(there.Take("a", now).allowed);
  EXPECT_TRUE(there.Take("b", now).allowed);
}

TEST(RateLimiterTest, ASharedSeedIsTheSameWhereAllThatIsSharedIs) {
  const SharedLimit shared{.redis = "a:1", .password = "p", .prefix = "x"};
  const uint64_t seed = RateLimiter::SharedSeed(shared, "api");
  SharedLimit other = shared;
  other.redis = "b:2";
  other.sync = seconds(1);
  EXPECT_EQ(RateLimiter::SharedSeed(other, "api"), seed);
  EXPECT_NE(RateLimiter::SharedSeed(shared, "web"), seed);
  other.password = "q";
  EXPECT_NE(RateLimiter::SharedSeed(other, "api"), seed);
  EXPECT_NE(RateLimiter::SharedSeed({.redis = "a:1", .password = "p", .prefix = "y"}, "api"), seed);
}

// What Redis has of one is never another's, however the words are cut: its key there has the
// route's name, too, but "a:b" and "c" look there as "a" and "b:c" do.
TEST(RateLimiterTest, NoOtherWordsMakeTheSameSharedKey) {
  struct Words {
    const char* name;
    const char* prefix;
    const char* route;
    const char* password;
    bool same;
  };
  const Words one{"", "a", "b:c", "pw", true};
  const pool::TimePoint now{seconds(100)};
  const auto key_of = [&](const Words& words, std::string_view who) {
    const SharedLimit shared{.redis = "a:1", .password = words.password, .prefix = words.prefix};
    RateLimiter limiter({.requests = 2, .shared = shared},
                        RateLimiter::SharedSeed(shared, words.route), now);
    EXPECT_TRUE(limiter.Take(who, now).allowed);
    const std::vector<SharedSpending::Spent> spent = SpentOf(&limiter);
    EXPECT_EQ(spent.size(), 1u);
    return spent.empty() ? 0 : spent[0].key;
  };
  for (const Words& other : {
           Words{"control: the same", "a", "b:c", "pw", true},
           Words{"cut elsewhere", "a:b", "c", "pw", false},
           Words{"the prefix takes of the route", "ab", ":c", "pw", false},
           Words{"the route takes of the password", "a", "b:cp", "w", false},
           Words{"no password", "a", "b:c", "", false},
           Words{"the password in the prefix", "apw", "b:c", "", false},
           Words{"another case of the route", "a", "B:c", "pw", false},
           Words{"another case of the password", "a", "b:c", "Pw", false},
           Words{"another prefix", "b", "b:c", "pw", false},
       }) {
    EXPECT_EQ(key_of(one, "somebody") == key_of(other, "somebody"), other.same) << other.name;
  }
  for (const std::string& who :
       {std::string(), std::string("Somebody"), std::string("somebody "),
        std::string("somebody\0", 9), std::string("somebody\r\n"), std::string(100'000, 's')}) {
    EXPECT_NE(key_of(one, "somebody"), key_of(one, who)) << who.size();
  }
}

TEST(RateLimiterTest, FieldsSayWhatTheLimitIs) {
  const RateLimitRule rule{.requests = 10, .per = std::chrono::minutes(1)};
  EXPECT_EQ(RateLimitPolicyValue("api", rule), "\"api\";q=10;w=60");
  TokenBuckets::Verdict verdict{};
  verdict.remaining = 3;
  verdict.reset = milliseconds(1500);
  verdict.retry_after = milliseconds(10);
  EXPECT_EQ(RateLimitValue("api", verdict), "\"api\";r=3;t=2");
  EXPECT_EQ(RetryAfterValue(verdict), "1");
  verdict.retry_after = milliseconds(2001);
  EXPECT_EQ(RetryAfterValue(verdict), "3");
}

}  // namespace
}  // namespace holdfast::policy
