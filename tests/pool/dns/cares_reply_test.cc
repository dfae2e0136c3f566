#include "pool/dns/cares_reply.h"

#include <chrono>
#include <string>
#include <vector>

#include <ares.h>
#include <gtest/gtest.h>

#include "tests/pool/dns/scripted_dns_server.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

Records Read(QuestionType type, const DnsReply& reply) {
  const uint16_t wire_type = static_cast<uint16_t>(WireType(type));
  return ReadReply(ARES_SUCCESS, type, DnsMessage("web.test", wire_type, reply), 80);
}

TEST(WireType, IsTheNumberOfTheRfcs) {
  EXPECT_EQ(WireType(QuestionType::kA), kTypeA);
  EXPECT_EQ(WireType(QuestionType::kAaaa), kTypeAaaa);
  EXPECT_EQ(WireType(QuestionType::kSrv), kTypeSrv);
}

TEST(ReadReply, ReadsAddressesOfBothFamilies) {
  const Records v4 = Read(QuestionType::kA, {.records = {A("web.test", 7, "10.0.0.1")}});
  EXPECT_EQ(v4.status, ResolveStatus::kOk);
  EXPECT_EQ(v4.ttl, seconds(7));
  EXPECT_EQ(v4.addresses, std::vector<SocketAddress>{*SocketAddress::Parse("10.0.0.1:80")});
  const Records v6 = Read(QuestionType::kAaaa, {.records = {Aaaa("web.test", 9, "fd00::1")}});
  EXPECT_EQ(v6.status, ResolveStatus::kOk);
  EXPECT_EQ(v6.ttl, seconds(9));
  EXPECT_EQ(v6.addresses, std::vector<SocketAddress>{*SocketAddress::Parse("[fd00::1]:80")});
}

TEST(ReadReply, ReadsServices) {
  const SrvRecord service{.target = "node.test", .port = 8080, .priority = 1, .weight = 2};
  const Records records = Read(QuestionType::kSrv, {.records = {Srv("web.test", 7, service)}});
  EXPECT_EQ(records.status, ResolveStatus::kOk);
  EXPECT_EQ(records.ttl, seconds(7));
  EXPECT_EQ(records.services, std::vector<SrvRecord>{service});
}

TEST(ReadReply, AMessageWithoutRecordsIsNotFound) {
  for (const QuestionType type : {QuestionType::kA, QuestionType::kAaaa, QuestionType::kSrv}) {
    const Records records = Read(type, {.records = {}});
    EXPECT_EQ(records.status, ResolveStatus::kNotFound);
    EXPECT_FALSE(records.no_such_name) << "the name may have records of another type";
  }
}

TEST(ReadReply, ACutMessageIsNoAnswerWhateverItHolds) {
  const DnsReply reply{.records = {A("web.test", 7, "10.0.0.1")}};
  const std::string cut = DnsMessage("web.test", kTypeA, reply, true);
  for (const int status : {ARES_SUCCESS, ARES_ENODATA}) {
    const Records records = ReadReply(status, QuestionType::kA, cut, 80);
    EXPECT_TRUE(records.cut);
    EXPECT_TRUE(Failed(records));
    EXPECT_EQ(records.detail, "the answer does not fit into a datagram");
  }
  EXPECT_FALSE(ReadReply(ARES_ESERVFAIL, QuestionType::kA, cut, 80).cut);
}

TEST(ReadReply, AMessageThatBreaksOffIsAServerError) {
  const DnsReply reply{.records = {A("web.test", 7, "10.0.0.1")}};
  const std::string message = DnsMessage("web.test", kTypeA, reply);
  for (size_t length = 0; length < message.size(); ++length) {
    const Records records =
        ReadReply(ARES_SUCCESS, QuestionType::kA, message.substr(0, length), 80);
    EXPECT_EQ(records.status, ResolveStatus::kServerError) << length;
    EXPECT_FALSE(records.detail.empty()) << length;
  }
}

TEST(ReadReply, FailuresAreToldApart) {
  const auto status = [](int ares_status) {
    return ReadReply(ares_status, QuestionType::kA, "", 80).status;
  };
  EXPECT_EQ(status(ARES_ENOTFOUND), ResolveStatus::kNotFound);
  EXPECT_EQ(status(ARES_ENODATA), ResolveStatus::kNotFound);
  EXPECT_EQ(status(ARES_EBADNAME), ResolveStatus::kNotFound);
  EXPECT_EQ(status(ARES_ETIMEOUT), ResolveStatus::kTimeout);
  EXPECT_EQ(status(ARES_ESERVFAIL), ResolveStatus::kServerError);
  EXPECT_EQ(status(ARES_EREFUSED), ResolveStatus::kServerError);
  EXPECT_TRUE(ReadReply(ARES_ENOTFOUND, QuestionType::kA, "", 80).no_such_name);
  EXPECT_FALSE(ReadReply(ARES_ENODATA, QuestionType::kA, "", 80).no_such_name);
  EXPECT_EQ(ReadReply(ARES_ECONNREFUSED, QuestionType::kA, "", 80).detail,
            "every server failed or refused");
}

}  // namespace
}  // namespace holdfast::pool
