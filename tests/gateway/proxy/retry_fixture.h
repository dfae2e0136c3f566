#ifndef HOLDFAST_TESTS_GATEWAY_PROXY_RETRY_FIXTURE_H_
#define HOLDFAST_TESTS_GATEWAY_PROXY_RETRY_FIXTURE_H_

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/proxy/proxy_harness.h"

namespace holdfast::proxy {

inline constexpr std::string_view kOkEnd = "\r\n\r\nok";
inline constexpr std::string_view kBusy = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
inline constexpr std::string_view kPost =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";

// A configuration whose one route has this retry policy.
inline HarnessConfig WithRetry(const std::string& retry, const std::string& more = "") {
  return {.routes = "- {name: all, match: {path_prefix: /}, upstream: web, retry: {" + retry + "}" +
                    more + "}"};
}

// A client, the gateway, and an upstream whose connections the test accepts.
class RetryTest : public testing::Test {
 protected:
  explicit RetryTest(const HarnessConfig& config = {}) : harness_(config) {}

  bool ClientGets(std::string_view start, std::string_view last) {
    return harness_.TurnUntil([&] {
      client_.Pull();
      return client_.received().starts_with("HTTP/1.1 " + std::string(start)) &&
             client_.received().ends_with(last);
    });
  }
  // A response in which the decision is named.
  bool ClientIsRefused(std::string_view decision) {
    return ClientGets("502 ", "not sent again: " + std::string(decision) + "\n");
  }
  void ExpectNoConnection() {
    harness_.Turns(5);
    EXPECT_FALSE(harness_.backend.TryAccept().valid());
  }
  // The request arrives at a new connection, and is answered.
  void ServeAnew(std::string_view last = kHeadEnd) {
    Wire fresh = harness_.Accept();
    harness_.Await(fresh, last);
    fresh.Send(kOk);
    harness_.Await(client_, kOkEnd);
  }

  ProxyHarness harness_;
  Wire client_ = harness_.Connect();
  Wire upstream_;
};

// The stale race: a kept connection that turns out dead.
class StaleTest : public RetryTest {
 protected:
  explicit StaleTest(const HarnessConfig& config = {}) : RetryTest(config) {
    client_.Send(kGet);
    upstream_ = harness_.Accept();
    harness_.Await(upstream_, kHeadEnd);
    upstream_.Send(kOk);
    harness_.Await(client_, kOkEnd);
  }
};

}  // namespace holdfast::proxy

#endif  // HOLDFAST_TESTS_GATEWAY_PROXY_RETRY_FIXTURE_H_
