#include "gateway/server/key_keeper.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "tests/gateway/auth/test_tokens.h"
#include "tests/support/manual_clock.h"

namespace holdfast::server {
namespace {

using metrics::Metric;
using pool::TestKeyPair;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr char kUrl[] = "https://i.test/jwks.json";

const std::string& Jwk() {
  static const std::string& jwk = *new std::string(
      auth::JwkOf(TestKeyPair::Make(pool::PublicKey::Kind::kEd25519), R"(,"kid":"one")"));
  return jwk;
}
const std::string& OtherJwk() {
  static const std::string& jwk = *new std::string(
      auth::JwkOf(TestKeyPair::Make(pool::PublicKey::Kind::kEd25519), R"(,"kid":"two")"));
  return jwk;
}

fetch::Response Ok(std::string body, std::string cache_control = "") {
  return {.status = 200, .body = std::move(body), .cache_control = std::move(cache_control)};
}

// What servers answer, by URL; the last answer stays. One without any is silent.
struct Site {
  std::map<std::string, std::deque<fetch::Response>> answers;
  std::vector<fetch::Request> asked;
  std::vector<std::string> authorities;
  size_t under_way = 0;
  size_t most_under_way = 0;
};

class ScriptedExchanges final : public fetch::Exchanges {
 public:
  ScriptedExchanges(pool::EventLoop* loop, Site* site) : loop_(loop), site_(site) {}
  ~ScriptedExchanges() override {
    if (started_) --site_->under_way;
  }

  void Start(fetch::Request request, Callback callback) override {
    ASSERT_FALSE(started_) << "one for each fetch";
    started_ = true;
    site_->most_under_way = std::max(site_->most_under_way, ++site_->under_way);
    callback_ = std::move(callback);
    auto& answers = site_->answers[request.url];
    site_->asked.push_back(std::move(request));
    if (answers.empty()) return;
    answer_ = answers.front();
    if (answers.size() > 1) answers.pop_front();
    loop_->Queue(task_);
  }

 private:
  void Tell() {
    Callback callback = std::move(callback_);
    callback(std::move(answer_));
  }

  pool::EventLoop* loop_;
  Site* site_;
  bool started_ = false;
  fetch::Response answer_;
  Callback callback_;
  pool::MemberTask<ScriptedExchanges, &ScriptedExchanges::Tell> task_{this};
};

class KeyKeeperTest : public testing::Test {
 protected:
  KeyKeeperTest() {
    keeper_.emplace(&loop_, shard_,
                    KeyKeeper::Callbacks{.connect =
                                             [this](const config::Dns&, pool::TlsFile authorities) {
                                               site_.authorities.push_back(authorities.pem);
                                               return std::make_unique<ScriptedExchanges>(&loop_,
                                                                                          &site_);
                                             },
                                         .changed = [this] { ++changes_; }});
  }
  ~KeyKeeperTest() override {
    keeper_.reset();
    loop_.DestroyAside();
  }

  static config::Config ConfigFor(const std::vector<std::string>& urls,
                                  const std::string& authorities = "") {
    config::Config config;
    for (const std::string& url : urls) {
      config::Route& route = config.routes.emplace_back();
      route.jwt = auth::TokenRules{.jwks = url, .issuer = "i", .audience = "a"};
      route.jwt->authorities.pem = authorities;
    }
    return config;
  }
  void Adopt(const std::vector<std::string>& urls = {kUrl}, const std::string& authorities = "") {
    keeper_->Adopt(ConfigFor(urls, authorities));
    Turn();
  }
  void Say(fetch::Response response, const std::string& url = kUrl) {
    site_.answers[url] = {std::move(response)};
  }
  void Turn() {
    for (int turn = 0; turn < 5; ++turn) loop_.RunOnce(pool::Duration::zero());
  }
  void Wait(pool::Duration time) {
    clock_.Advance(time);
    Turn();
  }
  // The identifiers of the keys that a route would have now, such as "one,two".
  std::string Keys(const std::string& url = kUrl) {
    config::Config config = ConfigFor({url});
    keeper_->Fill(&config);
    if (config.routes[0].jwt->keys == nullptr) return "none";
    EXPECT_FALSE(config.routes[0].jwt->identity.empty());
    std::string ids;
    for (const auto& key : config.routes[0].jwt->keys->keys()) {
      ids += (ids.empty() ? "" : ",") + key.id;
    }
    return ids;
  }
  size_t asked() const { return site_.asked.size(); }
  uint64_t Count(const std::string& result, const std::string& url = kUrl) {
    return shard_->CounterFor(Metric::kJwksFetchesTotal, {url, result}).value();
  }
  // In how many steps of time the next fetch begins.
  pool::Duration UntilNext(pool::Duration step = milliseconds(500)) {
    const size_t before = asked();
    pool::Duration waited{};
    while (asked() == before && waited < hours(30)) {
      Wait(step);
      waited += step;
    }
    return waited;
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  metrics::Registry registry_;
  metrics::Shard* shard_ = registry_.AddShard();
  Site site_;
  int changes_ = 0;
  std::optional<KeyKeeper> keeper_;
};

TEST_F(KeyKeeperTest, KeysAreFetchedAtOnceAndOnceForAllRoutes) {
  Say(Ok(auth::JwksOf({Jwk()})));
  keeper_->Adopt(ConfigFor({kUrl, "/file", kUrl}));
  EXPECT_EQ(Keys(), "none") << "nobody waits for them";
  EXPECT_FALSE(keeper_->AllKnown());
  Turn();
  EXPECT_EQ(asked(), 1u);
  EXPECT_EQ(site_.asked[0].url, kUrl);
  EXPECT_EQ(site_.asked[0].max_body_bytes, auth::KeySet::kMaxFileBytes);
  EXPECT_EQ(site_.asked[0].timeout, KeyKeeper::kTimeout);
  EXPECT_EQ(Keys(), "one");
  EXPECT_TRUE(keeper_->AllKnown());
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(Count("changed"), 1u);
  EXPECT_EQ(shard_->GaugeFor(Metric::kJwksLastSuccessTimestampSeconds, {kUrl}).value(),
            pool::ManualClock::kWallStart.time_since_epoch() / seconds(1));
}

TEST_F(KeyKeeperTest, WithoutUrlsNothingIsDone) {
  Adopt({"/file"});
  EXPECT_EQ(asked(), 0u);
  EXPECT_TRUE(keeper_->AllKnown());
  Wait(hours(1));
  EXPECT_EQ(asked(), 0u);
}

TEST_F(KeyKeeperTest, TheyAreFetchedAgainWhenTheyAreNoLongerFresh) {
  const struct {
    const char* control;
    pool::Duration least;
    pool::Duration most;
  } cases[] = {
      {"", minutes(9), KeyKeeper::kUsualAge},
      {"max-age=3600", minutes(54), minutes(60)},
      {"max-age=1", KeyKeeper::kLeastAge, KeyKeeper::kLeastAge},
      {"no-store", KeyKeeper::kLeastAge, KeyKeeper::kLeastAge},
      {"max-age=9999999", hours(21), KeyKeeper::kMostAge},
      {"max-age=nonsense", minutes(9), KeyKeeper::kUsualAge},
  };
  for (const auto& one : cases) {
    Say(Ok(auth::JwksOf({Jwk()}), one.control));
    Adopt({});
    Adopt();
    const pool::Duration next = UntilNext(seconds(20));
    EXPECT_GE(next, one.least) << one.control;
    EXPECT_LE(next, one.most + seconds(20)) << one.control;
  }
}

TEST_F(KeyKeeperTest, TheSameKeysInAnotherOrderAreNoChange) {
  Say(Ok(auth::JwksOf({Jwk(), OtherJwk()})));
  Adopt();
  Say(Ok("\n" + auth::JwksOf({OtherJwk(), Jwk()})));
  Wait(minutes(11));
  EXPECT_EQ(asked(), 2u);
  EXPECT_EQ(Count("same"), 1u);
  EXPECT_EQ(changes_, 1);
}

TEST_F(KeyKeeperTest, OthersTakeTheirPlace) {
  Say(Ok(auth::JwksOf({Jwk()})));
  Adopt();
  Say(Ok(auth::JwksOf({OtherJwk()})));
  Wait(minutes(11));
  EXPECT_EQ(Keys(), "two");
  EXPECT_EQ(changes_, 2);
}

TEST_F(KeyKeeperTest, WhateverFailsTheOldOnesStay) {
  Say(Ok(auth::JwksOf({Jwk()})));
  Adopt();
  const std::pair<fetch::Response, const char*> cases[] = {
      {{.trouble = "192.0.2.7:443: connect_refused"}, "unreachable"},
      {{.status = 500, .body = auth::JwksOf({OtherJwk()})}, "refused"},
      {{.status = 302, .body = auth::JwksOf({OtherJwk()}), .location = kUrl}, "refused"},
      {{.status = 204}, "refused"},
      {Ok(""), "unusable"},
      {Ok("<html>"), "unusable"},
      {Ok("{}"), "unusable"},
      {Ok(auth::JwksOf({})), "unusable"},
      {Ok(auth::JwksOf({R"({"kty":"oct","k":"AA"})"})), "unusable"},
      {Ok(auth::JwksOf({"7"})), "unusable"},
      {Ok(std::string(1000, '[')), "unusable"},
  };
  for (const auto& [response, result] : cases) {
    const uint64_t before = Count(result);
    Say(response);
    Wait(minutes(11));
    EXPECT_GT(Count(result), before) << result << " " << response.body;
    EXPECT_EQ(Keys(), "one") << response.body;
  }
  EXPECT_EQ(changes_, 1);
  Wait(hours(48));
  EXPECT_EQ(Keys(), "one") << "for however long";
  Say(Ok(auth::JwksOf({OtherJwk()})));
  Wait(KeyKeeper::kLastPause * 2);
  EXPECT_EQ(Keys(), "two");
}

// Nobody here can mend what an issuer publishes.
TEST_F(KeyKeeperTest, AKeyThatIsWrongIsLeftOut) {
  Say(Ok(auth::JwksOf({R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"bad"})", Jwk()})));
  Adopt();
  EXPECT_EQ(Keys(), "one");
}

TEST_F(KeyKeeperTest, FailuresAreRetriedEverMoreSlowly) {
  Say({.trouble = "no"});
  Adopt();
  EXPECT_EQ(Keys(), "none");
  pool::Duration pause = KeyKeeper::kFirstPause;
  for (int i = 0; i < 12; ++i) {
    const pool::Duration next = UntilNext();
    EXPECT_GE(next, pause - pause / 10) << i;
    EXPECT_LE(next, pause + pause / 10 + seconds(1)) << i;
    pause = std::min<pool::Duration>(pause * 2, KeyKeeper::kLastPause);
  }
  Say(Ok(auth::JwksOf({Jwk()})));
  UntilNext();
  EXPECT_EQ(Keys(), "one");
  Say({.trouble = "no"});
  UntilNext();
  EXPECT_LE(UntilNext(), seconds(2)) << "a success begins anew";
}

TEST_F(KeyKeeperTest, AnIssuerThatAsksForTimeIsLeftAlone) {
  Say(Ok(auth::JwksOf({Jwk()})));
  Adopt();
  Say({.status = 429, .retry_after = "120"});
  keeper_->Want(kUrl);
  Turn();
  EXPECT_EQ(asked(), 2u);
  for (int i = 0; i < 119; ++i) {
    keeper_->Want(kUrl);
    Wait(seconds(1));
  }
  EXPECT_EQ(asked(), 2u) << "whatever tokens name";
  Wait(seconds(2));
  EXPECT_EQ(asked(), 3u) << "what was asked for meanwhile is not forgotten";
}

TEST_F(KeyKeeperTest, HowLongAnIssuerIsLeftAloneHasALimit) {
  const auto pause_after = [this](fetch::Response response) {
    Say(Ok(auth::JwksOf({Jwk()})));
    Adopt({});
    Adopt();
    Say(std::move(response));
    UntilNext(seconds(20));
    return UntilNext();
  };
  pool::Duration pause = pause_after({.status = 503, .retry_after = "86400"});
  EXPECT_GE(pause, KeyKeeper::kLongestAsked);
  EXPECT_LE(pause, KeyKeeper::kLongestAsked + KeyKeeper::kLongestAsked / 10 + seconds(1));
  pause = pause_after({.status = 503, .retry_after = "30"});
  EXPECT_GE(pause, seconds(30));
  EXPECT_LE(pause, seconds(34));
  // Nobody else asks for anything, and some say nothing that can be read.
  for (const fetch::Response& other :
       {fetch::Response{.status = 500, .retry_after = "600"},
        fetch::Response{.status = 404, .retry_after = "600"},
        fetch::Response{.trouble = "the response broke off", .status = 200, .retry_after = "600"},
        fetch::Response{.status = 429, .retry_after = "soon"},
        fetch::Response{.status = 429, .retry_after = "-5"}, fetch::Response{.status = 429}}) {
    EXPECT_LE(pause_after(other), seconds(2)) << other.status << " " << other.retry_after;
  }
}

TEST_F(KeyKeeperTest, AnUnknownKeyIsLookedForAtOnceButNotOften) {
  Say(Ok(auth::JwksOf({Jwk()})));
  Adopt();
  EXPECT_EQ(asked(), 1u);
  Say(Ok(auth::JwksOf({Jwk(), OtherJwk()})));
  keeper_->Want(kUrl);
  Turn();
  EXPECT_EQ(asked(), 2u);
  EXPECT_EQ(Keys(), "one,two");
  // Whoever makes such names up gets one fetch a minute.
  for (int i = 0; i < 59; ++i) {
    keeper_->Want(kUrl);
    Wait(seconds(1));
  }
  EXPECT_EQ(asked(), 2u);
  Wait(seconds(2));
  EXPECT_EQ(asked(), 3u) << "what was asked for meanwhile is not forgotten";
  keeper_->Want("https://other.test/");
  Wait(seconds(61));
  EXPECT_EQ(asked(), 3u);
}

TEST_F(KeyKeeperTest, AFetchUnderWayIsNotBegunTwice) {
  Adopt();  // silent
  keeper_->Want(kUrl);
  Wait(minutes(2));
  keeper_->Want(kUrl);
  Turn();
  EXPECT_EQ(asked(), 1u);
}

TEST_F(KeyKeeperTest, AReloadKeepsWhatIsKnownAndForgetsTheRest) {
  const std::string other = "https://j.test/";
  Say(Ok(auth::JwksOf({Jwk()})));
  Say(Ok(auth::JwksOf({OtherJwk()})), other);
  Adopt({kUrl, other});
  EXPECT_EQ(asked(), 2u);
  Adopt({kUrl});
  EXPECT_EQ(asked(), 2u) << "it is fresh";
  EXPECT_EQ(Keys(), "one");
  EXPECT_EQ(Keys(other), "none");
  Wait(minutes(11));
  EXPECT_EQ(asked(), 3u);
}

TEST_F(KeyKeeperTest, WhoIsTrustedForAUrlIsPartOfIt) {
  Say(Ok(auth::JwksOf({Jwk()})));
  Adopt();
  Adopt({kUrl}, "PEM");
  EXPECT_EQ(asked(), 2u);
  EXPECT_EQ(site_.authorities, (std::vector<std::string>{"", "PEM"}));
  EXPECT_EQ(Keys(), "none") << "of a route with the system's authorities";
}

TEST_F(KeyKeeperTest, FewFetchesAreUnderWayAtATime) {
  std::vector<std::string> urls;
  for (size_t i = 0; i < 3 * KeyKeeper::kMaxFetches; ++i) {
    urls.push_back("https://i.test/" + std::to_string(i));
    Say(Ok(auth::JwksOf({Jwk()})), urls.back());
  }
  Adopt(urls);
  for (int turn = 0; turn < 100; ++turn) loop_.RunOnce(pool::Duration::zero());
  EXPECT_EQ(asked(), urls.size());
  EXPECT_EQ(site_.most_under_way, KeyKeeper::kMaxFetches);
  EXPECT_TRUE(keeper_->AllKnown());
}

TEST_F(KeyKeeperTest, AfterTheEndNothingIsFetched) {
  Adopt();  // silent
  keeper_->Stop();
  EXPECT_EQ(site_.under_way, 0u);
  Say(Ok(auth::JwksOf({Jwk()})));
  Adopt();
  keeper_->Want(kUrl);
  Wait(hours(1));
  EXPECT_EQ(asked(), 1u);
}

}  // namespace
}  // namespace holdfast::server
