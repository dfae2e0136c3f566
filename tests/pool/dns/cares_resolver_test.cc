#include "pool/dns/cares_resolver.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pool/dns/cares_resolver_fixture.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(CaresResolverTest, LiteralsNeedNoQuery) {
  for (const auto& [name, expected] :
       {std::pair{"10.1.2.3", "10.1.2.3:80"}, {"fd00::7", "[fd00::7]:80"}, {"[::1]", "[::1]:80"}}) {
    const AddressAnswer answer = Ask(name);
    EXPECT_EQ(answer.status, ResolveStatus::kOk);
    EXPECT_EQ(answer.addresses, Addresses({expected}));
    EXPECT_EQ(answer.ttl, Duration::max());
  }
  EXPECT_TRUE(server_.questions().empty());
}

TEST_F(CaresResolverTest, LocalhostIsFoundInTheHostsFile) {
  const AddressAnswer answer = Ask("localhost", 8080);
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  const std::vector<SocketAddress> loopback = Addresses({"127.0.0.1:8080", "[::1]:8080"});
  ASSERT_FALSE(answer.addresses.empty());
  for (const SocketAddress& address : answer.addresses) {
    EXPECT_NE(std::ranges::find(loopback, address), loopback.end()) << address.ToString();
  }
  EXPECT_EQ(answer.ttl, CaresResolver::kHostsTtl);
  EXPECT_TRUE(server_.questions().empty());
}

TEST_F(CaresResolverTest, AnAbsoluteNameIsInTheHostsFileToo) {
  EXPECT_EQ(Ask("localhost.").status, ResolveStatus::kOk);
  EXPECT_TRUE(server_.questions().empty());
}

TEST_F(CaresResolverTest, FindsARecords) {
  server_.On("web.test", kTypeA,
             {.records = {A("web.test", 60, "10.0.0.2"), A("web.test", 60, "10.0.0.1")}});
  const AddressAnswer answer = Ask("web.test", 8080);
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  EXPECT_EQ(answer.addresses, Addresses({"10.0.0.1:8080", "10.0.0.2:8080"}));
  EXPECT_EQ(answer.ttl, seconds(60));
}

TEST_F(CaresResolverTest, FindsAaaaRecords) {
  server_.On("six.test", kTypeAaaa, {.records = {Aaaa("six.test", 60, "fd00::1")}});
  const AddressAnswer answer = Ask("six.test");
  EXPECT_EQ(answer.addresses, Addresses({"[fd00::1]:80"}));
  EXPECT_EQ(answer.ttl, seconds(60));
}

TEST_F(CaresResolverTest, JoinsBothFamiliesAndTakesTheSmallestTtl) {
  server_.On("both.test", kTypeA,
             {.records = {A("both.test", 60, "10.0.0.1"), A("both.test", 60, "10.0.0.1")}});
  server_.On("both.test", kTypeAaaa, {.records = {Aaaa("both.test", 7, "fd00::1")}});
  const AddressAnswer answer = Ask("both.test");
  EXPECT_EQ(answer.addresses, Addresses({"10.0.0.1:80", "[fd00::1]:80"}));
  EXPECT_EQ(answer.ttl, seconds(7));
}

TEST_F(CaresResolverTest, AnAliasWithAShorterTtlCounts) {
  server_.On("alias.test", kTypeA,
             {.records = {Cname("alias.test", 5, "real.test"), A("real.test", 60, "10.0.0.1")}});
  const AddressAnswer answer = Ask("alias.test");
  EXPECT_EQ(answer.addresses, Addresses({"10.0.0.1:80"}));
  EXPECT_EQ(answer.ttl, seconds(5));
}

TEST_F(CaresResolverTest, ATtlBeyondTheRangeIsZero) {
  server_.On("web.test", kTypeA, {.records = {A("web.test", 0xFFFFFFFF, "10.0.0.1")}});
  const AddressAnswer answer = Ask("web.test");
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  EXPECT_EQ(answer.ttl, seconds(0));
}

TEST_F(CaresResolverTest, ANameThatDoesNotExistIsNotFound) {
  const AddressAnswer answer = Ask("nowhere.test");
  EXPECT_EQ(answer.status, ResolveStatus::kNotFound);
  EXPECT_TRUE(answer.addresses.empty());
  EXPECT_EQ(answer.detail, "Domain name not found");
}

TEST_F(CaresResolverTest, ANameWithoutAddressesIsNotFound) {
  server_.On("mail.test", 15, {.records = {}});
  EXPECT_EQ(Ask("mail.test").status, ResolveStatus::kNotFound);
}

TEST_F(CaresResolverTest, ANameThatCannotBeAskedForIsNotFound) {
  EXPECT_EQ(Ask("two..dots.test").status, ResolveStatus::kNotFound);
  EXPECT_EQ(Ask(std::string(64, 'a') + ".test").status, ResolveStatus::kNotFound);
  EXPECT_TRUE(server_.questions().empty());
}

TEST_F(CaresResolverTest, RefusingServersAreServerErrors) {
  for (const uint16_t code : {kServFail, kRefused}) {
    const std::string name = "code" + std::to_string(code) + ".test";
    server_.On(name, kTypeA, {.code = code, .records = {}});
    server_.On(name, kTypeAaaa, {.code = code, .records = {}});
    const AddressAnswer answer = Ask(name);
    EXPECT_EQ(answer.status, ResolveStatus::kServerError) << code;
    EXPECT_NE(answer.detail, "");
  }
}

TEST_F(CaresResolverTest, OneFamilyIsEnoughWhenTheOtherFails) {
  server_.On("half.test", kTypeA, {.records = {A("half.test", 60, "10.0.0.1")}});
  server_.On("half.test", kTypeAaaa, {.code = kServFail, .records = {}});
  const AddressAnswer answer = Ask("half.test");
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  EXPECT_EQ(answer.addresses, Addresses({"10.0.0.1:80"}));
  EXPECT_EQ(answer.failed_family, AF_INET6);
  EXPECT_EQ(answer.ttl, seconds(60));
}

TEST_F(CaresResolverTest, TheOtherHalfAloneIsEnoughToo) {
  server_.Ignore("half.test", kTypeA);
  server_.On("half.test", kTypeAaaa, {.records = {Aaaa("half.test", 60, "fd00::1")}});
  CaresOptions options = Options();
  options.timeout = milliseconds(20);
  Make(options);
  const AddressAnswer answer = Ask("half.test");
  EXPECT_EQ(answer.addresses, Addresses({"[fd00::1]:80"}));
  EXPECT_EQ(answer.failed_family, AF_INET);
  EXPECT_EQ(answer.ttl, seconds(60));
}

TEST_F(CaresResolverTest, AFamilyWithoutRecordsHasNotFailed) {
  server_.On("four.test", kTypeA, {.records = {A("four.test", 60, "10.0.0.1")}});
  EXPECT_EQ(Ask("four.test").failed_family, AF_UNSPEC);
}

// What there may be of the other family nobody knows, whichever answer comes last.
TEST_F(CaresResolverTest, AFailureBesideNoRecordsIsAFailure) {
  server_.On("four.test", kTypeA, {.code = kServFail, .records = {}});
  server_.On("four.test", kTypeAaaa, {.records = {}});
  EXPECT_EQ(Ask("four.test").status, ResolveStatus::kServerError);
  server_.On("six.test", kTypeA, {.records = {}});
  server_.On("six.test", kTypeAaaa, {.code = kServFail, .records = {}});
  EXPECT_EQ(Ask("six.test").status, ResolveStatus::kServerError);
}

TEST_F(CaresResolverTest, ASilentServerIsATimeoutAfterAllAttempts) {
  server_.Ignore("silent.test", kTypeA);
  server_.Ignore("silent.test", kTypeAaaa);
  CaresOptions options = Options();
  options.timeout = milliseconds(20);
  options.attempts = 3;
  Make(options);
  const TimePoint start = clock_.Now();
  EXPECT_EQ(Ask("silent.test").status, ResolveStatus::kTimeout);
  EXPECT_EQ(server_.questions().size(), 6u);
  EXPECT_GE(clock_.Now() - start, 3 * options.timeout);
}

// Whether it is a timeout depends on which of the two questions the kernel's refusal meets.
TEST_F(CaresResolverTest, APortNobodyListensOnIsAFailure) {
  CaresOptions options = Options();
  options.timeout = milliseconds(20);
  {
    const ScriptedDnsServer gone(&loop_);
    options.servers = {gone.address()};
  }
  Make(options);
  const ResolveStatus status = Ask("web.test").status;
  EXPECT_TRUE(status == ResolveStatus::kServerError || status == ResolveStatus::kTimeout)
      << ResolveStatusName(status);
}

TEST_F(CaresResolverTest, TheNextServerIsAskedWhenOneIsSilent) {
  ScriptedDnsServer silent(&loop_);
  silent.Ignore("web.test", kTypeA);
  silent.Ignore("web.test", kTypeAaaa);
  server_.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.1")}});
  CaresOptions options = Options();
  options.servers = {silent.address(), server_.address()};
  options.timeout = milliseconds(20);
  Make(options);
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.1:80"}));
  EXPECT_FALSE(silent.questions().empty());
}

TEST_F(CaresResolverTest, AReplyToAnotherQuestionIsNotBelieved) {
  server_.OnSeveral("web.test", kTypeA,
                    {{.records = {A("web.test", 60, "6.6.6.6")}, .wrong_id = true},
                     {.records = {A("web.test", 60, "10.0.0.1")}}});
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.1:80"}));
}

TEST_F(CaresResolverTest, GarbageIsPassedOver) {
  server_.OnSeveral("web.test", kTypeA,
                    {{.records = {}, .raw = "x"},
                     {.records = {}, .raw = std::string(400, '\xFF')},
                     {.records = {A("web.test", 60, "10.0.0.1")}}});
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.1:80"}));
}

TEST_F(CaresResolverTest, NothingButGarbageIsATimeout) {
  for (const uint16_t type : {kTypeA, kTypeAaaa}) {
    server_.On("web.test", type, {.records = {}, .raw = std::string(400, '\xFF')});
  }
  CaresOptions options = Options();
  options.timeout = milliseconds(20);
  Make(options);
  EXPECT_EQ(Ask("web.test").status, ResolveStatus::kTimeout);
}

TEST_F(CaresResolverTest, AnAnswerThatBreaksOffIsAServerError) {
  server_.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.1")}, .cut = true});
  server_.On("web.test", kTypeAaaa, {.records = {Aaaa("web.test", 60, "fd00::1")}, .cut = true});
  EXPECT_EQ(Ask("web.test").status, ResolveStatus::kServerError);
}

TEST_F(CaresResolverTest, ARecordOfTheWrongSizeIsPassedOver) {
  DnsRecord record = A("web.test", 60, "10.0.0.1");
  record.data.pop_back();
  server_.On("web.test", kTypeA, {.records = {record, A("web.test", 60, "10.0.0.2")}});
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.2:80"}));
}

TEST_F(CaresResolverTest, AnAnswerTooLongForUdpComesOverTcpAndIsCut) {
  DnsReply reply;
  std::vector<SocketAddress> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string ip = "10.0." + std::to_string(i / 100) + "." + std::to_string(i % 100);
    reply.records.push_back(A("many.test", 60, ip));
    expected.push_back(*SocketAddress::FromIp(ip, 80));
  }
  server_.On("many.test", kTypeA, reply);
  const AddressAnswer answer = Ask("many.test");
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  SortUnique(expected);
  expected.resize(kMaxAnswerAddresses);
  EXPECT_EQ(answer.addresses, expected);
  EXPECT_TRUE(std::ranges::any_of(server_.questions(), &DnsQuestion::tcp));
}

TEST_F(CaresResolverTest, FindsServices) {
  const SrvRecord one{"one.test", 8001, 10, 60};
  const SrvRecord two{"two.test", 8002, 20, 0};
  server_.On(
      "_http._tcp.web.test", kTypeSrv,
      {.records = {Srv("_http._tcp.web.test", 60, one), Srv("_http._tcp.web.test", 50, two)}});
  const SrvAnswer answer = AskSrv("_http._tcp.web.test");
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  EXPECT_THAT(answer.records, testing::UnorderedElementsAre(one, two));
  EXPECT_EQ(answer.ttl, seconds(50));
}

TEST_F(CaresResolverTest, AServiceMayBeAnAlias) {
  const SrvRecord one{"one.test", 8001, 10, 60};
  server_.On("alias.test", kTypeSrv,
             {.records = {Cname("alias.test", 5, "real.test"), Srv("real.test", 60, one)}});
  const SrvAnswer answer = AskSrv("alias.test");
  EXPECT_EQ(answer.records, std::vector<SrvRecord>{one});
  EXPECT_EQ(answer.ttl, seconds(5));
}

TEST_F(CaresResolverTest, AServiceDecidedlyNotAvailableHasAnEmptyTarget) {
  server_.On("svc.test", kTypeSrv, {.records = {Srv("svc.test", 60, {"", 0, 0, 0})}});
  const SrvAnswer answer = AskSrv("svc.test");
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  EXPECT_EQ(answer.records, std::vector<SrvRecord>{SrvRecord{}});
}

TEST_F(CaresResolverTest, FailuresOfServicesAreToldApart) {
  server_.On("none.test", kTypeA, {.records = {}});
  server_.On("alias.test", kTypeSrv, {.records = {Cname("alias.test", 5, "real.test")}});
  server_.On("fails.test", kTypeSrv, {.code = kServFail, .records = {}});
  server_.On("cut.test", kTypeSrv,
             {.records = {Srv("cut.test", 60, {"one.test", 80, 1, 1})}, .cut = true});
  server_.Ignore("silent.test", kTypeSrv);
  CaresOptions options = Options();
  options.timeout = milliseconds(50);
  Make(options);
  EXPECT_EQ(AskSrv("nowhere.test").status, ResolveStatus::kNotFound);
  EXPECT_EQ(AskSrv("none.test").status, ResolveStatus::kNotFound);
  EXPECT_EQ(AskSrv("alias.test").status, ResolveStatus::kNotFound);
  EXPECT_EQ(AskSrv("fails.test").status, ResolveStatus::kServerError);
  EXPECT_EQ(AskSrv("cut.test").status, ResolveStatus::kServerError);
  EXPECT_EQ(AskSrv("silent.test").status, ResolveStatus::kTimeout);
  EXPECT_NE(AskSrv("fails.test").detail, "");
}

TEST_F(CaresResolverTest, ServicesTooManyForUdpComeOverTcp) {
  DnsReply reply;
  for (uint16_t i = 0; i < 100; ++i) {
    reply.records.push_back(Srv("svc.test", 60, {"one.test", i, 1, 1}));
  }
  server_.On("svc.test", kTypeSrv, reply);
  EXPECT_EQ(AskSrv("svc.test").records.size(), 100u);
  EXPECT_TRUE(std::ranges::any_of(server_.questions(), &DnsQuestion::tcp));
}

// RFC 8305 section 3: with servers that drop the question for one family, the other is told first.
TEST_F(CaresResolverTest, TheFamilyThatIsThereIsToldEarly) {
  server_.On("four.test", kTypeA, {.records = {A("four.test", 60, "10.0.0.1")}});
  server_.Ignore("four.test", kTypeAaaa);
  server_.Ignore("six.test", kTypeA);
  server_.On("six.test", kTypeAaaa, {.records = {Aaaa("six.test", 60, "fd00::1")}});
  CaresOptions options = Options();
  options.timeout = milliseconds(300);
  Make(options);
  for (const char* name : {"four.test", "six.test"}) {
    std::vector<AddressAnswer> answers;
    resolver_->Resolve(name, 80, [&](AddressAnswer answer) { answers.push_back(answer); });
    ASSERT_TRUE(RunUntil([&] { return answers.size() == 2; })) << name;
    EXPECT_TRUE(answers[0].more);
    EXPECT_FALSE(answers[1].more);
    for (const AddressAnswer& answer : answers) {
      EXPECT_EQ(answer.status, ResolveStatus::kOk);
      EXPECT_EQ(answer.addresses.size(), 1u);
      EXPECT_EQ(answer.failed_family, name[0] == 'f' ? AF_INET6 : AF_INET);
    }
  }
}

TEST_F(CaresResolverTest, AnAnswerInTimeIsToldOnce) {
  server_.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.1")}});
  Make();
  int told = 0;
  resolver_->Resolve("web.test", 80, [&](AddressAnswer answer) {
    EXPECT_FALSE(answer.more);
    ++told;
  });
  ASSERT_TRUE(RunUntil([&] { return told > 0; }));
  clock_.Skip(Lookup::kResolutionDelay);
  for (int turn = 0; turn < 5; ++turn) loop_.RunOnce(Duration::zero());
  EXPECT_EQ(told, 1);
}

TEST_F(CaresResolverTest, AnEarlyAnswersCallbackMayDestroyTheResolver) {
  server_.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.1")}});
  server_.Ignore("web.test", kTypeAaaa);
  Make();
  int called = 0;
  resolver_->Resolve("web.test", 80, [&](AddressAnswer) {
    ++called;
    resolver_.reset();
  });
  ASSERT_TRUE(RunUntil([&] { return called > 0; }));
  for (int turn = 0; turn < 5; ++turn) loop_.RunOnce(Duration::zero());
  EXPECT_EQ(called, 1);
}

TEST_F(CaresResolverTest, ACutAnswerIsAskedForWithEdnsBeforeTcp) {
  DnsReply reply;
  for (int i = 0; i < 35; ++i) {
    reply.records.push_back(A("many.test", 60, "10.0.0." + std::to_string(i)));
  }
  server_.On("many.test", kTypeA, reply);
  server_.RefuseTcp();
  EXPECT_EQ(Ask("many.test").addresses.size(), 35u);
  EXPECT_TRUE(std::ranges::none_of(server_.questions(), &DnsQuestion::tcp));
  for (const DnsQuestion& question : server_.questions()) {
    EXPECT_TRUE(question.edns_bytes == 0 || question.edns_bytes == CaresChannel::kEdnsBytes);
  }
}

TEST_F(CaresResolverTest, WithoutEdnsACutAnswerComesOverTcp) {
  DnsReply reply;
  for (int i = 0; i < 35; ++i) {
    reply.records.push_back(A("many.test", 60, "10.0.0." + std::to_string(i)));
  }
  server_.On("many.test", kTypeA, reply);
  CaresOptions options = Options();
  options.timeout = milliseconds(50);
  for (const EdnsMood mood : {EdnsMood::kFormErr, EdnsMood::kSilent}) {
    server_.SetEdns(mood);
    Make(options);
    EXPECT_EQ(Ask("many.test").addresses.size(), 35u);
    EXPECT_TRUE(server_.questions().back().tcp);
  }
}

TEST_F(CaresResolverTest, ACutAnswerThatCannotBeHadInFullIsAFailure) {
  DnsReply reply;
  for (int i = 0; i < 300; ++i) {
    reply.records.push_back(A("many.test", 60, "10.0.1." + std::to_string(i % 256)));
  }
  server_.On("many.test", kTypeA, reply);
  server_.RefuseTcp();
  EXPECT_EQ(Ask("many.test").status, ResolveStatus::kServerError);
}

TEST_F(CaresResolverTest, ManyLookupsAtOnceGetTheirOwnAnswers) {
  Make();
  constexpr int kLookups = 3 * LookupQueue::kMaxInFlight;
  int right = 0;
  for (int i = 0; i < kLookups; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    const std::string ip = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    server_.On(name, kTypeA, {.records = {A(name, 60, ip)}});
    resolver_->Resolve(name, 80, [&right, ip](AddressAnswer answer) {
      right += answer.addresses == std::vector{*SocketAddress::FromIp(ip, 80)} ? 1 : 0;
    });
  }
  EXPECT_TRUE(RunUntil([&] { return right == kLookups; })) << right;
}

TEST_F(CaresResolverTest, OnlySoManyLookupsAreInFlight) {
  server_.Ignore("silent.test", kTypeA);
  server_.Ignore("silent.test", kTypeAaaa);
  server_.On("last.test", kTypeA, {.records = {A("last.test", 60, "10.0.0.1")}});
  CaresOptions options = Options();
  options.timeout = milliseconds(100);
  Make(options);
  size_t silent = 0;
  for (size_t i = 0; i < LookupQueue::kMaxInFlight; ++i) {
    resolver_->Resolve("silent.test", 80, [&](AddressAnswer) { ++silent; });
  }
  EXPECT_EQ(Ask("last.test").addresses, Addresses({"10.0.0.1:80"}));
  EXPECT_GT(silent, 0u) << "asked before its turn";
  EXPECT_TRUE(RunUntil([&] { return silent == LookupQueue::kMaxInFlight; }));
}

TEST_F(CaresResolverTest, ACallbackMayAskAgain) {
  server_.On("second.test", kTypeA, {.records = {A("second.test", 60, "10.0.0.2")}});
  Make();
  std::optional<AddressAnswer> second;
  resolver_->Resolve("10.0.0.1", 80, [&](AddressAnswer) {
    resolver_->Resolve("second.test", 80, [&](AddressAnswer answer) { second = answer; });
  });
  ASSERT_TRUE(RunUntil([&] { return second.has_value(); }));
  EXPECT_EQ(second->addresses, Addresses({"10.0.0.2:80"}));
}

TEST_F(CaresResolverTest, DestructionDropsLookupsInFlight) {
  server_.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.1")}});
  Make();
  int called = 0;
  resolver_->Resolve("web.test", 80, [&](AddressAnswer) { ++called; });
  resolver_->Resolve("10.0.0.1", 80, [&](AddressAnswer) { ++called; });
  resolver_.reset();
  ASSERT_TRUE(RunUntil([&] { return server_.questions().size() == 2; }));
  for (int turn = 0; turn < 5; ++turn) loop_.RunOnce(Duration::zero());
  EXPECT_EQ(called, 0);
}

TEST_F(CaresResolverTest, ACallbackMayDestroyTheResolver) {
  server_.Ignore("silent.test", kTypeA);
  Make();
  int called = 0;
  const auto destroy = [&](AddressAnswer) {
    ++called;
    resolver_.reset();
  };
  resolver_->Resolve("silent.test", 80, destroy);
  resolver_->Resolve("10.0.0.1", 80, destroy);
  resolver_->Resolve("10.0.0.2", 80, destroy);
  for (int turn = 0; turn < 5; ++turn) loop_.RunOnce(Duration::zero());
  EXPECT_EQ(called, 1);
}

TEST_F(CaresResolverTest, AnswersThatComeTogetherSurviveDestructionByTheFirst) {
  for (const char* name : {"a.test", "b.test"}) {
    server_.On(name, kTypeA, {.records = {A(name, 60, "10.0.0.1")}});
  }
  Make();
  int called = 0;
  for (const char* name : {"a.test", "b.test"}) {
    resolver_->Resolve(name, 80, [&](AddressAnswer) {
      ++called;
      resolver_.reset();
    });
  }
  ASSERT_TRUE(RunUntil([&] { return called > 0; }));
  for (int turn = 0; turn < 5; ++turn) loop_.RunOnce(Duration::zero());
  EXPECT_EQ(called, 1);
}

}  // namespace
}  // namespace holdfast::pool
