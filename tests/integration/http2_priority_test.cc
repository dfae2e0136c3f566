// In which order responses come that wait for one connection (RFC 9218).

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/gateway/http2/support/http2_client.h"
#include "tests/support/auto_upstream.h"
#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

constexpr size_t kWindow = 65'535;
constexpr size_t kBytes = 40'000;

// A connection whose window is used up, and responses that wait for it to open.
class Congested {
 public:
  Congested() { EXPECT_EQ(client_.Get("/fill").body.size(), kWindow); }

  // Asks with these fields and waits until there is a response that may not be sent, all of it.
  int32_t Ask(const Http2Fields& fields = {}) {
    const int32_t stream = client_.Send({.fields = fields});
    client_.AwaitHead(stream);
    gateway_.AwaitMetric("holdfast_upstream_connections", {{"state", "active"}}, 0);
    return stream;
  }
  int32_t Ask(const std::string& priority) { return Ask({{"priority", priority}}); }
  void Update(int32_t stream, std::string_view priority) { client_.Prioritise(stream, priority); }
  void Open(size_t bytes) { client_.GrantConnection(bytes); }
  // Waits until so much of its body is there.
  void Await(int32_t stream, size_t bytes) { client_.AwaitBody(stream, bytes); }
  size_t Had(int32_t stream) { return client_.At(stream).body.size(); }
  // Opens the window for one response, which is this one's; the others stay where they are.
  void ExpectNext(int32_t stream, const std::vector<int32_t>& others) {
    std::vector<size_t> had;
    for (const int32_t other : others) had.push_back(Had(other));
    Open(kBytes);
    EXPECT_TRUE(client_.Await(stream).ended) << stream;
    EXPECT_EQ(Had(stream), kBytes) << stream;
    for (size_t i = 0; i < others.size(); ++i) {
      EXPECT_EQ(Had(others[i]), had[i]) << others[i] << " beside " << stream;
    }
  }
  Http2Client& client() { return client_; }

 private:
  AutoUpstream upstream_{[](const Message& request) {
    return AutoUpstream::Reply{
        OkResponse(std::string(request.Target() == "/fill" ? kWindow : kBytes, 'x'))};
  }};
  GatewayProcess gateway_{GatewayConfig{.endpoints = {upstream_.address()}}};
  Http2Client client_{gateway_.address(), {.connection_window = kWindow, .reads_bodies = false}};
};

// The window opens for one of the two.
void ExpectFirst(const Http2Fields& early_fields, const Http2Fields& late_fields, size_t early,
                 size_t late) {
  Congested congested;
  const int32_t first = congested.Ask(early_fields);
  const int32_t second = congested.Ask(late_fields);
  congested.Open(kBytes);
  congested.Await(early < late ? second : first, std::max(early, late));
  EXPECT_EQ(congested.Had(first), early);
  EXPECT_EQ(congested.Had(second), late);
}

TEST(Http2PriorityTest, ResponsesComeInTheOrderThatIsAskedFor) {
  ExpectFirst({{"priority", "u=3"}}, {{"priority", "u=3"}}, kBytes, 0);
  ExpectFirst({{"priority", "u=3"}}, {{"priority", "u=1"}}, 0, kBytes);
  ExpectFirst({}, {{"priority", "u=2"}}, 0, kBytes);
  ExpectFirst({{"priority", "u=1, i"}}, {}, kBytes, 0);
}

TEST(Http2PriorityTest, OfManyTheMoreUrgentComeFirst) {
  Congested congested;
  std::vector<int32_t> waiting;
  for (const char* const priority : {"u=6", "u=2", "u=7", "u=0", "u=4", "u=1", "u=5", "u=3"}) {
    waiting.push_back(congested.Ask(priority));
  }
  for (const size_t next : {3, 5, 1, 7, 4, 6, 0, 2}) {
    std::vector<int32_t> others = waiting;
    std::erase(others, waiting[next]);
    congested.ExpectNext(waiting[next], others);
  }
}

// Nothing waits for the end of something long that has not asked for that.
TEST(Http2PriorityTest, WithoutPrioritiesResponsesTakeTurns) {
  Congested congested;
  const int32_t first = congested.Ask();
  const int32_t second = congested.Ask();
  congested.Open(kBytes);
  congested.Await(first, 16'384);
  congested.Await(second, 16'384);
}

TEST(Http2PriorityTest, AnUpdateLetsOneOvertake) {
  Congested congested;
  const int32_t first = congested.Ask("u=1");
  const int32_t second = congested.Ask("u=2");
  const int32_t third = congested.Ask("u=5");
  congested.Update(third, "u=0");
  congested.ExpectNext(third, {first, second});
  congested.Update(first, "u=7");
  congested.ExpectNext(second, {first});
  congested.ExpectNext(first, {});
}

TEST(Http2PriorityTest, AnUpdateOvertakesWhatHasBegun) {
  constexpr size_t kPart = 33'000;
  Congested congested;
  const int32_t first = congested.Ask("u=3");
  const int32_t second = congested.Ask("u=5");
  congested.Open(kPart);
  congested.Await(first, kPart);
  congested.Update(second, "u=1");
  congested.ExpectNext(second, {first});
  EXPECT_EQ(congested.Had(first), kPart);
  congested.ExpectNext(first, {});
}

TEST(Http2PriorityTest, AnUpdateSaysWhetherTurnsAreTaken) {
  Congested congested;
  const int32_t first = congested.Ask("u=3");
  const int32_t second = congested.Ask("u=3");
  congested.Update(first, "i");
  congested.Update(second, "u=3, i");
  congested.Open(kBytes);
  congested.Await(first, 16'384);
  congested.Await(second, 16'384);
}

// RFC 9218 section 7: it is the latest word, whatever the request says after it.
TEST(Http2PriorityTest, AnUpdateMayComeBeforeItsRequest) {
  for (const Http2Fields& fields : {Http2Fields{}, Http2Fields{{"priority", "u=7"}}}) {
    Congested congested;
    const int32_t first = congested.Ask("u=2");
    congested.Update(first + 2, "u=1");
    const int32_t second = congested.Ask(fields);
    ASSERT_EQ(second, first + 2);
    congested.ExpectNext(second, {first});
    congested.ExpectNext(first, {});
  }
}

TEST(Http2PriorityTest, WhatCannotBeReadOrIsOverChangesNothing) {
  Congested congested;
  const int32_t first = congested.Ask("u=1");
  const int32_t second = congested.Ask("u=2");
  congested.Update(second, "u=");
  congested.Update(first - 2, "u=0");  // of the one that has filled the window
  congested.ExpectNext(first, {second});
  congested.Update(first, "u=0");
  congested.ExpectNext(second, {});
  EXPECT_TRUE(congested.client().goaways().empty());
}

}  // namespace
}  // namespace holdfast::support
