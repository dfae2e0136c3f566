// How long idle upstream connections are kept, by what the upstream says and does.

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/deadline.h"
#include "tests/support/scripted_hop.h"
#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr char kExpiry[] = "holdfast_upstream_idle_expiry_seconds";
constexpr char kClosed[] = "holdfast_upstream_connections_closed_total";
constexpr char kConnections[] = "holdfast_upstream_connections";

void AwaitNoneIdle(const GatewayProcess& gateway) {
  gateway.AwaitMetric(kConnections, {{"upstream", "web"}, {"state", "idle"}}, 0);
}

// A connection on which one request was answered, idle now.
UpstreamConnection Warm(ScriptedHop* hop, std::string_view lines = "") {
  UpstreamConnection upstream = hop->Begin(GetRequest("/"));
  upstream.Answer(OkResponse("x", lines));
  EXPECT_EQ(hop->client.Response().Status(), 200);
  return upstream;
}

// One that has been idle for long enough to speak of a timeout.
UpstreamConnection WarmForAWhile(ScriptedHop* hop) {
  UpstreamConnection upstream = Warm(hop);
  poll(nullptr, 0, 200);
  return upstream;
}

// The upstream closes one that has been idle for so long. False: this machine let it wait, so that
// it was idle for much longer.
bool CloseAfterAWhile(ScriptedHop* hop) {
  const steady_clock::time_point begin = steady_clock::now();
  WarmForAWhile(hop).Close();
  AwaitNoneIdle(hop->gateway);
  return steady_clock::now() - begin < seconds(1);
}

class LearnedExpiryTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(LearnedExpiryTest);

TEST_P(LearnedExpiryTest, TheGatewayClosesBeforeTheTimeThatTheUpstreamTold) {
  ScriptedHop hop;
  // Without having been told it would be 4 s. On a machine with much to do it may once be as long.
  steady_clock::duration least = steady_clock::duration::max();
  int times = 0;
  for (; times < 5 && least >= seconds(3); ++times) {
    const steady_clock::time_point begin = steady_clock::now();
    UpstreamConnection upstream = Warm(&hop, "Keep-Alive: timeout=1, max=100\r\n");
    upstream.ExpectClosed();
    least = std::min(least, steady_clock::now() - begin);
  }
  EXPECT_LT(least, seconds(3));
  hop.gateway.AwaitMetric(kClosed, {{"reason", "idle_timeout"}}, times);
}

TEST_P(LearnedExpiryTest, AConnectionThatTakesNoMoreRequestsIsClosed) {
  ScriptedHop hop;
  UpstreamConnection upstream = Warm(&hop, "Keep-Alive: max=0\r\n");
  upstream.ExpectClosed();
  hop.gateway.AwaitMetric(kClosed, {{"reason", "max_requests"}}, 1);
}

TEST_P(LearnedExpiryTest, ClosesByTheUpstreamLowerIt) {
  for (int times = 0; times < 5; ++times) {
    ScriptedHop hop;
    if (!CloseAfterAWhile(&hop)) continue;
    // One may be anything: by half and no more.
    hop.gateway.AwaitMetric(kExpiry, {{"upstream", "web"}}, 2);
    poll(nullptr, 0, 1100);  // what closes within a second counts as one
    if (!CloseAfterAWhile(&hop)) continue;
    // The floor, or a half again if this machine let one of the two wait a little.
    EXPECT_TRUE(Eventually([&] { return hop.gateway.Scrape().Value(kExpiry) <= 1; }));
    return;
  }
  ADD_FAILURE() << "this machine let one of them wait each time";
}

TEST_P(LearnedExpiryTest, ARestartOfTheUpstreamDoesNotLowerIt) {
  ScriptedHop hop;
  RawClient other(hop.gateway.address());
  UpstreamConnection first = hop.Begin(GetRequest("/"));
  other.Send(GetRequest("/"));
  UpstreamConnection second = hop.upstream.Accept();
  first.Answer(OkResponse("x"));
  hop.client.Response();
  poll(nullptr, 0, 500);
  second.Answer(OkResponse("x"));
  other.Response();
  hop.gateway.Pause();  // so that it finds both at once
  first.Close();
  second.Close();
  hop.gateway.Resume();
  AwaitNoneIdle(hop.gateway);
  hop.gateway.AwaitMetric(kExpiry, {{"upstream", "web"}}, 4);
}

TEST_P(LearnedExpiryTest, AFixedTimeoutIsNotTouched) {
  ScriptedHop hop(GatewayConfig{.upstream = "idle_timeout: 300ms"});
  UpstreamConnection upstream = Warm(&hop, "Keep-Alive: timeout=60\r\n");
  upstream.ExpectClosed();  // which waits for less than those 60 s
  hop.gateway.AwaitMetric(kClosed, {{"reason", "idle_timeout"}}, 1);
}

}  // namespace
}  // namespace holdfast::support
