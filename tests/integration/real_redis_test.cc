// Two gateways that share rate limits by a real Redis.

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/subprocess.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

constexpr char kUp[] = "holdfast_shared_rate_limit_up";
constexpr char kSyncs[] = "holdfast_shared_rate_limit_syncs_total";

// Redis at a UNIX socket of its own, for whoever knows the password, with nothing on disk.
class Redis {
 public:
  Redis() { Start(); }

  std::string address() const { return "unix:" + dir_.Path("redis"); }
  void Start() {
    process_ = std::make_unique<Subprocess>(std::vector<std::string>{
        "redis-server", "--port", "0", "--unixsocket", dir_.Path("redis"), "--dir", dir_.Path(""),
        "--save", "", "--appendonly", "no", "--requirepass", "sesame"});
    EXPECT_TRUE(Eventually([&] {
      return process_->Poll().has_value() ||
             process_->Stdout().find("ready to accept connections") != std::string::npos;
    }));
    EXPECT_FALSE(process_->Poll().has_value())
        << "redis-server did not start (Debian's redis-server): " << process_->Stdout();
  }
  void Kill() {
    process_->Signal(SIGKILL);
    process_->Wait();
  }
  // What it has, by the pattern of a key.
  std::string Keys(const std::string& pattern) const {
    return RunProgram({"redis-cli", "-s", dir_.Path("redis"), "-a", "sesame", "--no-auth-warning",
                       "KEYS", pattern})
        .out;
  }

 private:
  TempDir dir_;
  std::unique_ptr<Subprocess> process_;
};

GatewayConfig Sharing(const Redis& redis, const std::string& limit) {
  return {.routes = "- {name: api, respond: {body: served}, rate_limit: {" + limit +
                    ", key: \"header:x-key\", shared: {redis: \"" + redis.address() +
                    "\", password: sesame, sync: 20ms}}}\n"};
}

// One of them, with a client.
struct Replica {
  explicit Replica(const GatewayConfig& config) : gateway(config), client(gateway.address()) {
    gateway.AwaitMetric(kUp, {}, 1);
  }
  // Whether a request of this key is served.
  bool Serves(const std::string& key) {
    const int status = client.Get("/", "X-Key: " + key + "\r\n").Status();
    EXPECT_TRUE(status == 200 || status == 429) << status;
    return status == 200;
  }
  int CountServed(const std::string& key, int requests) {
    int served = 0;
    for (int i = 0; i < requests; ++i) served += Serves(key) ? 1 : 0;
    return served;
  }
  // Whatever was served before is told, and its answer known: of two batches the second one begins
  // after that. Requests of another key make them.
  void Settle() {
    for (int i = 0; i < 2; ++i) {
      const double before = gateway.Scrape().Value(kSyncs, {{"result", "synced"}});
      EXPECT_TRUE(Serves("settling"));
      gateway.AwaitMetricAtLeast(kSyncs, {{"result", "synced"}}, before + 1);
    }
  }

  GatewayProcess gateway;
  RawClient client;
};

// Both together let through what one would, and one request more: the first after a pause, with
// which a gateway learns what others did meanwhile.
void ExpectOneLimit(Replica& one, Replica& other, const std::string& key, int limit) {
  int served = one.CountServed(key, limit / 2);
  EXPECT_EQ(served, limit / 2);
  one.Settle();
  served += other.CountServed(key, 1);
  other.Settle();
  served += other.CountServed(key, limit);
  EXPECT_GE(served, limit);
  other.Settle();
  served += one.CountServed(key, 1);
  one.Settle();
  served += one.CountServed(key, limit);
  EXPECT_LE(served, limit + 2);  // the pace may have brought one, too
}

TEST(RealRedisTest, TwoGatewaysKeepOneLimit) {
  const Redis redis;
  const GatewayConfig config = Sharing(redis, "requests: 200, per: 10h");
  Replica one(config), other(config);
  ExpectOneLimit(one, other, "somebody", 200);
  EXPECT_NE(redis.Keys("holdfast:api:*"), "");
  EXPECT_EQ(redis.Keys("*somebody*"), "\n") << "keys are hashed";
  EXPECT_EQ(one.gateway.Scrape().Value(kSyncs, {{"result", "failed"}}), 0);
}

// Beyond the burst and the pace at most what both may let pass within one sync, which they owe.
TEST(RealRedisTest, ThePaceIsKeptByBothTogether) {
  const Redis redis;
  const GatewayConfig config = Sharing(redis, "requests: 100, per: 1s, burst: 20");
  Replica one(config), other(config);
  const auto start = std::chrono::steady_clock::now();
  auto last = start;
  double most = 0;    // that one limit lets pass
  double asked = 20;  // of that, what was asked for before it was more than the burst
  int served = 0;
  const auto seconds_since = [](auto then) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
  };
  // What passes while Redis is kept from running is made up for later.
  while (seconds_since(start) < 4 || (served > most * 1.3 && seconds_since(start) < 20)) {
    served += one.Serves("a") ? 1 : 0;
    served += other.Serves("a") ? 1 : 0;
    most = 20 + 100 * seconds_since(start);
    asked += 100 * std::min(seconds_since(last), 0.2);
    last = std::chrono::steady_clock::now();
  }
  EXPECT_LE(served, most * 1.3) << "each by itself would come to twice as much";
  EXPECT_GE(served, asked * 0.5);
}

TEST(RealRedisTest, WithoutRedisRequestsGoOnAndAfterwardsTheLimitIsSharedAgain) {
  Redis redis;
  const GatewayConfig config = Sharing(redis, "requests: 200, per: 10h");
  Replica one(config), other(config);
  EXPECT_EQ(one.CountServed("before", 20), 20);
  redis.Kill();
  EXPECT_EQ(one.CountServed("meanwhile", 250), 200) << "each keeps the limit by itself";
  EXPECT_EQ(other.CountServed("meanwhile", 250), 200);
  one.gateway.AwaitMetric(kUp, {}, 0);
  other.gateway.AwaitMetric(kUp, {}, 0);
  EXPECT_TRUE(one.gateway.AwaitStderr("each gateway keeps shared rate limits by itself"));
  redis.Start();
  one.gateway.AwaitMetric(kUp, {}, 1);
  other.gateway.AwaitMetric(kUp, {}, 1);
  EXPECT_TRUE(one.gateway.AwaitStderr("rate limits are shared again"));
  ExpectOneLimit(one, other, "afterwards", 200);
}

}  // namespace
}  // namespace holdfast::support
