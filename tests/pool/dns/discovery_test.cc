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
#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<SocketAddress> Addresses(std::initializer_list<std::string_view> texts) {
  std::vector<SocketAddress> addresses;
  for (const std::string_view text : texts) addresses.push_back(*SocketAddress::Parse(text));
  return addresses;
}

// Keeps each question until the test answers it.
class ScriptedResolver final : public Resolver {
 public:
  void Resolve(const std::string& name, uint16_t port, Callback callback) override {
    asked.push_back(name + ":" + std::to_string(port));
    waiting.emplace_back(asked.back(), std::move(callback));
  }

  // Answers the oldest question for `name` that has no answer yet.
  void Answer(std::string_view name, ResolveAnswer answer) {
    for (auto it = waiting.begin(); it != waiting.end(); ++it) {
      if (it->first != name) continue;
      Callback callback = std::move(it->second);
      waiting.erase(it);
      callback(std::move(answer));
      return;
    }
    ADD_FAILURE() << "nobody asked for " << name;
  }
  void Succeed(std::string_view name, std::initializer_list<std::string_view> addresses,
               Duration ttl) {
    Answer(name, {ResolveStatus::kOk, Addresses(addresses), ttl, ""});
  }
  void Fail(std::string_view name, ResolveStatus status, std::string detail = "") {
    Answer(name, {status, {}, Duration(0), std::move(detail)});
  }

  std::vector<std::string> asked;  // ever
  std::vector<std::pair<std::string, Callback>> waiting;
};

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
          changes_.push_back({upstream, endpoints.addresses, endpoints.note});
        });
  }

  void Set(std::vector<UpstreamNames> upstreams) { discovery_->SetUpstreams(std::move(upstreams)); }
  // The upstream "web" with one name.
  void SetWeb() { Set({{"web", {}, {{"web.svc", 80}}}}); }

  void Elapse(Duration time) {
    clock_.Advance(time);
    loop_.RunOnce(Duration::zero());
  }

  // Checks that the next question comes after `wait` and not a tick before.
  void ExpectNextQuestionAfter(Duration wait) {
    const size_t before = resolver_.asked.size();
    Elapse(wait - TimerWheel::kTick);
    EXPECT_EQ(resolver_.asked.size(), before) << "asked too early";
    Elapse(TimerWheel::kTick);
    EXPECT_EQ(resolver_.asked.size(), before + 1) << "did not ask";
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
  Set({{"web", Addresses({"10.0.0.2:80", "10.0.0.1:80", "unix:/run/web"}), {}}});
  EXPECT_EQ(discovery_->Current("web").addresses,
            Addresses({"unix:/run/web", "10.0.0.1:80", "10.0.0.2:80"}));
  EXPECT_EQ(discovery_->Current("web").note, "");
  Elapse(seconds(600));
  EXPECT_TRUE(resolver_.asked.empty());
  EXPECT_TRUE(changes_.empty());
}

TEST_F(DiscoveryTest, ANameIsAskedForAtOnceAndTheNoteSaysSo) {
  SetWeb();
  EXPECT_EQ(resolver_.asked, std::vector<std::string>{"web.svc:80"});
  EXPECT_TRUE(discovery_->Current("web").addresses.empty());
  EXPECT_EQ(discovery_->Current("web").note, "waiting for DNS: web.svc");
  EXPECT_TRUE(changes_.empty());
}

TEST_F(DiscoveryTest, AnAnswerIsAChange) {
  SetWeb();
  resolver_.Succeed("web.svc:80", {"10.0.0.1:80", "[fd00::1]:80"}, seconds(30));
  EXPECT_EQ(changes_,
            (std::vector<Change>{{"web", Addresses({"10.0.0.1:80", "[fd00::1]:80"}), ""}}));
}

TEST_F(DiscoveryTest, LiteralsAndNamesMakeOneSortedSet) {
  Set({{"web", Addresses({"10.0.0.5:80"}), {{"a.svc", 80}, {"b.svc", 80}}}});
  resolver_.Succeed("b.svc:80", {"10.0.0.1:80", "10.0.0.5:80"}, seconds(30));
  EXPECT_EQ(
      discovery_->Current("web"),
      (DiscoveredEndpoints{Addresses({"10.0.0.1:80", "10.0.0.5:80"}), "waiting for DNS: a.svc"}));
  resolver_.Succeed("a.svc:80", {"10.0.0.9:80"}, seconds(30));
  EXPECT_EQ(discovery_->Current("web"),
            (DiscoveredEndpoints{Addresses({"10.0.0.1:80", "10.0.0.5:80", "10.0.0.9:80"}), ""}));
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
  EXPECT_EQ(discovery_->Current("web"),
            (DiscoveredEndpoints{Addresses({"10.0.0.1:80"}),
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
       {"two", Addresses({"10.0.0.9:80"}), {{"WEB.svc", 80}}},
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
  EXPECT_EQ(discovery_->Current("new"),
            (DiscoveredEndpoints{Addresses({"10.0.0.1:80"}), "waiting for DNS: new.svc"}));
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
  Set({{"web", Addresses({"10.0.0.9:80"}), {}}});
  changes_.clear();
  EXPECT_EQ(discovery_->Current("web"), (DiscoveredEndpoints{Addresses({"10.0.0.9:80"}), ""}));
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

}  // namespace
}  // namespace holdfast::pool
