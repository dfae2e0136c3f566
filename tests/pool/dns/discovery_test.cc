#include "pool/dns/discovery.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.h"
#include "tests/pool/dns/scripted_resolver.h"
#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SocketAddress At(std::string_view text) { return *SocketAddress::Parse(text); }

std::vector<EndpointSpec> Literals(std::initializer_list<std::string_view> texts) {
  std::vector<EndpointSpec> literals;
  for (const SocketAddress& address : Addresses(texts)) literals.push_back({.address = address});
  return literals;
}

std::vector<SocketAddress> AddressesOf(const DiscoveredEndpoints& discovered) {
  std::vector<SocketAddress> addresses;
  for (const EndpointSpec& spec : discovered.endpoints) addresses.push_back(spec.address);
  return addresses;
}

struct Change {
  std::string upstream;
  std::vector<SocketAddress> addresses;
  std::string note;
  bool operator==(const Change&) const = default;
};

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() { Make({}); }

  void Make(const DiscoveryOptions& options) {
    discovery_ = std::make_unique<Discovery>(
        &loop_, &resolver_, options, registry_.AddShard(),
        [this](const std::string& upstream, const DiscoveredEndpoints& endpoints) {
          EXPECT_EQ(discovery_->Current(upstream), endpoints);
          changes_.push_back({upstream, AddressesOf(endpoints), endpoints.note});
        });
  }

  void Set(std::vector<UpstreamNames> upstreams) { discovery_->SetUpstreams(std::move(upstreams)); }
  // The upstream "web" with one name.
  void SetWeb() { Set({{"web", {}, {{"web.svc", 80}}}}); }

  void Elapse(Duration time) {
    clock_.Advance(time);
    loop_.RunOnce(Duration::zero());
  }

  // Checks that the next question comes in the last tenth of `wait`.
  void ExpectNextQuestionAfter(Duration wait) {
    const size_t before = resolver_.asked.size();
    Elapse(wait / 10 * 9 - TimerWheel::kTick);
    EXPECT_EQ(resolver_.asked.size(), before) << "asked too early";
    Elapse(wait / 10 + TimerWheel::kTick);
    EXPECT_EQ(resolver_.asked.size(), before + 1) << "did not ask";
  }

  // Lets the time pass and fails every question that comes meanwhile.
  void ElapseFailing(Duration time, ResolveStatus status) {
    for (Duration passed{0}; passed < time; passed += TimerWheel::kTick) {
      Elapse(TimerWheel::kTick);
      while (!resolver_.waiting.empty()) resolver_.Fail(resolver_.waiting.front().first, status);
    }
  }

  // The upstream "web" with one name, found and due to be asked for again.
  void FindWebAndAwaitTheNextQuestion() {
    SetWeb();
    resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
    Elapse(seconds(30));
    ASSERT_EQ(resolver_.waiting.size(), 1u);
  }
  size_t EndpointsOfWeb() const { return discovery_->Current("web").endpoints.size(); }

  // The times of the second question for each of many names of equal TTL.
  std::vector<Duration> QuestionTimes(uint64_t seed) {
    constexpr int kNames = 200;
    resolver_.waiting.clear();
    Make({.seed = seed});
    UpstreamNames web{"web", {}, {}};
    for (int i = 0; i < kNames; ++i) web.names.push_back({"n" + std::to_string(i), 80});
    Set({web});
    while (!resolver_.waiting.empty()) {
      resolver_.Succeed(resolver_.waiting.front().first, {"10.0.0.1:80"}, seconds(100));
    }
    std::vector<Duration> times;
    for (Duration passed{0}; passed < seconds(100); passed += TimerWheel::kTick) {
      Elapse(TimerWheel::kTick);
      while (times.size() < resolver_.waiting.size()) times.push_back(passed + TimerWheel::kTick);
    }
    EXPECT_EQ(times.size(), size_t{kNames}) << "asked later than the TTL says";
    return times;
  }

  Change Present(const std::string& upstream) const {
    const DiscoveredEndpoints& present = discovery_->Current(upstream);
    return {upstream, AddressesOf(present), present.note};
  }

  uint64_t Lookups(const std::string& upstream, const std::string& result) const {
    const metrics::Sums sums = registry_.Collect();
    const auto& series = sums.Of<metrics::Counter>(metrics::Metric::kDnsLookupsTotal);
    const auto it = series.find({upstream, result});
    return it == series.end() ? 0 : it->second;
  }

  ManualClock clock_;
  EventLoop loop_{&clock_};
  metrics::Registry registry_;
  ScriptedResolver resolver_;
  std::vector<Change> changes_;
  std::unique_ptr<Discovery> discovery_;
};

TEST_F(DiscoveryTest, LiteralsAreThereAtOnceAndNeedNoLookup) {
  Set({{"web", Literals({"10.0.0.2:80", "10.0.0.1:80", "unix:/run/web"}), {}}});
  EXPECT_EQ(AddressesOf(discovery_->Current("web")),
            Addresses({"unix:/run/web", "10.0.0.1:80", "10.0.0.2:80"}));
  EXPECT_EQ(discovery_->Current("web").note, "");
  Elapse(seconds(600));
  EXPECT_TRUE(resolver_.asked.empty());
  EXPECT_TRUE(changes_.empty());
}

TEST_F(DiscoveryTest, ANameIsAskedForAtOnceAndTheNoteSaysSo) {
  SetWeb();
  EXPECT_EQ(resolver_.asked, std::vector<std::string>{"web.svc:80"});
  EXPECT_TRUE(AddressesOf(discovery_->Current("web")).empty());
  EXPECT_EQ(discovery_->Current("web").note, "waiting for DNS: web.svc");
  EXPECT_TRUE(changes_.empty());
}

TEST_F(DiscoveryTest, AnAnswerIsAChange) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80", "[fd00::1]:80"}, seconds(30));
  EXPECT_EQ(changes_,
            (std::vector<Change>{{"web", Addresses({"10.0.0.1:80", "[fd00::1]:80"}), ""}}));
}

TEST_F(DiscoveryTest, ALookupIsTimedForEachUpstreamThatNamesIt) {
  Set({{"web", {}, {{"web.svc", 80}}}, {"api", {}, {{"web.svc", 80}}}});
  Elapse(std::chrono::milliseconds(40));
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  const metrics::Sums sums = registry_.Collect();
  const auto& times = sums.Of<metrics::Histogram>(metrics::Metric::kDnsLookupSeconds);
  for (const char* upstream : {"web", "api"}) {
    EXPECT_EQ(times.at({upstream}).count(), 1u) << upstream;
    EXPECT_EQ(times.at({upstream}).sum_nanoseconds, 40'000'000u) << upstream;
  }
}

TEST_F(DiscoveryTest, LiteralsAndNamesMakeOneSortedSet) {
  Set({{"web", Literals({"10.0.0.5:80"}), {{"a.svc", 80}, {"b.svc", 80}}}});
  resolver_.Succeed("b.svc:80", {"10.0.0.1:80", "10.0.0.5:80"}, seconds(30));
  EXPECT_EQ(Present("web"),
            (Change{"web", Addresses({"10.0.0.1:80", "10.0.0.5:80"}), "waiting for DNS: a.svc"}));
  resolver_.Succeed("a.svc:80", {"10.0.0.9:80"}, seconds(30));
  EXPECT_EQ(Present("web"),
            (Change{"web", Addresses({"10.0.0.1:80", "10.0.0.5:80", "10.0.0.9:80"}), ""}));
}

TEST_F(DiscoveryTest, AsksAgainWhenTheTtlEnds) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  ExpectNextQuestionAfter(seconds(30));
  Elapse(seconds(3600));
  EXPECT_EQ(resolver_.asked.size(), 2u) << "one question at a time";
}

TEST_F(DiscoveryTest, TheTtlIsClamped) {
  Make({.min_ttl = seconds(5), .max_ttl = seconds(60)});
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(0));
  ExpectNextQuestionAfter(seconds(5));
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(86400));
  ExpectNextQuestionAfter(seconds(60));
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, Duration::max());
  ExpectNextQuestionAfter(seconds(60));
}

TEST_F(DiscoveryTest, TheSameSetAgainIsNoChange) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80", "10.0.0.2:80"}, seconds(1));
  changes_.clear();
  Elapse(seconds(1));
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80", "10.0.0.2:80"}, seconds(1));
  EXPECT_TRUE(changes_.empty());
  Elapse(seconds(1));
  resolver_.Succeed("web.svc:80", {"10.0.0.2:80"}, seconds(1));
  EXPECT_EQ(changes_, (std::vector<Change>{{"web", Addresses({"10.0.0.2:80"}), ""}}));
}

TEST_F(DiscoveryTest, TheFirstAnswerIsTriedForWithBackOff) {
  SetWeb();
  for (const milliseconds wait :
       {milliseconds(200), milliseconds(400), milliseconds(800), milliseconds(1600),
        milliseconds(3200), milliseconds(6400), milliseconds(12800), milliseconds(25600),
        milliseconds(30000), milliseconds(30000)}) {
    resolver_.Fail("web.svc:80", ResolveStatus::kTimeout);
    ExpectNextQuestionAfter(wait);
  }
  EXPECT_EQ(changes_, (std::vector<Change>{{"web", {}, "DNS: web.svc: no answer in time"}}))
      << "the same failure again is no change";
}

TEST_F(DiscoveryTest, AFailureKeepsTheAddressesAndIsRetriedWithBackOff) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  Elapse(seconds(30));
  changes_.clear();
  for (const seconds wait :
       {seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(30), seconds(30)}) {
    resolver_.Fail("web.svc:80", ResolveStatus::kServerError, "server returned general failure");
    ExpectNextQuestionAfter(wait);
  }
  EXPECT_EQ(changes_, (std::vector<Change>{{"web", Addresses({"10.0.0.1:80"}),
                                            "DNS: web.svc: server failure (server returned general "
                                            "failure), keeping the addresses known before"}}));
}

TEST_F(DiscoveryTest, ANameThatIsGoneKeepsItsAddresses) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  Elapse(seconds(30));
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound, "Domain name not found");
  EXPECT_EQ(Present("web"),
            (Change{"web", Addresses({"10.0.0.1:80"}),
                    "DNS: web.svc: not found, keeping the addresses known before"}));
}

TEST_F(DiscoveryTest, RecoveryClearsTheNoteAndTheBackOff) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  Elapse(seconds(30));
  resolver_.Fail("web.svc:80", ResolveStatus::kTimeout);
  Elapse(seconds(1));
  resolver_.Fail("web.svc:80", ResolveStatus::kTimeout);
  Elapse(seconds(2));
  changes_.clear();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(10));
  EXPECT_EQ(changes_, (std::vector<Change>{{"web", Addresses({"10.0.0.1:80"}), ""}}));
  ExpectNextQuestionAfter(seconds(10));
  resolver_.Fail("web.svc:80", ResolveStatus::kTimeout);
  ExpectNextQuestionAfter(seconds(1));
}

TEST_F(DiscoveryTest, AnotherKindOfFailureIsAChange) {
  SetWeb();
  resolver_.Fail("web.svc:80", ResolveStatus::kTimeout);
  Elapse(milliseconds(200));
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  ASSERT_EQ(changes_.size(), 2u);
  EXPECT_EQ(changes_[1], (Change{"web", {}, "DNS: web.svc: not found"}));
}

TEST_F(DiscoveryTest, TheNoteSaysWhyAddressesAreMissing) {
  for (const auto& [status, detail, note] :
       {std::tuple{ResolveStatus::kNotFound, "detail", "DNS: web.svc: not found"},
        {ResolveStatus::kTimeout, "detail", "DNS: web.svc: no answer in time"},
        {ResolveStatus::kServerError, "", "DNS: web.svc: server failure"},
        {ResolveStatus::kServerError, "detail", "DNS: web.svc: server failure (detail)"}}) {
    Set({});
    SetWeb();  // anew
    resolver_.Fail("web.svc:80", status, detail);
    EXPECT_EQ(discovery_->Current("web").note, note);
  }
}

TEST_F(DiscoveryTest, UpstreamsShareALookup) {
  Set({{"one", {}, {{"web.svc", 80}}},
       {"two", Literals({"10.0.0.9:80"}), {{"WEB.svc", 80}}},
       {"other port", {}, {{"web.svc", 81}}}});
  EXPECT_EQ(resolver_.asked, (std::vector<std::string>{"web.svc:80", "web.svc:81"}));
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  EXPECT_EQ(changes_,
            (std::vector<Change>{{"one", Addresses({"10.0.0.1:80"}), ""},
                                 {"two", Addresses({"10.0.0.1:80", "10.0.0.9:80"}), ""}}));
}

TEST_F(DiscoveryTest, ANameWrittenTwiceCountsOnce) {
  Set({{"web", {}, {{"web.svc", 80}, {"web.svc", 80}}}});
  EXPECT_EQ(resolver_.asked.size(), 1u);
  EXPECT_EQ(discovery_->Current("web").note, "waiting for DNS: web.svc");
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  EXPECT_EQ(changes_.size(), 1u);
  EXPECT_EQ(Lookups("web", "ok"), 1u);
}

TEST_F(DiscoveryTest, AReloadKeepsAddressesAndSchedule) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  Elapse(seconds(20));
  Set({{"new", {}, {{"web.svc", 80}, {"new.svc", 80}}}});
  EXPECT_EQ(resolver_.asked, (std::vector<std::string>{"web.svc:80", "new.svc:80"}));
  EXPECT_EQ(Present("new"),
            (Change{"new", Addresses({"10.0.0.1:80"}), "waiting for DNS: new.svc"}));
  ExpectNextQuestionAfter(seconds(10));
  changes_.clear();
  resolver_.Succeed("web.svc:80", {"10.0.0.2:80"}, seconds(30));
  ASSERT_EQ(changes_.size(), 1u) << "the upstream of before hears nothing";
  EXPECT_EQ(changes_[0].upstream, "new");
}

TEST_F(DiscoveryTest, AReloadKeepsAQuestionInFlight) {
  SetWeb();
  SetWeb();
  EXPECT_EQ(resolver_.asked.size(), 1u);
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  EXPECT_EQ(changes_.size(), 1u);
}

TEST_F(DiscoveryTest, ANameThatLeftIsNotAskedForAnyMore) {
  Set({{"web", {}, {{"old.svc", 80}, {"late.svc", 80}}}});
  resolver_.Succeed("old.svc:80", {"10.0.0.1:80"}, seconds(30));
  Set({{"web", Literals({"10.0.0.9:80"}), {}}});
  changes_.clear();
  EXPECT_EQ(Present("web"), (Change{"web", Addresses({"10.0.0.9:80"}), ""}));
  resolver_.Succeed("late.svc:80", {"10.0.0.2:80"}, seconds(30));
  Elapse(seconds(600));
  EXPECT_EQ(resolver_.asked.size(), 2u);
  EXPECT_TRUE(changes_.empty());
  EXPECT_EQ(Lookups("web", "ok"), 1u);
}

TEST_F(DiscoveryTest, ANameThatComesBackStartsAnew) {
  SetWeb();
  Set({});
  SetWeb();
  EXPECT_EQ(resolver_.asked.size(), 2u);
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  EXPECT_TRUE(changes_.empty()) << "the answer to a question that was dropped";
  resolver_.Succeed("web.svc:80", {"10.0.0.2:80"}, seconds(30));
  EXPECT_EQ(changes_.size(), 1u);
}

TEST_F(DiscoveryTest, ALongNoteCountsTheRest) {
  UpstreamNames web{"web", {}, {}};
  for (const char c : {'a', 'b', 'c', 'd', 'e', 'f'}) web.names.push_back({std::string(1, c), 80});
  Set({web});
  EXPECT_EQ(discovery_->Current("web").note,
            "waiting for DNS: a; waiting for DNS: b; waiting for DNS: c; waiting for DNS: d; "
            "and 2 more");
}

TEST_F(DiscoveryTest, EveryLookupIsCountedForEachUpstream) {
  Set({{"one", {}, {{"web.svc", 80}}}, {"two", {}, {{"web.svc", 80}}}});
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  Elapse(milliseconds(200));
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(1));
  Elapse(seconds(1));
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(1));
  for (const char* upstream : {"one", "two"}) {
    EXPECT_EQ(Lookups(upstream, "not_found"), 1u);
    EXPECT_EQ(Lookups(upstream, "ok"), 2u);
  }
}

TEST_F(DiscoveryTest, NamesThatWereAskedTogetherAreNotAskedTogetherAgain) {
  const std::vector<Duration> times = QuestionTimes(7);
  EXPECT_GE(times.front(), seconds(90));
  EXPECT_LT(times.front(), seconds(91));
  EXPECT_GT(times.back(), seconds(99));
  for (size_t i = 10; i < times.size(); ++i) EXPECT_LT(times[i - 10], times[i]);
}

TEST_F(DiscoveryTest, TheSeedMakesTheTimes) {
  const std::vector<Duration> times = QuestionTimes(7);
  EXPECT_EQ(QuestionTimes(7), times);
  EXPECT_NE(QuestionTimes(8), times);
}

TEST_F(DiscoveryTest, EndpointsHaveWhatTheConfigurationSays) {
  Set({{"web",
        {{.address = At("10.0.0.1:80"), .weight = 2},
         {.address = At("10.0.0.2:80"), .backup = true}},
        {{.host = "Web.svc.", .port = 80, .weight = 3},
         {.host = "b", .port = 80, .backup = true}}}});
  resolver_.Succeed("web.svc.:80", {"10.0.0.3:80", "10.0.0.4:80"}, seconds(30));
  resolver_.Succeed("b:80", {"10.0.0.5:80"}, seconds(30));
  EXPECT_EQ(discovery_->Current("web").endpoints,
            (std::vector<EndpointSpec>{
                {.address = At("10.0.0.1:80"), .weight = 2},
                {.address = At("10.0.0.2:80"), .backup = true},
                {.address = At("10.0.0.3:80"), .weight = 3, .host = "web.svc"},
                {.address = At("10.0.0.4:80"), .weight = 3, .host = "web.svc"},
                {.address = At("10.0.0.5:80"), .backup = true, .host = "b"},
            }));
}

TEST_F(DiscoveryTest, AnAddressOfSeveralSourcesIsThatOfTheBest) {
  Set({{"web",
        {{.address = At("10.0.0.1:80"), .weight = 2},
         {.address = At("10.0.0.2:80"), .weight = 3, .backup = true}},
        {{.host = "late", .port = 80, .weight = 4, .backup = true},
         {.host = "a", .port = 80, .weight = 5},
         {.host = "b", .port = 80, .weight = 6}}}});
  for (const char* name : {"b:80", "late:80", "a:80"}) {
    resolver_.Succeed(name, {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}, seconds(30));
  }
  EXPECT_EQ(discovery_->Current("web").endpoints,
            (std::vector<EndpointSpec>{{.address = At("10.0.0.1:80"), .weight = 2},
                                       {.address = At("10.0.0.2:80"), .weight = 5, .host = "a"},
                                       {.address = At("10.0.0.3:80"), .weight = 5, .host = "a"}}))
      << "first tier, then literals, then in order";
}

TEST_F(DiscoveryTest, ANameWrittenAsBackupAndAsNoneIsNone) {
  Set({{"web",
        {},
        {{.host = "a", .port = 80, .backup = true}, {.host = "a", .port = 80, .weight = 7}}}});
  resolver_.Succeed("a:80", {"10.0.0.1:80"}, seconds(30));
  EXPECT_EQ(discovery_->Current("web").endpoints,
            (std::vector<EndpointSpec>{{.address = At("10.0.0.1:80"), .weight = 7, .host = "a"}}));
}

TEST_F(DiscoveryTest, AServiceBringsPortsWeightsAndTiers) {
  Set({{"web", {}, {{.host = "_http._tcp.SVC", .srv = true}, {.host = "a.svc", .port = 80}}}});
  EXPECT_EQ(resolver_.asked, (std::vector<std::string>{"SRV _http._tcp.svc", "a.svc:80"}));
  resolver_.SucceedSrv("SRV _http._tcp.svc", {{"a.svc", 81, 1, 4}, {"b.svc", 82, 2, 5}},
                       seconds(30));
  resolver_.Succeed("a.svc.:81", {"10.0.0.1:81"}, seconds(20));
  EXPECT_EQ(EndpointsOfWeb(), 0u) << "all of a service or nothing";
  resolver_.Succeed("b.svc.:82", {"10.0.0.2:82"}, seconds(60));
  EXPECT_EQ(discovery_->Current("web").endpoints,
            (std::vector<EndpointSpec>{
                {.address = At("10.0.0.1:81"), .weight = 4, .host = "a.svc"},
                {.address = At("10.0.0.2:82"), .weight = 5, .backup = true, .host = "b.svc"}}));
  resolver_.Succeed("a.svc:80", {"10.0.0.1:80"}, seconds(3000));
  EXPECT_EQ(EndpointsOfWeb(), 3u);
  ExpectNextQuestionAfter(seconds(20));
  EXPECT_EQ(resolver_.asked.back(), "SRV _http._tcp.svc");
}

TEST_F(DiscoveryTest, ABackupServiceIsAllBackups) {
  Set({{"web", {}, {{.host = "svc", .srv = true, .backup = true}}}});
  resolver_.SucceedSrv("SRV svc", {{"a.svc", 81, 1, 4}}, seconds(30));
  resolver_.Succeed("a.svc.:81", {"10.0.0.1:81"}, seconds(30));
  ASSERT_EQ(EndpointsOfWeb(), 1u);
  EXPECT_TRUE(discovery_->Current("web").endpoints[0].backup);
}

TEST_F(DiscoveryTest, ATargetThatCannotBeAskedForKeepsItsAddresses) {
  Set({{"web", {}, {{.host = "svc", .srv = true}}}});
  const std::vector<SrvRecord> records = {{"a.svc", 81, 1, 1}, {"b.svc", 82, 1, 1}};
  resolver_.SucceedSrv("SRV svc", records, seconds(30));
  resolver_.Succeed("a.svc.:81", {"10.0.0.1:81"}, seconds(30));
  resolver_.Succeed("b.svc.:82", {"10.0.0.2:82"}, seconds(30));
  Elapse(seconds(30));
  resolver_.SucceedSrv("SRV svc", records, seconds(30));
  resolver_.Fail("a.svc.:81", ResolveStatus::kTimeout);
  resolver_.Succeed("b.svc.:82", {"10.0.0.3:82"}, seconds(30));
  EXPECT_EQ(Present("web"),
            (Change{"web", Addresses({"10.0.0.1:81", "10.0.0.3:82"}),
                    "DNS: svc: not all was answered, keeping the addresses known before"}));
  Elapse(seconds(30));
  resolver_.SucceedSrv("SRV svc", records, seconds(30));
  resolver_.Fail("a.svc.:81", ResolveStatus::kNotFound);
  resolver_.Succeed("b.svc.:82", {"10.0.0.3:82"}, seconds(30));
  EXPECT_EQ(Present("web"), (Change{"web", Addresses({"10.0.0.3:82"}), ""}));
}

TEST_F(DiscoveryTest, AServiceThatIsNotAvailableKeepsItsAddressesAndSaysWhy) {
  Set({{"web", {}, {{.host = "svc", .srv = true}}}});
  resolver_.SucceedSrv("SRV svc", {{"a.svc", 81, 1, 1}}, seconds(30));
  resolver_.Succeed("a.svc.:81", {"10.0.0.1:81"}, seconds(30));
  Elapse(seconds(30));
  resolver_.SucceedSrv("SRV svc", {{"", 0, 0, 0}}, seconds(30));
  EXPECT_EQ(Present("web"), (Change{"web", Addresses({"10.0.0.1:81"}),
                                    "DNS: svc: not found (the service is not available), keeping "
                                    "the addresses known before"}));
}

TEST_F(DiscoveryTest, AFamilyThatFailsKeepsItsAddressesUntilItAnswers) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80", "[fd00::1]:80"}, seconds(30));
  Elapse(seconds(30));
  resolver_.SucceedBut("web.svc:80", AF_INET6, {"10.0.0.2:80"}, seconds(30));
  EXPECT_EQ(Present("web"),
            (Change{"web", Addresses({"10.0.0.2:80", "[fd00::1]:80"}),
                    "DNS: web.svc: not all was answered, keeping the addresses known before"}));
  Elapse(seconds(30));
  resolver_.Succeed("web.svc:80", {"10.0.0.2:80"}, seconds(30));
  EXPECT_EQ(Present("web"), (Change{"web", Addresses({"10.0.0.2:80"}), ""}))
      << "now it is known to have none";
}

// A second, then twice as long each time, but never later than the rest is asked for again.
TEST_F(DiscoveryTest, WhatIsMissingIsAskedForSoon) {
  SetWeb();
  resolver_.SucceedBut("web.svc:80", AF_INET6, {"10.0.0.2:80"}, seconds(300));
  Elapse(seconds(1));
  resolver_.SucceedBut("web.svc:80", AF_INET6, {"10.0.0.2:80"}, seconds(300));
  Elapse(seconds(2));
  resolver_.Succeed("web.svc:80", {"10.0.0.2:80", "[fd00::1]:80"}, seconds(300));
  EXPECT_EQ(EndpointsOfWeb(), 2u);
}

TEST_F(DiscoveryTest, AFamilyThatNeverAnsweredIsNotWorthANote) {
  SetWeb();
  resolver_.SucceedBut("web.svc:80", AF_INET6, {"10.0.0.2:80"}, seconds(30));
  EXPECT_EQ(Present("web"), (Change{"web", Addresses({"10.0.0.2:80"}), ""}));
}

TEST_F(DiscoveryTest, WithoutHoldANameThatIsGoneKeepsItsAddressesForEver) {
  FindWebAndAwaitTheNextQuestion();
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  ElapseFailing(std::chrono::hours(1), ResolveStatus::kNotFound);
  EXPECT_EQ(EndpointsOfWeb(), 1u);
}

TEST_F(DiscoveryTest, WithHoldANameThatIsGoneLosesItsAddressesAfterIt) {
  Make({.hold = seconds(10)});
  FindWebAndAwaitTheNextQuestion();
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  ElapseFailing(seconds(10) - TimerWheel::kTick, ResolveStatus::kNotFound);
  EXPECT_EQ(EndpointsOfWeb(), 1u);
  ElapseFailing(TimerWheel::kTick, ResolveStatus::kNotFound);
  EXPECT_EQ(Present("web"), (Change{"web", {}, "DNS: web.svc: not found"}));
}

TEST_F(DiscoveryTest, AHoldOfNothingEndsAtOnce) {
  Make({.hold = seconds(0)});
  FindWebAndAwaitTheNextQuestion();
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  EXPECT_EQ(EndpointsOfWeb(), 0u);
}

TEST_F(DiscoveryTest, OtherFailuresKeepTheAddressesBeyondTheHold) {
  Make({.hold = seconds(10)});
  FindWebAndAwaitTheNextQuestion();
  ElapseFailing(seconds(600), ResolveStatus::kServerError);
  EXPECT_EQ(EndpointsOfWeb(), 1u);
}

TEST_F(DiscoveryTest, AtTheEndOfTheHoldItTakesAnotherAnswerThatTheNameIsGone) {
  Make({.hold = seconds(10)});
  FindWebAndAwaitTheNextQuestion();
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  ElapseFailing(seconds(60), ResolveStatus::kTimeout);
  EXPECT_EQ(EndpointsOfWeb(), 1u);
  ElapseFailing(KnownName::kMaxRetry, ResolveStatus::kNotFound);
  EXPECT_EQ(EndpointsOfWeb(), 0u);
}

TEST_F(DiscoveryTest, TheHoldBeginsAnewAfterAnAnswer) {
  Make({.hold = seconds(10)});
  FindWebAndAwaitTheNextQuestion();
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  Elapse(seconds(1));
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  Elapse(seconds(30));
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  EXPECT_EQ(EndpointsOfWeb(), 1u);
}

TEST_F(DiscoveryTest, AfterTheHoldTheNameMayComeBack) {
  Make({.hold = seconds(0)});
  FindWebAndAwaitTheNextQuestion();
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  ExpectNextQuestionAfter(KnownName::kFirstAnswerRetry);
  resolver_.Succeed("web.svc:80", {"10.0.0.2:80"}, seconds(30));
  EXPECT_EQ(Present("web"), (Change{"web", Addresses({"10.0.0.2:80"}), ""}));
}

TEST_F(DiscoveryTest, DestructionDropsQuestionsInFlight) {
  SetWeb();
  discovery_.reset();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(30));
  Elapse(seconds(60));
  EXPECT_TRUE(changes_.empty());
  EXPECT_EQ(resolver_.asked.size(), 1u);
}

using DiscoveryDeathTest = DiscoveryTest;

TEST_F(DiscoveryDeathTest, AnUnknownUpstreamIsAMistakeOfTheCaller) {
  SetWeb();
  EXPECT_DEATH(discovery_->Current("wep"), "end");
}

TEST_F(DiscoveryDeathTest, TwoUpstreamsOfOneNameAreAMistakeOfTheCaller) {
  EXPECT_DEATH(Set({{"web", {}, {}}, {"web", {}, {}}}), "added");
}

AddressAnswer Early(std::initializer_list<std::string_view> addresses) {
  AddressAnswer answer{ResolveStatus::kOk, Addresses(addresses), seconds(60), "", AF_INET6};
  answer.more = true;
  return answer;
}

TEST_F(DiscoveryTest, AnEarlyAnswerServesUntilTheRestIsThere) {
  SetWeb();
  resolver_.AnswerEarly("web.svc:80", Early({"10.0.0.1:80"}));
  EXPECT_EQ(AddressesOf(discovery_->Current("web")), Addresses({"10.0.0.1:80"}));
  EXPECT_NE(discovery_->Current("web").note, "");
  Elapse(seconds(60));
  EXPECT_EQ(resolver_.asked.size(), 1u) << "the question is still out";
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80", "[fd00::1]:80"}, seconds(60));
  EXPECT_EQ(EndpointsOfWeb(), 2u);
  EXPECT_EQ(discovery_->Current("web").note, "");
}

TEST_F(DiscoveryTest, AnEarlyAnswerChangesNothingForThoseWhoHaveOne) {
  FindWebAndAwaitTheNextQuestion();
  resolver_.AnswerEarly("web.svc:80", Early({"10.0.0.2:80"}));
  EXPECT_EQ(AddressesOf(discovery_->Current("web")), Addresses({"10.0.0.1:80"}));
}

TEST_F(DiscoveryTest, WhatWasFoundBesideAFailureIsAskedForSoonAgain) {
  SetWeb();
  resolver_.Answer("web.svc:80", {ResolveStatus::kOk, Addresses({"10.0.0.1:80"}), seconds(300),
                                  "web.svc.corp.test: every server failed or refused"});
  EXPECT_EQ(EndpointsOfWeb(), 1u);
  EXPECT_EQ(discovery_->Current("web").note, "");
  ExpectNextQuestionAfter(KnownName::kRefreshRetry);
}

TEST_F(DiscoveryTest, NewsOfNamesIsTold) {
  std::vector<NameReport> reports;
  Make({.on_news = [&](const NameReport& report) { reports.push_back(report); }});
  Set({{"api", {}, {{"web.svc", 80}}}, {"web", {}, {{"web.svc", 80}}}});
  resolver_.Fail("web.svc:80", ResolveStatus::kNotFound);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].news, NameNews::kTrouble);
  EXPECT_EQ(reports[0].name, "web.svc");
  EXPECT_EQ(reports[0].trouble, "DNS: web.svc: not found");
  EXPECT_EQ(reports[0].endpoints, 0u);
  EXPECT_EQ(reports[0].upstreams, (std::vector<std::string>{"api", "web"}));
  Elapse(KnownName::kFirstAnswerRetry);
  resolver_.SucceedBut("web.svc:80", AF_INET6, {"10.0.0.1:80"}, seconds(60));
  EXPECT_EQ(reports.size(), 1u) << "better, and not well";
  Elapse(KnownName::kRefreshRetry);
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80"}, seconds(60));
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[1].news, NameNews::kResolved);
  EXPECT_EQ(reports[1].endpoints, 1u);
}

TEST_F(DiscoveryTest, AFamilyThatIsNeverAnsweredIsTold) {
  std::vector<NameReport> reports;
  Make({.on_news = [&](const NameReport& report) { reports.push_back(report); }});
  SetWeb();
  resolver_.SucceedBut("web.svc:80", AF_INET6, {"10.0.0.1:80"}, seconds(60));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].trouble, "DNS: web.svc: no answer about AAAA");
}

TEST_F(DiscoveryTest, EachNameHasItsNumbers) {
  const auto numbers = [this] {
    metrics::Sums sums;
    discovery_->AddTo(sums);
    const auto& failures = sums.Of<metrics::Counter>(metrics::Metric::kDnsNameFailuresTotal);
    const auto& success =
        sums.Of<metrics::Gauge>(metrics::Metric::kDnsNameLastSuccessTimestampSeconds);
    EXPECT_EQ(failures.size(), 2u);
    return std::pair(failures.at({"web.svc"}), success.at({"web.svc"}));
  };
  Set({{"web", {}, {{"web.svc", 80}, {"web.svc", 81}, {"api.svc", 80}}}});
  EXPECT_EQ(numbers(), std::pair(uint64_t{0}, int64_t{0}));
  resolver_.Fail("web.svc:80", ResolveStatus::kTimeout);
  resolver_.Succeed("web.svc:81", {"10.0.0.1:81"}, seconds(60));
  const auto [failures, success] = numbers();
  EXPECT_EQ(failures, 1u);
  EXPECT_EQ(success,
            std::chrono::duration_cast<std::chrono::seconds>(clock_.WallNow().time_since_epoch())
                .count());
}

}  // namespace
}  // namespace holdfast::pool
