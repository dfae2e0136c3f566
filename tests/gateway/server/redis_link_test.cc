#include "gateway/server/redis_link.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/clock.h"
#include "tests/support/deadline.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::server {
namespace {

using metrics::Metric;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::UpstreamConnection;

constexpr char kScriptName[] = "0123456789abcdef0123456789abcdef01234567";
constexpr std::string_view kScriptLoaded = "$40\r\n0123456789abcdef0123456789abcdef01234567\r\n";

// How often it is there.
int Times(std::string_view word, std::string_view text) {
  int times = 0;
  for (size_t at = 0; (at = text.find(word, at)) != text.npos; at += word.size()) ++times;
  return times;
}

// The system's clock, put on when a test has nothing else to wait for.
class SkippingClock final : public pool::Clock {
 public:
  pool::TimePoint Now() const override { return system_.Now() + skipped_; }
  pool::WallTime WallNow() const override { return system_.WallNow() + skipped_; }
  void Skip(pool::Duration time) { skipped_ += time; }

 private:
  pool::SystemClock system_;
  pool::Duration skipped_{};
};

// A link and a Redis whose every byte is the test's.
class RedisLinkTest : public testing::Test {
 protected:
  policy::SharedLimit Shared() const {
    return {.redis = redis_.address(), .sync = milliseconds(10), .timeout = seconds(20)};
  }
  void Start(const policy::SharedLimit& shared, uint32_t requests = 10) {
    policy::RateLimitRule rule{.requests = requests, .per = seconds(1000), .shared = shared};
    limiter_ = std::make_shared<policy::RateLimiter>(
        rule, policy::RateLimiter::SharedSeed(shared, "api"), clock_.Now());
    link_ = std::make_unique<RedisLink>(&main_, shared, nullptr);
    link_->SetMembers({{.route = "api", .limiter = limiter_}});
  }
  [[nodiscard]] bool Await(const std::function<bool()>& done) {
    return support::Eventually([&] {
      main_.loop.RunOnce(pool::Duration::zero());
      return done();
    });
  }
  // Until the link has connected. Its pause passes quickly.
  void AwaitAttempt(const support::ScriptedUpstream& redis) {
    EXPECT_TRUE(Await([&] {
      const support::Deadline at_once(milliseconds(1));
      if (support::AwaitReady(redis.fd(), POLLIN, at_once)) return true;
      clock_.Skip(milliseconds(50));
      return false;
    }));
  }
  // Lets so much time pass, and what is due then happen.
  void Pass(pool::Duration time) {
    clock_.Skip(time);
    main_.loop.RunOnce(pool::Duration::zero());
  }
  // What the link has sent by the time that this is its end.
  std::string AwaitEnd(UpstreamConnection& connection, std::string_view end) {
    std::string sent;
    EXPECT_TRUE(Await([&] {
      support::StreamEnd over = support::StreamEnd::kOpen;
      sent += connection.ReadNow(&over);
      return sent.ends_with(end);
    })) << sent;
    return sent;
  }
  UpstreamConnection Greeted() { return Greeted(redis_); }
  UpstreamConnection Greeted(support::ScriptedUpstream& redis) {
    AwaitAttempt(redis);
    UpstreamConnection connection = redis.Accept();
    AwaitEnd(connection, "return math.ceil(full - now)\n\r\n");
    connection.Send(kScriptLoaded);
    EXPECT_TRUE(Await([&] { return up(); }));
    return connection;
  }
  // A batch that succeeds.
  void Sync(UpstreamConnection& connection) {
    const uint64_t before = Syncs("synced");
    EXPECT_TRUE(Take());
    AwaitEnd(connection, "\r\n");
    connection.Send(":0\r\n");
    EXPECT_TRUE(Await([&] { return Syncs("synced") == before + 1; }));
  }
  bool Take(std::string_view key = "a") { return limiter_->Take(key, main_.loop.now()).allowed; }
  bool up() const { return link_->up(); }
  uint64_t Syncs(std::string_view result) {
    return main_.shard->CounterFor(Metric::kSharedRateLimitSyncsTotal, {redis_.address(), result})
        .value();
  }
  uint64_t dropped() {
    return main_.shard->CounterFor(Metric::kSharedRateLimitDroppedTotal, {redis_.address()})
        .value();
  }

  support::ScriptedUpstream redis_;
  SkippingClock clock_;
  MainContext main_{.clock = &clock_};
  std::shared_ptr<policy::RateLimiter> limiter_;
  std::unique_ptr<RedisLink> link_;
};

TEST_F(RedisLinkTest, SaysWhoItIsAndLoadsItsScript) {
  policy::SharedLimit shared = Shared();
  shared.username = "edge";
  shared.password = "word";
  shared.database = 3;
  Start(shared);
  UpstreamConnection connection = redis_.Accept();
  const std::string sent = AwaitEnd(connection, "return math.ceil(full - now)\n\r\n");
  EXPECT_TRUE(
      sent.starts_with("*3\r\n$4\r\nAUTH\r\n$4\r\nedge\r\n$4\r\nword\r\n"
                       "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
                       "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n"))
      << sent;
  EXPECT_FALSE(up());
  connection.Send("+OK\r\n+OK\r\n");
  connection.Send(kScriptLoaded);
  EXPECT_TRUE(Await([&] { return up(); }));
  EXPECT_EQ(Syncs("failed"), 0u);
}

TEST_F(RedisLinkTest, TellsWhatWasSpentAndLearnsWhatAllHaveSpent) {
  Start(Shared());
  UpstreamConnection connection = Greeted();
  EXPECT_TRUE(Take());
  EXPECT_TRUE(Take());
  // 100 s are between two tokens, and 16 times ten of them and a sync may be owed.
  const std::string sent =
      AwaitEnd(connection, "$1\r\n2\r\n$9\r\n100000000\r\n$11\r\n16000160000\r\n");
  EXPECT_TRUE(sent.starts_with("*7\r\n$7\r\nEVALSHA\r\n$40\r\n" + std::string(kScriptName) +
                               "\r\n$1\r\n1\r\n$27\r\nholdfast:api:"))
      << sent;
  EXPECT_EQ(Syncs("synced"), 0u);
  connection.Send(":950000000\r\n");
  EXPECT_TRUE(Await([&] { return Syncs("synced") == 1; }));
  EXPECT_FALSE(Take()) << "others have taken the rest";
  EXPECT_TRUE(Take("b"));
  EXPECT_NE(AwaitEnd(connection, "16000160000\r\n"), "") << "the next batch has the next spending";
  connection.Send(":0\r\n");
  EXPECT_TRUE(Await([&] { return Syncs("synced") == 2; }));
  EXPECT_EQ(dropped(), 0u);
}

// None of a client's bytes comes to Redis: whatever it is counted by, the command is the same but
// for fourteen digits.
TEST_F(RedisLinkTest, WhateverIsCountedByTheCommandKeepsItsShape) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes.push_back(static_cast<char>(byte));
  const std::pair<std::string_view, std::string> keys[] = {
      {"control", "somebody"},
      {"empty", ""},
      {"ends of lines", "\r\n"},
      {"a command behind it", "a\r\n*1\r\n$8\r\nFLUSHALL\r\n"},
      {"an inline command", "\r\nFLUSHALL\r\n"},
      {"a length", "$1000000\r\n"},
      {"NUL", std::string(1, '\0')},
      {"NUL in a name", std::string("somebody\0else", 13)},
      {"every byte", all_bytes},
      {"a megabyte", std::string(1 << 20, 'k')},
      {"a megabyte of ends of lines", std::string(1 << 20, '\n')},
      {"a key of Redis", "holdfast:api:00000000000000"},
      {"a pattern", "*"},
      {"a hash tag", "{a}"},
      {"a format", "%s%n%014x"},
      {"a script", "\"); redis.call('FLUSHALL') --"},
  };
  Start(Shared());
  UpstreamConnection connection = Greeted();
  const std::string before = "*7\r\n$7\r\nEVALSHA\r\n$40\r\n" + std::string(kScriptName) +
                             "\r\n$1\r\n1\r\n$27\r\nholdfast:api:";
  const std::string after = "\r\n$1\r\n1\r\n$9\r\n100000000\r\n$11\r\n16000160000\r\n";
  std::set<std::string> seen;
  uint64_t synced = 0;
  for (const auto& [name, key] : keys) {
    SCOPED_TRACE(name);
    EXPECT_TRUE(Take(key));
    const std::string sent = AwaitEnd(connection, after);
    ASSERT_EQ(sent.size(), before.size() + 14 + after.size());
    EXPECT_TRUE(sent.starts_with(before));
    const std::string digits = sent.substr(before.size(), 14);
    EXPECT_EQ(digits.find_first_not_of("0123456789abcdef"), digits.npos) << digits;
    EXPECT_TRUE(seen.insert(digits).second) << "another's key";
    connection.Send(":0\r\n");
    EXPECT_TRUE(Await([&] { return Syncs("synced") == synced + 1; }));
    ++synced;
  }
  EXPECT_EQ(Syncs("failed"), 0u);
}

TEST_F(RedisLinkTest, ABigBatchFollowsAnother) {
  Start(Shared());
  UpstreamConnection connection = Greeted();
  const size_t keys = RedisLink::kMaxBatch + 100;
  for (size_t i = 0; i < keys; ++i) EXPECT_TRUE(Take(std::to_string(i)));
  std::string sent;
  size_t answered = 0;
  EXPECT_TRUE(Await([&] {
    support::StreamEnd over = support::StreamEnd::kOpen;
    sent += connection.ReadNow(&over);
    for (size_t at; (at = sent.find("EVALSHA")) != sent.npos; ++answered) {
      sent.erase(0, at + 7);
      connection.Send(":1\r\n");
    }
    return Syncs("synced") == 2;
  }));
  EXPECT_EQ(answered + dropped(), keys);
}

// Nothing that Redis says or does is more than a failure, after which it is asked anew.
TEST_F(RedisLinkTest, WhateverRedisAnswersTheLocalLimitGoesOn) {
  Start(Shared(), 1'000'000);
  uint64_t failures = 0;
  for (const std::string_view answer :
       {"-NOSCRIPT No matching script\r\n", "$-1\r\n", "+OK\r\n", "*1\r\n:1\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n", ":1\r\n:2\r\n", "$2000000000\r\n"}) {
    UpstreamConnection connection = Greeted();
    Sync(connection);
    EXPECT_TRUE(Take());
    AwaitEnd(connection, "\r\n");
    connection.Send(answer);
    if (answer.starts_with("$2")) connection.Send(std::string(10'000, 'a'));
    EXPECT_TRUE(Await([&] { return !up(); })) << answer;
    EXPECT_EQ(Syncs("failed"), ++failures) << answer;
    EXPECT_TRUE(Take());
  }
  EXPECT_GE(dropped(), failures - 1);
}

TEST_F(RedisLinkTest, NumbersAreTakenAsFarAsTheyMakeSense) {
  Start(Shared(), 1'000'000);
  UpstreamConnection connection = Greeted();
  uint64_t synced = 0;
  for (const std::string_view answer :
       {":-1\r\n", ":-9223372036854775808\r\n", ":0\r\n", ":9223372036854775807\r\n"}) {
    EXPECT_TRUE(Take());
    AwaitEnd(connection, "\r\n");
    connection.Send(answer);
    EXPECT_TRUE(Await([&] { return Syncs("synced") == synced + 1; })) << answer;
    ++synced;
  }
  EXPECT_FALSE(Take()) << "so much is owed";
}

TEST_F(RedisLinkTest, AGreetingThatIsRefusedIsAFailure) {
  for (const std::string_view answer :
       {"-NOAUTH Authentication required.\r\n", "$3\r\nabc\r\n", ":1\r\n"}) {
    Start(Shared());
    UpstreamConnection connection = redis_.Accept();
    AwaitEnd(connection, "return math.ceil(full - now)\n\r\n");
    const uint64_t before = Syncs("failed");
    connection.Send(answer);
    EXPECT_TRUE(Await([&] { return Syncs("failed") == before + 1; })) << answer;
    EXPECT_FALSE(up());
  }
}

// As one does whose user may load scripts but not run them.
TEST_F(RedisLinkTest, AScriptThatMayNotRunIsTriedAfterPausesThatGrowAndToldOfOnce) {
  Start(Shared(), 1'000'000);
  testing::internal::CaptureStderr();
  pool::Duration pause = RedisLink::kFirstPause;
  for (uint64_t failures = 1; failures <= 5; ++failures) {
    UpstreamConnection connection = Greeted();
    EXPECT_TRUE(Take());
    AwaitEnd(connection, "\r\n");
    const pool::TimePoint before = clock_.Now();
    if (failures == 4) {
      connection.Close();
    } else {
      connection.Send("-NOPERM no\r\n");
    }
    EXPECT_TRUE(Await([&] { return Syncs("failed") == failures; }));
    AwaitAttempt(redis_);
    EXPECT_GE(clock_.Now() - before, pause) << failures;
    pause *= 2;
  }
  UpstreamConnection connection = Greeted();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(Times("NOPERM", log), 1) << log;
  EXPECT_EQ(Times("shared again", log), 0) << log;
  testing::internal::CaptureStderr();
  Sync(connection);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("shared again"), std::string::npos);
}

// A proxy in front of a Redis that is away may do so, or one that has too many clients.
TEST_F(RedisLinkTest, ARedisThatGreetsAndClosesIsTriedAfterPausesThatGrowAndToldOfOnce) {
  Start(Shared());
  testing::internal::CaptureStderr();
  pool::Duration pause = RedisLink::kFirstPause;
  for (uint64_t losses = 1; losses <= 8; ++losses) {
    UpstreamConnection connection = Greeted();
    const pool::TimePoint before = clock_.Now();
    connection.Close();
    EXPECT_TRUE(Await([&] { return Syncs("failed") == losses; })) << losses;
    EXPECT_FALSE(up());
    AwaitAttempt(redis_);
    EXPECT_GE(clock_.Now() - before, pause) << losses;
    pause = std::min(2 * pause, RedisLink::kLastPause);
  }
  UpstreamConnection connection = Greeted();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(Times("it closed the connection", log), 1) << log;
  EXPECT_EQ(Times("shared again", log), 0) << log;
}

TEST_F(RedisLinkTest, ARedisThatAcceptsAndClosesIsTriedAfterPausesThatGrowAndToldOfOnce) {
  Start(Shared());
  testing::internal::CaptureStderr();
  pool::Duration pause = RedisLink::kFirstPause;
  for (uint64_t losses = 1; losses <= 4; ++losses) {
    AwaitAttempt(redis_);
    const pool::TimePoint before = clock_.Now();
    redis_.Accept().Reset();
    EXPECT_TRUE(Await([&] { return Syncs("failed") == losses; })) << losses;
    AwaitAttempt(redis_);
    EXPECT_GE(clock_.Now() - before, pause) << losses;
    pause *= 2;
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(Times("until it is back", log), 1) << log;
}

TEST_F(RedisLinkTest, OneThatStaysUpHasServedThoughNobodyAsks) {
  Start(Shared());
  testing::internal::CaptureStderr();
  Greeted().Close();
  EXPECT_TRUE(Await([&] { return Syncs("failed") == 1; }));
  UpstreamConnection connection = Greeted();
  Pass(RedisLink::kProof + milliseconds(100));
  connection.Close();
  UpstreamConnection next = Greeted();
  EXPECT_EQ(Syncs("failed"), 1u) << "it had idled too long";
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(Times("it closed the connection", log), 1) << log;
  EXPECT_EQ(Times("shared again", log), 1) << log;
}

TEST_F(RedisLinkTest, OneThatHoldsItsFirstBatchForLongHasNotServed) {
  Start(Shared());
  testing::internal::CaptureStderr();
  for (uint64_t failures = 1; failures <= 3; ++failures) {
    UpstreamConnection connection = Greeted();
    EXPECT_TRUE(Take());
    AwaitEnd(connection, "\r\n");
    Pass(RedisLink::kProof + milliseconds(100));
    connection.Close();
    EXPECT_TRUE(Await([&] { return Syncs("failed") == failures; }));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(Times("until it is back", log), 1) << log;
  EXPECT_EQ(Times("shared again", log), 0) << log;
}

TEST_F(RedisLinkTest, AnErrorThatQuotesThePasswordIsNotShown) {
  for (const std::string_view answer :
       {"-ERR unknown command 'AUTH', with args beginning with: 'hush-hush' \r\n",
        "-ERR unknown command 'AUTH', with args beginning with: 'hush-\r\n",
        "-ERR what is 'hush-hush'?\r\n"}) {
    policy::SharedLimit shared = Shared();
    shared.password = "hush-hush";
    Start(shared);
    UpstreamConnection connection = redis_.Accept();
    AwaitEnd(connection, "return math.ceil(full - now)\n\r\n");
    testing::internal::CaptureStderr();
    const uint64_t before = Syncs("failed");
    connection.Send(answer);
    EXPECT_TRUE(Await([&] { return Syncs("failed") == before + 1; }));
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_NE(log.find("it says"), log.npos) << log;
    EXPECT_EQ(log.find("hush"), log.npos) << log;
  }
}

TEST_F(RedisLinkTest, ARedisThatHangsIsGivenUp) {
  policy::SharedLimit shared = Shared();
  shared.timeout = seconds(1);
  Start(shared);
  UpstreamConnection first = redis_.Accept();
  EXPECT_TRUE(Await([&] { return Syncs("failed") == 1; })) << "before it has greeted";
  UpstreamConnection second = Greeted();
  EXPECT_TRUE(Take());
  EXPECT_TRUE(Await([&] { return Syncs("failed") == 2; })) << "with a batch";
  EXPECT_EQ(dropped(), 1u);
  EXPECT_TRUE(Take());
  EXPECT_TRUE(Await([&] { return dropped() == 2u; })) << "nothing piles up";
  UpstreamConnection third = Greeted();
  EXPECT_EQ(Syncs("failed"), 2u);
}

TEST_F(RedisLinkTest, AConnectionThatIdledTooLongIsRenewedWithoutAWord) {
  Start(Shared());
  UpstreamConnection first = Greeted();
  Sync(first);
  first.Close();
  UpstreamConnection second = Greeted();
  EXPECT_EQ(Syncs("failed"), 0u);
}

TEST_F(RedisLinkTest, ARedisThatIsNotThereIsTriedAgain) {
  const std::string address = redis_.address();
  redis_.StopListening();
  Start({.redis = address, .sync = milliseconds(10), .timeout = seconds(20)});
  EXPECT_TRUE(Await([&] { return Syncs("failed") >= 2; }));
  support::ScriptedUpstream back(address);
  UpstreamConnection connection = Greeted(back);
  EXPECT_TRUE(Take());
  AwaitEnd(connection, "\r\n");
}

TEST_F(RedisLinkTest, MayGoAtAnyTime) {
  Start(Shared());
  link_.reset();
  Start(Shared());
  redis_.Accept();
  UpstreamConnection connection = Greeted();
  EXPECT_TRUE(Take());
  AwaitEnd(connection, "\r\n");
  link_.reset();
  connection.Send(":1\r\n");
  main_.loop.RunOnce(pool::Duration::zero());
}

}  // namespace
}  // namespace holdfast::server
