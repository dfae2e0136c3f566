// What an upstream of HTTP/2 gives back unprocessed (RFC 9113 sections 6.8 and 8.7) is asked again,
// whatever its method and whichever protocol the client speaks.

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/http2/http2_upstream.h"
#include "tests/integration/pair_peers.h"
#include "tests/support/deadline.h"
#include "tests/support/pattern.h"

namespace holdfast::support {
namespace {

using http2::Http2Upstream;
using http2::ScriptedServer;
using http2::SeenRequest;
using ::testing::HasSubstr;

constexpr uint32_t kInternalError = 2;
constexpr uint32_t kRefusedStream = 7;

// Of each kind: safe, idempotent, neither, and one that nobody knows.
constexpr std::string_view kMethods[] = {"GET",  "HEAD",   "OPTIONS", "PUT",
                                         "POST", "DELETE", "PATCH",   "BREW"};

Asked Of(std::string_view method) {
  Asked asked{.method = std::string(method), .path = "/" + std::string(method)};
  if (method.starts_with("P")) asked.body = "body of " + asked.method;
  return asked;
}

void Echo(ScriptedServer& server, SeenRequest& request) {
  const std::string method(request.Field(":method"));
  http2::Fields fields = {{"x-method", method}, {"x-path", std::string(request.Field(":path"))}};
  for (const auto& [name, value] : request.trailers) fields.emplace_back("x-got-" + name, value);
  server.Respond(request.id, 200, fields, method == "HEAD" ? "" : request.body);
}

void ExpectEcho(const Answered& answer, const Asked& asked) {
  EXPECT_EQ(answer.status, 200) << asked.method << answer.body;
  EXPECT_EQ(ValueOf(answer.fields, "x-method"), asked.method);
  EXPECT_EQ(ValueOf(answer.fields, "x-path"), asked.path);
  EXPECT_EQ(answer.body, asked.body.value_or("")) << asked.method;
  EXPECT_FALSE(answer.broken);
}

class PairsRetryTest : public OverEachPair {
 protected:
  void StartBefore(Http2Upstream::Handler on_end, const std::string& route = "") {
    upstream_ = std::make_unique<Http2Upstream>(std::move(on_end));
    OverEachPair::StartBefore(upstream_->address(), {.route = route});
  }
  void ExpectReturned(int times) {
    gateway_->AwaitMetric("holdfast_upstream_retries_total",
                          {{"upstream", "web"}, {"result", "retry_returned"}}, times);
  }

  std::atomic<int> asked_times_ = 0;
  std::unique_ptr<Http2Upstream> upstream_;
};

INSTANTIATE_TEST_SUITE_P(, PairsRetryTest, testing::ValuesIn(kPairsToHttp2), PairName);

TEST_P(PairsRetryTest, ARefusedStreamIsAskedAgainWhateverItsMethod) {
  StartBefore([&](ScriptedServer& server, SeenRequest& request) {
    if (++asked_times_ % 2 == 1) return server.Reset(request.id, kRefusedStream);
    Echo(server, request);
  });
  for (const std::string_view method : kMethods) {
    const Asked asked = Of(method);
    ExpectEcho(client_->Ask(asked), asked);
  }
  EXPECT_EQ(asked_times_, 2 * static_cast<int>(std::size(kMethods)));
  EXPECT_EQ(upstream_->accepted(), 1) << "the connection is sound";
  ExpectReturned(std::size(kMethods));
}

// Each connection serves one request and says of the next, which it has read to its end, that it
// did nothing about it.
TEST_P(PairsRetryTest, WhatAGoodbyeLeavesOutIsAskedAgainWhateverItsMethod) {
  StartBefore([&](ScriptedServer& server, SeenRequest& request) {
    ++asked_times_;
    if (server.requests.size() > 1) return server.GoAway(request.id - 2);
    Echo(server, request);
  });
  for (const std::string_view method : kMethods) {
    const Asked asked = Of(method);
    ExpectEcho(client_->Ask(asked), asked);
  }
  const int methods = std::size(kMethods);
  EXPECT_EQ(asked_times_, 2 * methods - 1);
  EXPECT_EQ(upstream_->accepted(), methods);
  ExpectReturned(methods - 1);
}

TEST_P(PairsRetryTest, WhatAGoodbyeCountsInIsAnsweredAndNotAskedAgain) {
  StartBefore([&](ScriptedServer& server, SeenRequest& request) {
    ++asked_times_;
    server.GoAway(request.id);
    Echo(server, request);
  });
  const Asked asked = Of("POST");
  for (int i = 0; i < 3; ++i) ExpectEcho(client_->Ask(asked), asked);
  EXPECT_EQ(asked_times_, 3);
  EXPECT_EQ(upstream_->accepted(), 3);
  ExpectReturned(0);
}

TEST_P(PairsRetryTest, TheBodyAndItsTrailersComeAgain) {
  StartBefore([&](ScriptedServer& server, SeenRequest& request) {
    if (++asked_times_ == 1) return server.Reset(request.id, kRefusedStream);
    Echo(server, request);
  });
  const Asked asked{.method = "POST",
                    .path = "/upload",
                    .body = Pattern(60'000),
                    .with_length = false,
                    .trailers = {{"x-sum", "17"}}};
  const Answered answer = client_->Ask(asked);
  ExpectEcho(answer, asked);
  EXPECT_EQ(ValueOf(answer.fields, "x-got-x-sum"), "17");
  EXPECT_EQ(asked_times_, 2);
}

TEST_P(PairsRetryTest, ABodyThatIsTooLargeToKeepIsNotAskedAgain) {
  StartBefore([&](ScriptedServer& server, SeenRequest& request) {
    ++asked_times_;
    server.Reset(request.id, kRefusedStream);
  });
  const Answered answer = client_->Ask({.method = "POST", .body = Pattern(300'000)});
  EXPECT_EQ(answer.status, 502);
  EXPECT_THAT(answer.body, HasSubstr("not_replayable"));
  EXPECT_EQ(asked_times_, 1);
}

TEST_P(PairsRetryTest, OneThatRefusesAllIsAskedAFewTimes) {
  StartBefore([&](ScriptedServer& server, SeenRequest& request) {
    ++asked_times_;
    server.Reset(request.id, kRefusedStream);
  });
  EXPECT_EQ(client_->Ask(Of("POST")).status, 502);
  EXPECT_EQ(asked_times_, 4);
}

TEST_P(PairsRetryTest, WithoutAttemptsNothingIsAskedAgain) {
  StartBefore(
      [&](ScriptedServer& server, SeenRequest& request) {
        ++asked_times_;
        server.Reset(request.id, kRefusedStream);
      },
      "retry: {attempts: 0}");
  EXPECT_EQ(client_->Ask(Of("GET")).status, 502);
  EXPECT_EQ(asked_times_, 1);
}

// It may have been acted on.
TEST_P(PairsRetryTest, AnyOtherResetOfAPostIsNotRepeated) {
  StartBefore([&](ScriptedServer& server, SeenRequest& request) {
    ++asked_times_;
    server.Reset(request.id, kInternalError);
  });
  const Answered answer = client_->Ask(Of("POST"));
  EXPECT_EQ(answer.status, 502);
  EXPECT_THAT(answer.body, HasSubstr("reason: upstream_reset"));
  EXPECT_EQ(asked_times_, 1);
}

TEST_P(PairsRetryTest, GoodbyesInTheMiddleOfManyFailNone) {
  constexpr int kClients = 8;
  constexpr int kEach = 60;
  StartBefore(Echo);
  std::atomic<bool> over = false;
  std::atomic<int> goodbyes = 0;
  std::thread leaver([&] {
    while (!over) {
      // From now on: in a hurry the same request might be given back each time.
      const int next = upstream_->requests() + 40;
      Eventually([&] { return over || upstream_->requests() >= next; });
      upstream_->ForEach([&](ScriptedServer& server) {
        if (server.requests.empty() || server.said_goodbye()) return;
        server.GoAway(server.requests.rbegin()->first);
        ++goodbyes;
      });
    }
  });
  std::atomic<int> wrong = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      const std::unique_ptr<PairClient> client = NewClient();
      // They may be faster than who takes leave.
      const Deadline deadline;
      for (int n = 0; n < kEach || (goodbyes <= 3 && !deadline.passed()); ++n) {
        const std::string body = std::to_string(i) + ":" + std::to_string(n);
        const Answered answer = client->Ask({.method = "POST", .body = body});
        if (answer.status != 200 || answer.body != body) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  over = true;
  leaver.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(goodbyes, 3);
}

}  // namespace
}  // namespace holdfast::support
