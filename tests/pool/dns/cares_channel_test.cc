#include "pool/dns/cares_channel.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/pool/dns/scripted_dns_server.h"

namespace holdfast::pool {
namespace {

using std::chrono::seconds;

class CaresChannelTest : public testing::Test {
 protected:
  ChannelOptions Options() const {
    return {.servers = {server_.address()},
            .timeout = seconds(5),
            .attempts = 1,
            .resolv_conf = "/dev/null"};
  }
  Records Ask(CaresChannel& channel, const std::string& name, QuestionType type) {
    std::optional<Records> result;
    channel.Ask(name, type, 80, [&](Records records) { result = std::move(records); });
    const TimePoint end = clock_.Now() + seconds(20);
    while (!result.has_value() && clock_.Now() < end) loop_.RunOnce(seconds(1));
    EXPECT_TRUE(result.has_value()) << "no reply for " << name;
    return result.value_or(Records{});
  }

  SystemClock clock_;
  EventLoop loop_{&clock_};
  ScriptedDnsServer server_{&loop_};
};

TEST_F(CaresChannelTest, EachWayIsSentAsItSays) {
  server_.On("web.test", kTypeA, {.records = {A("web.test", 7, "10.0.0.1")}});
  for (const QuestionWay way : {QuestionWay::kPlain, QuestionWay::kEdns, QuestionWay::kTcp}) {
    CaresChannel channel(&loop_, way, Options());
    const Records records = Ask(channel, "web.test", QuestionType::kA);
    EXPECT_EQ(records.status, ResolveStatus::kOk);
    EXPECT_EQ(records.ttl, seconds(7));
    ASSERT_EQ(records.addresses.size(), 1u);
    EXPECT_EQ(records.addresses[0], *SocketAddress::Parse("10.0.0.1:80"));
    const DnsQuestion& question = server_.questions().back();
    EXPECT_EQ(question.tcp, way == QuestionWay::kTcp);
    EXPECT_EQ(question.edns_bytes, way == QuestionWay::kEdns ? CaresChannel::kEdnsBytes : 0);
  }
}

TEST_F(CaresChannelTest, ACutAnswerIsSaidToBeOne) {
  DnsReply reply;
  for (int i = 0; i < 100; ++i) {
    reply.records.push_back(A("web.test", 7, "10.0.0." + std::to_string(i)));
  }
  server_.On("web.test", kTypeA, reply);
  for (const QuestionWay way : {QuestionWay::kPlain, QuestionWay::kEdns}) {
    CaresChannel channel(&loop_, way, Options());
    const Records records = Ask(channel, "web.test", QuestionType::kA);
    EXPECT_TRUE(records.cut);
    EXPECT_TRUE(records.addresses.empty());
  }
}

TEST_F(CaresChannelTest, NoSuchNameIsToldFromNoSuchRecord) {
  server_.On("four.test", kTypeA, {.records = {A("four.test", 7, "10.0.0.1")}});
  CaresChannel channel(&loop_, QuestionWay::kPlain, Options());
  const Records none = Ask(channel, "four.test", QuestionType::kAaaa);
  EXPECT_EQ(none.status, ResolveStatus::kNotFound);
  EXPECT_FALSE(none.no_such_name);
  EXPECT_TRUE(Ask(channel, "nowhere.test", QuestionType::kAaaa).no_such_name);
}

// A search domain that fails must not cost the other questions their EDNS.
TEST_F(CaresChannelTest, AFailureDoesNotEndEdns) {
  server_.On("fails.test", kTypeA, {.code = kServFail, .records = {}});
  server_.On("web.test", kTypeA, {.records = {A("web.test", 7, "10.0.0.1")}});
  CaresChannel channel(&loop_, QuestionWay::kEdns, Options());
  EXPECT_EQ(Ask(channel, "fails.test", QuestionType::kA).status, ResolveStatus::kServerError);
  EXPECT_EQ(Ask(channel, "web.test", QuestionType::kA).status, ResolveStatus::kOk);
  EXPECT_EQ(server_.questions().back().edns_bytes, CaresChannel::kEdnsBytes);
}

TEST_F(CaresChannelTest, DestructionDropsQuestions) {
  server_.Ignore("silent.test", kTypeA);
  auto channel = std::make_unique<CaresChannel>(&loop_, QuestionWay::kPlain, Options());
  channel->Ask("silent.test", QuestionType::kA, 80, [](Records) { ADD_FAILURE(); });
  channel.reset();
  loop_.RunOnce(Duration::zero());
}

}  // namespace
}  // namespace holdfast::pool
