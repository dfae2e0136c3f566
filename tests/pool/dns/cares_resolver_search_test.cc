// What the resolver makes of resolv.conf: its search list, its servers and its changes.

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/dns/cares_resolver_fixture.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(CaresResolverTest, ServicesFollowTheSearchList) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test\noptions ndots:5\n");
  server_.On("_http._tcp.web.a.test", kTypeSrv,
             {.records = {Srv("_http._tcp.web.a.test", 60, {"one.test", 80, 1, 1})}});
  EXPECT_EQ(AskSrv("_http._tcp.web").status, ResolveStatus::kOk);
  EXPECT_EQ(AskSrv("_http._tcp.web.").status, ResolveStatus::kNotFound);
}

TEST_F(CaresResolverTest, TheSearchListComesFirstBelowNdots) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test b.test\noptions ndots:5\n");
  server_.On("web.svc", kTypeA, {.records = {A("web.svc", 60, "10.0.0.1")}});
  EXPECT_EQ(Ask("web.svc").addresses, Addresses({"10.0.0.1:80"}));
  EXPECT_EQ(server_.NamesAsked(),
            (std::vector<std::string>{"web.svc.a.test", "web.svc.b.test", "web.svc"}));
}

TEST_F(CaresResolverTest, WithDotsEnoughANameIsAskedForAsItIsFirst) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test\noptions ndots:1\n");
  EXPECT_EQ(Ask("web.svc").status, ResolveStatus::kNotFound);
  EXPECT_EQ(server_.NamesAsked(), (std::vector<std::string>{"web.svc", "web.svc.a.test"}));
}

TEST_F(CaresResolverTest, TheSearchEndsForBothFamiliesWhereOneIsFound) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test\noptions ndots:5\n");
  server_.On("web.a.test", kTypeA, {.records = {A("web.a.test", 60, "10.0.0.1")}});
  server_.On("web", kTypeAaaa, {.records = {Aaaa("web", 60, "fd00::6666")}});
  EXPECT_EQ(Ask("web").addresses, Addresses({"10.0.0.1:80"}));
}

// As in a Kubernetes pod whose search list ends with a company's domain.
TEST_F(CaresResolverTest, ADomainThatFailsDoesNotHideANameThatResolvesByItself) {
  WriteConfig(
      "nameserver 127.0.0.1\n"
      "search default.svc.cluster.local svc.cluster.local cluster.local corp.test\n"
      "options ndots:5\n");
  for (const uint16_t code : {kServFail, kRefused}) {
    const std::string name = "api" + std::to_string(code) + ".example.test";
    for (const uint16_t type : {kTypeA, kTypeAaaa}) {
      server_.On(name + ".corp.test", type, {.code = code, .records = {}});
    }
    server_.On(name, kTypeA, {.records = {A(name, 60, "10.0.0.1")}});
    const AddressAnswer answer = Ask(name);
    EXPECT_EQ(answer.addresses, Addresses({"10.0.0.1:80"}));
    EXPECT_EQ(answer.detail, name + ".corp.test: every server failed or refused");
  }
}

TEST_F(CaresResolverTest, AfterSilenceTheNameIsTriedByItself) {
  WriteConfig("nameserver 127.0.0.1\nsearch corp.test a.test\noptions ndots:5\n");
  for (const uint16_t type : {kTypeA, kTypeAaaa}) server_.Ignore("web.corp.test", type);
  server_.On("web", kTypeA, {.records = {A("web", 60, "10.0.0.1")}});
  CaresOptions options = Options();
  options.timeout = milliseconds(20);
  Make(options);
  EXPECT_EQ(Ask("web").addresses, Addresses({"10.0.0.1:80"}));
  EXPECT_EQ(server_.NamesAsked(), (std::vector<std::string>{"web.corp.test", "web"}));
}

TEST_F(CaresResolverTest, AFailureOnTheWayIsNoAbsence) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test\noptions ndots:5\n");
  server_.On("web.a.test", kTypeA, {.code = kServFail, .records = {}});
  server_.On("web.a.test", kTypeAaaa, {.records = {}});
  const AddressAnswer answer = Ask("web");
  EXPECT_EQ(answer.status, ResolveStatus::kServerError);
  EXPECT_EQ(answer.detail, "web.a.test: every server failed or refused");
  EXPECT_EQ(server_.NamesAsked(), (std::vector<std::string>{"web.a.test", "web"}));
}

// Somebody else's name must not take its place.
TEST_F(CaresResolverTest, WhereANameWasFoundAFailureEndsTheSearch) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test\noptions ndots:5\n");
  server_.On("web.a.test", kTypeA, {.records = {A("web.a.test", 60, "10.0.0.1")}});
  server_.On("web", kTypeA, {.records = {A("web", 60, "10.6.6.6")}});
  EXPECT_EQ(Ask("web").addresses, Addresses({"10.0.0.1:80"}));
  server_.On("web.a.test", kTypeA, {.code = kServFail, .records = {}});
  EXPECT_EQ(Ask("web").status, ResolveStatus::kServerError);
  server_.On("web.a.test", kTypeA, {.code = kNxDomain, .records = {}});
  EXPECT_EQ(Ask("web").addresses, Addresses({"10.6.6.6:80"}));
}

TEST_F(CaresResolverTest, ServicesAreSearchedForInTheSameWay) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test\noptions ndots:5\n");
  server_.On("_http._tcp.web.a.test", kTypeSrv, {.code = kRefused, .records = {}});
  server_.On("_http._tcp.web", kTypeSrv,
             {.records = {Srv("_http._tcp.web", 60, {"one.test", 80, 1, 1})}});
  const SrvAnswer answer = AskSrv("_http._tcp.web");
  EXPECT_EQ(answer.status, ResolveStatus::kOk);
  EXPECT_EQ(answer.detail, "_http._tcp.web.a.test: every server failed or refused");
}

// "No such name" is said of all types; the silence about one must not hold the search up.
TEST_F(CaresResolverTest, TheSearchGoesOnWhereANameDoesNotExistAndOneFamilyIsDropped) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test b.test\noptions ndots:5\n");
  server_.On("web.a.test", kTypeA, {.code = kNxDomain, .records = {}});
  server_.Ignore("web.a.test", kTypeAaaa);
  server_.On("web.b.test", kTypeA, {.code = kNxDomain, .records = {}});
  server_.Ignore("web.b.test", kTypeAaaa);
  server_.On("web", kTypeA, {.records = {A("web", 60, "10.0.0.1")}});
  CaresOptions options = Options();
  options.timeout = seconds(60);  // longer than the test's patience
  Make(options);
  EXPECT_EQ(Ask("web").addresses, Addresses({"10.0.0.1:80"}));
}

TEST_F(CaresResolverTest, WhatResolvConfSaysInVainIsTold) {
  WriteConfig("nameserver fe80::53%lo\nnameserver 127.0.0.1\n");
  std::vector<std::string> troubles;
  CaresOptions options = Options();
  options.on_trouble = [&](const std::string& trouble) { troubles.push_back(trouble); };
  Make(options);
  ASSERT_EQ(troubles.size(), 1u);
  EXPECT_NE(troubles[0].find("fe80::53%lo"), std::string::npos) << troubles[0];
  WriteConfig("# none\nnameserver dns.test\n");
  clock_.Skip(ResolvConfWatch::kInterval);
  loop_.RunOnce(Duration::zero());
  Ask("web.test");
  EXPECT_EQ(troubles.size(), 3u);
  options.servers = {server_.address()};
  Make(options);
  EXPECT_EQ(troubles.size(), 3u) << "other servers are asked";
}

TEST_F(CaresResolverTest, ATrailingDotPassesTheSearchListOver) {
  WriteConfig("nameserver 127.0.0.1\nsearch a.test\noptions ndots:5\n");
  server_.On("web.svc", kTypeA, {.records = {A("web.svc", 60, "10.0.0.1")}});
  EXPECT_EQ(Ask("web.svc.").addresses, Addresses({"10.0.0.1:80"}));
  EXPECT_EQ(Ask("nowhere.").status, ResolveStatus::kNotFound);
  EXPECT_EQ(server_.NamesAsked(), (std::vector<std::string>{"web.svc", "nowhere"}));
}

TEST_F(CaresResolverTest, ResolvConfIsNotLookedAtForEveryLookup) {
  ScriptedDnsServer other(&loop_, "127.0.0.2", server_.address().port());
  Make();
  WriteConfig("# moved\nnameserver 127.0.0.2\n");
  EXPECT_EQ(Ask("web.test").status, ResolveStatus::kNotFound);
  EXPECT_FALSE(server_.questions().empty());
  EXPECT_TRUE(other.questions().empty());
}

TEST_F(CaresResolverTest, AChangedResolvConfIsFollowed) {
  ScriptedDnsServer other(&loop_, "127.0.0.2", server_.address().port());
  server_.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.1")}});
  other.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.2")}});
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.1:80"}));
  WriteConfig("# moved\nnameserver 127.0.0.2\n");
  clock_.Skip(ResolvConfWatch::kInterval);
  loop_.RunOnce(Duration::zero());
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.2:80"}));
}

TEST_F(CaresResolverTest, AFileThatTookItsPlaceIsFollowed) {
  ScriptedDnsServer other(&loop_, "127.0.0.2", server_.address().port());
  other.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.2")}});
  EXPECT_EQ(Ask("web.test").status, ResolveStatus::kNotFound);
  const std::string fresh = resolv_conf_ + ".new";
  std::ofstream(fresh) << "nameserver 127.0.0.2\n";
  ASSERT_EQ(std::rename(fresh.c_str(), resolv_conf_.c_str()), 0);
  clock_.Skip(ResolvConfWatch::kInterval);
  loop_.RunOnce(Duration::zero());
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.2:80"}));
}

TEST_F(CaresResolverTest, LookupsInFlightAskTheNewServers) {
  ScriptedDnsServer other(&loop_, "127.0.0.2", server_.address().port());
  other.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.2")}});
  // Half an answer from the old server must not count as one.
  server_.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.1")}});
  server_.Ignore("web.test", kTypeAaaa);
  Make();
  std::vector<AddressAnswer> answers;
  resolver_->Resolve("web.test", 80, [&](AddressAnswer answer) {
    if (!answer.more) answers.push_back(answer);
  });
  ASSERT_TRUE(RunUntil([&] { return server_.questions().size() == 2; }));
  loop_.RunOnce(Duration::zero());  // the half answer arrives
  WriteConfig("# moved\nnameserver 127.0.0.2\n");
  clock_.Skip(ResolvConfWatch::kInterval);
  loop_.RunOnce(Duration::zero());
  EXPECT_EQ(Ask("another.test").status, ResolveStatus::kNotFound);
  ASSERT_TRUE(RunUntil([&] { return !answers.empty(); }));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].addresses, Addresses({"10.0.0.2:80"}));
}

TEST_F(CaresResolverTest, WithoutAResolvConfThisMachineIsAsked) {
  server_.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.1")}});
  std::remove(resolv_conf_.c_str());
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.1:80"}));
}

TEST_F(CaresResolverTest, AResolvConfThatGoesAwayChangesNothing) {
  ScriptedDnsServer other(&loop_, "127.0.0.2", server_.address().port());
  other.On("web.test", kTypeA, {.records = {A("web.test", 60, "10.0.0.2")}});
  WriteConfig("nameserver 127.0.0.2\n");
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.2:80"}));
  std::remove(resolv_conf_.c_str());
  clock_.Skip(ResolvConfWatch::kInterval);
  loop_.RunOnce(Duration::zero());
  EXPECT_EQ(Ask("web.test").addresses, Addresses({"10.0.0.2:80"}));
}

}  // namespace
}  // namespace holdfast::pool
