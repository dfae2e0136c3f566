// What an exchange is, over each pair of protocols: HTTP/1.1 and HTTP/2 on either side.

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/pair_peers.h"
#include "tests/support/pattern.h"
#include "tests/support/unserved_address.h"

namespace holdfast::support {
namespace {

using ::testing::HasSubstr;

class PairsTest : public OverEachPair {};
HOLDFAST_OVER_EACH_PAIR(PairsTest);

Answered Echo(const Asked& asked) {
  return {.fields = {{"x-method", asked.method}, {"x-path", asked.path}},
          .body = asked.body.value_or("")};
}

TEST_P(PairsTest, BodiesWithAndWithoutALength) {
  std::atomic<bool> with_length = true;
  Start([&](const Asked& asked) {
    Answered answer = Echo(asked);
    answer.with_length = with_length;
    return answer;
  });
  for (const bool answer_with : {true, false}) {
    with_length = answer_with;
    for (const bool ask_with : {true, false}) {
      for (const size_t bytes : {0u, 1u, 70'000u, 1'000'000u}) {
        const std::string body = Pattern(bytes);
        const Answered answer = client_->Ask(
            {.method = "POST", .path = "/a?b=c", .body = body, .with_length = ask_with});
        EXPECT_EQ(answer.status, 200);
        EXPECT_TRUE(answer.body == body) << answer.body.size() << " of " << bytes;
        EXPECT_EQ(ValueOf(answer.fields, "x-path"), "/a?b=c");
        EXPECT_FALSE(answer.broken);
      }
    }
  }
}

TEST_P(PairsTest, TrailersGoBothWays) {
  Fields seen;
  Start([&](const Asked& asked) {
    seen = asked.trailers;
    return Answered{.fields = {{"trailer", "x-sum"}},
                    .body = "body",
                    .with_length = false,
                    .trailers = {{"x-sum", "17"}, {"x-more", "b"}}};
  });
  const Answered answer = client_->Ask({.method = "POST",
                                        .fields = {{"te", "trailers"}},
                                        .body = "body",
                                        .with_length = false,
                                        .trailers = {{"x-check", "ok"}}});
  EXPECT_EQ(ValueOf(seen, "x-check"), "ok");
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(ValueOf(answer.trailers, "x-sum"), "17");
  EXPECT_EQ(ValueOf(answer.trailers, "x-more"), "b");
}

TEST_P(PairsTest, InterimResponsesPass) {
  Start([](const Asked&) {
    return Answered{.interim = {{103, {{"link", "</a.css>"}}}, {103, {{"link", "</b.js>"}}}},
                    .body = "ok"};
  });
  const Answered answer = client_->Ask({});
  ASSERT_EQ(answer.interim.size(), 2u);
  EXPECT_EQ(answer.interim[0].first, 103);
  EXPECT_EQ(ValueOf(answer.interim[0].second, "link"), "</a.css>");
  EXPECT_EQ(ValueOf(answer.interim[1].second, "link"), "</b.js>");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok");
}

TEST_P(PairsTest, AnExpectationReachesWhoCanMeetIt) {
  Start(Echo);
  const Answered answer =
      client_->Ask({.method = "PUT", .fields = {{"expect", "100-continue"}}, .body = "late"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "late");
  ASSERT_EQ(answer.interim.size(), 1u);
  EXPECT_EQ(answer.interim[0].first, 100);
}

TEST_P(PairsTest, ResponsesWithoutABody) {
  Start([](const Asked& asked) {
    Answered answer{.fields = {{"etag", "\"x\""}}};
    if (asked.path == "/head") answer.fields.emplace_back("content-length", "17");
    if (asked.path == "/204") answer.status = 204;
    if (asked.path == "/304") answer.status = 304;
    return answer;
  });
  const Answered head = client_->Ask({.method = "HEAD", .path = "/head"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(ValueOf(head.fields, "content-length"), "17");
  EXPECT_EQ(head.body, "");
  for (const int status : {204, 304}) {
    const Answered answer = client_->Ask({.path = "/" + std::to_string(status)});
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(ValueOf(answer.fields, "etag"), "\"x\"");
    EXPECT_EQ(answer.body, "");
    EXPECT_FALSE(answer.broken);
  }
}

TEST_P(PairsTest, AnAnswerMayComeBeforeTheRequestsEnd) {
  Start([](const Asked&) { return Answered{.status = 413, .body = "enough"}; });
  upstream_->answers_early = true;
  const Answered answer =
      client_->AskUnfinished({.method = "POST", .body = "never", .with_length = false});
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "enough");
  EXPECT_FALSE(answer.broken);
}

// On the connection, or on the stream alone.
TEST_P(PairsTest, AClientThatLeavesCancels) {
  Start([](const Asked&) { return Answered{.body = "begun", .broken = true}; });
  client_->Begin({}, 5);
  client_->Cancel();
  EXPECT_TRUE(Eventually([&] { return upstream_->cancelled() == 1; }));
  gateway_->AwaitMetric("holdfast_upstream_connections", {{"state", "active"}}, 0);
}

TEST_P(PairsTest, ABodyThatIsCutIsNoCleanEnd) {
  for (const bool with_length : {true, false}) {
    Start(
        [=](const Asked&) {
          return Answered{.body = "cut", .with_length = with_length, .broken = true};
        },
        {.route = "timeouts: {stall: 1s}"});
    if (GetParam().client == Protocol::kHttp2) {
      const Answered answer = client_->Ask({});
      EXPECT_EQ(answer.status, 200);
      EXPECT_TRUE(answer.broken);
      EXPECT_EQ(answer.body, "cut");
    } else {
      client_->Begin({}, with_length ? 3 : 8);
      RawClient& raw = *client_->raw();
      StreamEnd end = StreamEnd::kOpen;
      EXPECT_THAT(raw.ReadToEnd(&end), ::testing::Not(HasSubstr("0\r\n\r\n")));
      EXPECT_NE(end, StreamEnd::kOpen);
    }
  }
}

TEST_P(PairsTest, CookiesAndHosts) {
  Fields seen;
  Start([&](const Asked& asked) {
    seen = asked.fields;
    return Answered{.fields = {{"set-cookie", "a=1"}, {"set-cookie", "b=2; Path=/"}}};
  });
  const Answered answer = client_->Ask({.fields = {{"cookie", "a=1; b=2"}}});
  EXPECT_EQ(ValueOf(seen, "cookie"), "a=1; b=2");
  const char* const host = GetParam().upstream == Protocol::kHttp1 ? "host" : ":authority";
  EXPECT_EQ(ValuesOf(seen, host), std::vector<std::string>{"test"});
  EXPECT_EQ(ValuesOf(answer.fields, "set-cookie"),
            (std::vector<std::string>{"a=1", "b=2; Path=/"}));
}

TEST_P(PairsTest, WhatBelongsToOneConnectionStaysThere) {
  Fields seen;
  Start([&](const Asked& asked) {
    seen = asked.fields;
    return Answered{.fields = {{"x-kept", "1"}}};
  });
  const Answered answer = client_->Ask({.fields = {{"te", "trailers"}, {"x-asked", "1"}}});
  EXPECT_EQ(ValueOf(seen, "x-asked"), "1");
  EXPECT_EQ(ValueOf(seen, "te"), "trailers");
  EXPECT_EQ(ValueOf(answer.fields, "x-kept"), "1");
  const bool from_old = GetParam().client == Protocol::kHttp1;
  EXPECT_THAT(ValueOf(seen, "via"), HasSubstr(from_old ? "1.1 " : "2.0 "));
  if (GetParam().upstream == Protocol::kHttp2) {
    for (const char* const name : {"connection", "keep-alive", "transfer-encoding", "upgrade"}) {
      EXPECT_EQ(ValueOf(seen, name), "") << name;
    }
  }
  if (!from_old) {
    EXPECT_EQ(ValueOf(answer.fields, "connection"), "");
  }
}

TEST_P(PairsTest, LongFieldsPass) {
  Start([](const Asked& asked) {
    return Answered{.fields = {{"x-long", ValueOf(asked.fields, "x-long")}}};
  });
  const std::string value(12'000, 'v');
  EXPECT_EQ(ValueOf(client_->Ask({.fields = {{"x-long", value}}}).fields, "x-long"), value);
}

TEST_P(PairsTest, AStatusOfThePolicyIsAskedForAgain) {
  std::atomic<int> asked_times = 0;
  Start(
      [&](const Asked&) {
        return Answered{.status = ++asked_times == 1 ? 503 : 200, .body = "second"};
      },
      {.route = "retry: {attempts: 1, statuses: [503]}"});
  const Answered answer = client_->Ask({});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "second");
  EXPECT_EQ(asked_times, 2);
}

TEST_P(PairsTest, OneThatAnswersTooLateIsGivenUp) {
  Start(
      [&](const Asked&) {
        EXPECT_TRUE(Eventually([&] { return go_.load(); }));
        return Answered{.body = "ok"};
      },
      {.route = "timeouts: {first_byte: 150ms}, retry: {attempts: 0}"});
  const Answered late = client_->Ask({.path = "/late"});
  EXPECT_EQ(late.status, 504);
  EXPECT_THAT(late.body, HasSubstr("reason: first_byte_timeout"));
  go_ = true;
}

TEST_P(PairsTest, ADrainLetsThemFinish) {
  Start(
      [&](const Asked&) {
        EXPECT_TRUE(Eventually([&] { return go_.load(); }));
        return Answered{.body = Pattern(200'000)};
      },
      {.drain = "{delay: 0s, timeout: 20s}"});
  Answered answer;
  std::thread asker([&] { answer = client_->Ask({}); });
  EXPECT_TRUE(Eventually([&] { return upstream_->begun() == 1; }));
  gateway_->Signal(SIGTERM);
  EXPECT_TRUE(Eventually([&] { return gateway_->Status("/readyz").Status() == 503; }));
  go_ = true;
  asker.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == Pattern(200'000)) << answer.body.size();
  EXPECT_FALSE(answer.broken);
  EXPECT_EQ(gateway_->WaitExit(), 0);
}

TEST_P(PairsTest, AReloadChangesNothingUnderThem) {
  Start([&](const Asked& asked) {
    if (asked.path == "/slow") {
      EXPECT_TRUE(Eventually([&] { return go_.load(); }));
    }
    return Answered{.body = "from " + asked.path};
  });
  Answered answer;
  std::thread asker([&] { answer = client_->Ask({.path = "/slow"}); });
  EXPECT_TRUE(Eventually([&] { return upstream_->begun() == 1; }));
  const RefusingAddress away;
  gateway_->Reload(
      GatewayConfig{.endpoints = {away.address().ToString()}, .listener = "protocols: [h2, h1]"}
          .Text());
  go_ = true;
  asker.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "from /slow");
  EXPECT_EQ(client_->Ask({}).status, 502);
}

TEST_P(PairsTest, ManyAtATimeAreEachOnesOwn) {
  Start(Echo);
  std::vector<std::thread> clients;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      const std::unique_ptr<PairClient> client = NewClient();
      for (int n = 0; n < 25; ++n) {
        const std::string body = std::to_string(i) + ":" + std::string(n * 37, 'a' + i);
        const Answered answer = client->Ask({.method = "POST", .body = body});
        if (answer.status != 200 || answer.body != body) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace holdfast::support
