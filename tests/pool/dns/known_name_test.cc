#include "pool/dns/known_name.h"

#include <sys/socket.h>

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{seconds(1000)};
constexpr std::string_view kKeeping = ", keeping the addresses known before";

EndpointAnswer Found(std::initializer_list<std::string_view> addresses, Duration ttl) {
  EndpointAnswer answer{.status = ResolveStatus::kOk};
  for (const std::string_view text : addresses) {
    answer.endpoints.push_back({.address = *SocketAddress::Parse(text), .host = "web.test"});
  }
  answer.ttl = ttl;
  return answer;
}

EndpointAnswer Failed(ResolveStatus status, std::string detail = "") {
  EndpointAnswer answer{.status = status};
  answer.detail = std::move(detail);
  return answer;
}

class KnownNameTest : public testing::Test {
 protected:
  Duration Learn(EndpointAnswer answer) {
    return name_.Learn(std::move(answer), options_, now_, random_);
  }
  // The wait is `full`, or up to a tenth shorter.
  static void ExpectWait(Duration wait, Duration full) {
    EXPECT_LE(wait, full);
    EXPECT_GE(wait, full - full / 10);
  }

  RefreshOptions options_;
  TimePoint now_ = kStart;
  Random random_{7};
  KnownName name_{{.host = "web.test", .port = 80}};
};

TEST_F(KnownNameTest, WaitsForItsFirstAnswer) {
  EXPECT_TRUE(name_.endpoints().empty());
  EXPECT_EQ(name_.note(), "waiting for DNS: web.test");
  EXPECT_EQ(name_.trouble(), "");
}

TEST_F(KnownNameTest, AnAnswerIsGoodForItsTtlWithinBounds) {
  ExpectWait(Learn(Found({"192.0.2.1:80"}, seconds(60))), seconds(60));
  EXPECT_EQ(name_.endpoints().size(), 1u);
  EXPECT_EQ(name_.note(), "");
  ExpectWait(Learn(Found({"192.0.2.1:80"}, seconds(0))), options_.min_ttl);
  ExpectWait(Learn(Found({"192.0.2.1:80"}, seconds(86400))), options_.max_ttl);
}

TEST_F(KnownNameTest, RetriesBeginEarlyWithoutAddressesAndDouble) {
  ExpectWait(Learn(Failed(ResolveStatus::kTimeout)), milliseconds(200));
  ExpectWait(Learn(Failed(ResolveStatus::kTimeout)), milliseconds(400));
  for (int i = 0; i < 20; ++i) Learn(Failed(ResolveStatus::kTimeout));
  ExpectWait(Learn(Failed(ResolveStatus::kTimeout)), KnownName::kMaxRetry);
  Learn(Found({"192.0.2.1:80"}, seconds(60)));
  ExpectWait(Learn(Failed(ResolveStatus::kTimeout)), KnownName::kRefreshRetry);
}

TEST_F(KnownNameTest, AFailureKeepsTheAddressesAndSaysSo) {
  Learn(Found({"192.0.2.1:80"}, seconds(60)));
  for (const auto& [status, text] : {std::pair{ResolveStatus::kNotFound, "not found"},
                                     std::pair{ResolveStatus::kTimeout, "no answer in time"}}) {
    Learn(Failed(status));
    EXPECT_EQ(name_.endpoints().size(), 1u);
    EXPECT_EQ(name_.note(), "DNS: web.test: " + std::string(text) + std::string(kKeeping));
    EXPECT_EQ(name_.trouble(), name_.note());
  }
  Learn(Failed(ResolveStatus::kServerError, "SERVFAIL"));
  EXPECT_EQ(name_.note(), "DNS: web.test: server failure (SERVFAIL)" + std::string(kKeeping));
}

TEST_F(KnownNameTest, WithHoldASecondNotFoundAfterThatTimeIsBelieved) {
  options_.hold = seconds(30);
  Learn(Found({"192.0.2.1:80"}, seconds(60)));
  for (int i = 0; i < 10; ++i) Learn(Failed(ResolveStatus::kTimeout));
  EXPECT_EQ(Learn(Failed(ResolveStatus::kNotFound)) <= seconds(30), true);
  now_ += seconds(29);
  Learn(Failed(ResolveStatus::kNotFound));
  EXPECT_EQ(name_.endpoints().size(), 1u);
  now_ += seconds(1);
  Learn(Failed(ResolveStatus::kTimeout));
  EXPECT_EQ(name_.endpoints().size(), 1u) << "silence says nothing";
  Learn(Failed(ResolveStatus::kNotFound));
  EXPECT_TRUE(name_.endpoints().empty());
  EXPECT_EQ(name_.note(), "DNS: web.test: not found");
}

TEST_F(KnownNameTest, WhatAnAnswerDoesNotKnowIsKept) {
  Learn(Found({"192.0.2.1:80", "[2001:db8::1]:80"}, seconds(60)));
  EndpointAnswer half = Found({"192.0.2.2:80"}, seconds(60));
  half.unknown = {{.host = "web.test", .port = 80, .family = AF_INET6}};
  ExpectWait(Learn(half), KnownName::kRefreshRetry);
  ASSERT_EQ(name_.endpoints().size(), 2u);
  EXPECT_EQ(name_.endpoints()[1].address, *SocketAddress::Parse("[2001:db8::1]:80"));
  EXPECT_EQ(name_.trouble(), "DNS: web.test: no answer about AAAA");
  ExpectWait(Learn(half), 2 * KnownName::kRefreshRetry);
  Learn(Found({"192.0.2.2:80"}, seconds(60)));
  EXPECT_EQ(name_.endpoints().size(), 1u);
  EXPECT_EQ(name_.trouble(), "");
}

TEST_F(KnownNameTest, AnEarlyAnswerHelpsOnlyANameWithoutAddresses) {
  EndpointAnswer early = Found({"192.0.2.1:80"}, seconds(60));
  early.more = true;
  name_.LearnEarly(early);
  EXPECT_EQ(name_.endpoints().size(), 1u);
  EXPECT_EQ(name_.note(), "waiting for the rest of DNS: web.test");
  EndpointAnswer more = Found({"192.0.2.1:80", "192.0.2.2:80"}, seconds(60));
  more.more = true;
  name_.LearnEarly(more);
  EXPECT_EQ(name_.endpoints().size(), 2u);
  Learn(Found({"192.0.2.1:80"}, seconds(60)));
  name_.LearnEarly(more);
  EXPECT_EQ(name_.endpoints().size(), 1u);
}

}  // namespace
}  // namespace holdfast::pool
