// How long idle upstream connections are kept, by what the upstream says and does.

#include <poll.h>

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

class LearnedExpiryTest : public OverEachWire {};
HOLDFAST_OVER_EACH_WIRE(LearnedExpiryTest);

TEST_P(LearnedExpiryTest, TheGatewayClosesBeforeTheTimeThatTheUpstreamTold) {
  ScriptedHop hop;
  const steady_clock::time_point begin = steady_clock::now();
  UpstreamConnection upstream = Warm(&hop, "Keep-Alive: timeout=1, max=100\r\n");
  upstream.ExpectClosed();
  // Without having been told it would be 4 s.
  EXPECT_LT(steady_clock::now() - begin, seconds(3));
  hop.gateway.AwaitMetric(kClosed, {{"reason", "idle_timeout"}}, 1);
}

TEST_P(LearnedExpiryTest, AConnectionThatTakesNoMoreRequestsIsClosed) {
  ScriptedHop hop;
  UpstreamConnection upstream = Warm(&hop, "Keep-Alive: max=0\r\n");
  upstream.ExpectClosed();
  hop.gateway.AwaitMetric(kClosed, {{"reason", "max_requests"}}, 1);
}

TEST_P(LearnedExpiryTest, ClosesByTheUpstreamLowerIt) {
  ScriptedHop hop;
  WarmForAWhile(&hop).Close();
  AwaitNoneIdle(hop.gateway);
  // One may be anything: by half and no more.
  hop.gateway.AwaitMetric(kExpiry, {{"upstream", "web"}}, 2);
  poll(nullptr, 0, 1100);  // what closes within a second counts as one
  WarmForAWhile(&hop).Close();
  AwaitNoneIdle(hop.gateway);
  // The floor, or a half again if this machine let one of the two wait.
  EXPECT_TRUE(Eventually([&] { return hop.gateway.Scrape().Value(kExpiry) <= 1; }));
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
  first.Close();
  second.Close();
  AwaitNoneIdle(hop.gateway);
  hop.gateway.AwaitMetric(kExpiry, {{"upstream", "web"}}, 4);
}

TEST_P(LearnedExpiryTest, AFixedTimeoutIsNotTouched) {
  ScriptedHop hop(GatewayConfig{.upstream = "idle_timeout: 300ms"});
  const steady_clock::time_point begin = steady_clock::now();
  UpstreamConnection upstream = Warm(&hop, "Keep-Alive: timeout=60\r\n");
  upstream.ExpectClosed();
  EXPECT_LT(steady_clock::now() - begin, seconds(3));
  hop.gateway.AwaitMetric(kClosed, {{"reason", "idle_timeout"}}, 1);
}

}  // namespace
}  // namespace holdfast::support
