#include "pool/dns/dns_answer.h"

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/dns/scripted_dns_server.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

SocketAddress Address(const std::string& text) { return *SocketAddress::Parse(text); }

Records Found(std::vector<SocketAddress> addresses, Duration ttl) {
  Records records{.status = ResolveStatus::kOk};
  records.addresses = std::move(addresses);
  records.ttl = ttl;
  return records;
}

TEST(IsCut, IsWhatTheMessageSays) {
  const DnsReply reply{.records = {A("web.test", 7, "10.0.0.1")}};
  EXPECT_FALSE(IsCut(DnsMessage("web.test", kTypeA, reply)));
  EXPECT_TRUE(IsCut(DnsMessage("web.test", kTypeA, reply, true)));
  EXPECT_FALSE(IsCut(""));
  EXPECT_FALSE(IsCut("\xFF\xFF"));
}

TEST(SmallestTtl, TheShortestRecordCounts) {
  const DnsReply reply{.records = {Cname("alias.test", 60, "web.test"),
                                   A("web.test", 5, "10.0.0.1"), A("web.test", 9, "10.0.0.2")}};
  EXPECT_EQ(SmallestTtl(DnsMessage("alias.test", kTypeA, reply)), seconds(5));
}

TEST(SmallestTtl, TheHighestBitMeansZero) {
  for (const uint32_t ttl : {0x80000000, 0xFFFFFFFF}) {
    const DnsReply reply{.records = {A("web.test", ttl, "10.0.0.1"), A("web.test", 9, "10.0.0.2")}};
    EXPECT_EQ(SmallestTtl(DnsMessage("web.test", kTypeA, reply)), seconds(0)) << ttl;
  }
  const DnsReply longest{.records = {A("web.test", 0x7FFFFFFF, "10.0.0.1")}};
  EXPECT_EQ(SmallestTtl(DnsMessage("web.test", kTypeA, longest)), seconds(0x7FFFFFFF));
}

TEST(SmallestTtl, ANameMayBeAPointer) {
  DnsReply reply{.records = {A("", 7, "10.0.0.1")}};
  std::string message = DnsMessage("web.test", kTypeA, reply);
  const size_t name = 12 + 10 + 4;  // header, question's name, type and class: an empty name
  message.replace(name, 1, "\xC0\x0C", 2);
  EXPECT_EQ(SmallestTtl(message), seconds(7));
}

TEST(SmallestTtl, NoMessageBreaksIt) {
  const DnsReply reply{.records = {Cname("alias.test", 60, "web.test"),
                                   A("web.test", 5, "10.0.0.1"), A("web.test", 9, "10.0.0.2")}};
  const std::string message = DnsMessage("alias.test", kTypeA, reply);
  for (size_t length = 0; length <= message.size(); ++length) {
    EXPECT_GE(SmallestTtl(message.substr(0, length)), seconds(0)) << length;
  }
  EXPECT_EQ(SmallestTtl(std::string(400, '\xFF')), seconds(0));
}

TEST(AnswerOf, IsSortedWithoutDuplicatesAndBounded) {
  const AddressAnswer few = AnswerOf(
      {Address("10.0.0.2:80"), Address("10.0.0.1:80"), Address("10.0.0.2:80")}, seconds(3));
  EXPECT_EQ(few.status, ResolveStatus::kOk);
  EXPECT_EQ(few.ttl, seconds(3));
  EXPECT_EQ(few.addresses,
            (std::vector<SocketAddress>{Address("10.0.0.1:80"), Address("10.0.0.2:80")}));
  std::vector<SocketAddress> many;
  for (uint16_t port = 1; port <= kMaxAnswerAddresses + 1; ++port) {
    many.insert(many.begin(), *SocketAddress::FromIp("10.0.0.1", port));
  }
  const AddressAnswer cut = AnswerOf(many, seconds(3));
  ASSERT_EQ(cut.addresses.size(), kMaxAnswerAddresses);
  EXPECT_EQ(cut.addresses.front().port(), 1) << "the same ones every time";
  EXPECT_EQ(cut.addresses.back().port(), kMaxAnswerAddresses);
}

TEST(JoinFamilies, TakesBothAndTheSmallerTtl) {
  const Records v4 = Found({Address("10.0.0.1:80")}, seconds(60));
  const Records v6 = Found({Address("[fd00::1]:80")}, seconds(7));
  const AddressAnswer answer = JoinFamilies(v4, v6);
  EXPECT_EQ(answer.addresses.size(), 2u);
  EXPECT_EQ(answer.ttl, seconds(7));
  EXPECT_EQ(answer.failed_family, AF_UNSPEC);
}

TEST(JoinFamilies, NamesTheFamilyThatFailed) {
  const Records v4 = Found({Address("10.0.0.1:80")}, seconds(60));
  const Records v6 = Found({Address("[fd00::1]:80")}, seconds(7));
  for (const ResolveStatus status : {ResolveStatus::kServerError, ResolveStatus::kTimeout}) {
    const Records failed{.status = status};
    EXPECT_EQ(JoinFamilies(v4, failed).failed_family, AF_INET6);
    EXPECT_EQ(JoinFamilies(v4, failed).ttl, seconds(60));
    EXPECT_EQ(JoinFamilies(failed, v6).failed_family, AF_INET);
    EXPECT_EQ(JoinFamilies(failed, v6).ttl, seconds(7));
  }
  const Records absent{.status = ResolveStatus::kNotFound};
  EXPECT_EQ(JoinFamilies(v4, absent).failed_family, AF_UNSPEC) << "no records are an answer";
}

}  // namespace
}  // namespace holdfast::pool
