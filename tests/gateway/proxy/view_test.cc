#include "gateway/proxy/view.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {
namespace {

using metrics::Metric;

constexpr std::string_view kTwoListeners =
    "listeners:\n"
    "  - {name: edge, bind: 127.0.0.1:8080}\n"
    "  - {name: inner, bind: 127.0.0.1:8081}\n"
    "upstreams:\n"
    "  web: {endpoints: [\"127.0.0.1:1\"]}\n"
    "routes:\n"
    "  - {name: hello, match: {path: /hello}, respond: {status: 200, body: hi}}\n"
    "  - {name: rest, match: {path_prefix: /}, upstream: web}\n";

class ViewTest : public testing::Test {
 protected:
  View* Make() { return new View(&harness_.loop, harness_.shard, snapshot_, {harness_.cluster}); }
  const route::Route* RouteOf(size_t i) { return &snapshot_->routes().routes()[i]; }

  ProxyHarness harness_;
  std::shared_ptr<const route::Snapshot> snapshot_ = ProxyHarness::Load(kTwoListeners);
};

TEST_F(ViewTest, LivesUntilTheEndOfTheTurnInWhichItsLastPinWent) {
  const long before = snapshot_.use_count();
  ViewPin pin(Make());
  ASSERT_EQ(snapshot_.use_count(), before + 1);
  pin = ViewPin();
  EXPECT_EQ(snapshot_.use_count(), before + 1) << "a caller's frame may still use it";
  harness_.Turn();
  EXPECT_EQ(snapshot_.use_count(), before);
}

TEST_F(ViewTest, EveryCopyOfAPinCounts) {
  const long before = snapshot_.use_count();
  ViewPin first(Make());
  ViewPin second = first;
  ViewPin third = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_EQ(second.get(), third.get());
  third = ViewPin();
  harness_.Turn();
  EXPECT_EQ(snapshot_.use_count(), before + 1) << "one pin is left";
  second = second;
  harness_.Turn();
  EXPECT_EQ(snapshot_.use_count(), before + 1);
  second = ViewPin();
  harness_.Turn();
  EXPECT_EQ(snapshot_.use_count(), before);
}

TEST_F(ViewTest, APinOfNothingIsHarmless) {
  ViewPin pin(nullptr);
  EXPECT_FALSE(pin);
  const ViewPin copy = pin;
  EXPECT_EQ(copy.get(), nullptr);
}

TEST_F(ViewTest, KeepsItsClusters) {
  const long before = harness_.cluster.use_count();
  ViewPin pin(Make());
  EXPECT_EQ(harness_.cluster.use_count(), before + 1);
  EXPECT_EQ(&pin->cluster(0), harness_.cluster.get());
}

TEST_F(ViewTest, CellsAreMadeOnceForEachListenerAndRoute) {
  const ViewPin view(Make());
  RouteCells& cells = view->cells(0, RouteOf(0));
  EXPECT_EQ(&view->cells(0, RouteOf(0)), &cells);
  EXPECT_NE(&view->cells(1, RouteOf(0)), &cells);
  EXPECT_NE(&view->cells(0, RouteOf(1)), &cells);
  EXPECT_NE(&view->cells(0, nullptr), &cells);
  EXPECT_EQ(&view->cells(1, nullptr), &view->cells(1, nullptr));
}

TEST_F(ViewTest, FailuresAreCountedByRouteAndReasonWhateverTheListener) {
  const ViewPin view(Make());
  view->cells(0, RouteOf(1)).FailedFor("connect_refused").Add();
  view->cells(1, RouteOf(1)).FailedFor("connect_refused").Add();
  view->cells(1, RouteOf(1)).FailedFor("client_gone").Add();
  view->cells(0, nullptr).FailedFor("no_route").Add();
  EXPECT_EQ(harness_.Count(Metric::kRequestFailuresTotal, {"rest", "connect_refused"}), 2u);
  EXPECT_EQ(harness_.Count(Metric::kRequestFailuresTotal, {"rest", "client_gone"}), 1u);
  EXPECT_EQ(harness_.Count(Metric::kRequestFailuresTotal, {"none", "no_route"}), 1u);
  RouteCells& cells = view->cells(0, RouteOf(1));
  EXPECT_EQ(&cells.FailedFor("connect_refused"), &cells.FailedFor("connect_refused"));
}

TEST_F(ViewTest, RequestsAreCountedByListenerRouteMethodCodeAndSource) {
  const ViewPin view(Make());
  RouteCells& cells = view->cells(1, RouteOf(1));
  cells.CountRequest(http::Method::kGet, 200, AnswerSource::kUpstream);
  cells.CountRequest(http::Method::kGet, 200, AnswerSource::kUpstream);
  cells.CountRequest(http::Method::kPost, 200, AnswerSource::kUpstream);
  cells.CountRequest(http::Method::kGet, 404, AnswerSource::kUpstream);
  cells.CountRequest(http::Method::kGet, 200, AnswerSource::kGateway);
  view->cells(0, nullptr).CountRequest(http::Method::kOther, 0, AnswerSource::kGateway);
  const auto count = [&](const char* listener, const char* route, const char* method,
                         const char* code, const char* source) {
    return harness_.Count(Metric::kRequestsTotal, {listener, route, method, code, source});
  };
  EXPECT_EQ(count("inner", "rest", "GET", "200", "upstream"), 2u);
  EXPECT_EQ(count("inner", "rest", "GET", "200", "gateway"), 1u);
  EXPECT_EQ(count("inner", "rest", "POST", "200", "upstream"), 1u);
  EXPECT_EQ(count("inner", "rest", "GET", "404", "upstream"), 1u);
  EXPECT_EQ(count("edge", "none", "OTHER", "0", "gateway"), 1u);
}

TEST_F(ViewTest, TheNextViewGoesOnWithTheSameSeries) {
  ViewPin view(Make());
  view->cells(0, RouteOf(0)).CountRequest(http::Method::kGet, 200, AnswerSource::kUpstream);
  view = ViewPin(Make());
  view->cells(0, RouteOf(0)).CountRequest(http::Method::kGet, 200, AnswerSource::kUpstream);
  EXPECT_EQ(harness_.Count(Metric::kRequestsTotal, {"edge", "hello", "GET", "200", "upstream"}),
            2u);
}

TEST_F(ViewTest, TheAnswerOfARouteIsPreparedOnce) {
  const ViewPin view(Make());
  const http::ResponseHead& head = view->respond_head(*RouteOf(0));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.content_length, 2u);
  EXPECT_EQ(&head, &view->respond_head(*RouteOf(0)));
}

}  // namespace
}  // namespace holdfast::proxy
