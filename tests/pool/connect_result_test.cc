#include "pool/connect_result.h"

#include <cerrno>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

struct Row {
  int error;
  bool routed;
  CheckoutResult result;
};

TEST(ConnectResultTest, EveryErrorHasItsWord) {
  const Row rows[] = {
      {ECONNREFUSED, true, CheckoutResult::kConnectRefused},
      {ETIMEDOUT, true, CheckoutResult::kConnectTimeout},
      {ENETUNREACH, false, CheckoutResult::kConnectUnreachable},
      {EHOSTUNREACH, true, CheckoutResult::kConnectUnreachable},
      {EAFNOSUPPORT, false, CheckoutResult::kConnectUnreachable},
      {EADDRNOTAVAIL, false, CheckoutResult::kConnectUnreachable},
      {EADDRNOTAVAIL, true, CheckoutResult::kNoLocalPort},
      {EMFILE, true, CheckoutResult::kNoDescriptors},
      {ENFILE, true, CheckoutResult::kNoDescriptors},
      {ENOMEM, true, CheckoutResult::kNoMemory},
      {ENOBUFS, true, CheckoutResult::kNoMemory},
      {ENOSPC, true, CheckoutResult::kNoMemory},
      {ENOENT, true, CheckoutResult::kConnectFailed},
      {EACCES, true, CheckoutResult::kConnectFailed},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(CheckoutResultName(ConnectResult(row.error, row.routed)),
              CheckoutResultName(row.result))
        << row.error << (row.routed ? " with" : " without") << " a route";
  }
}

TEST(ConnectResultTest, WithARouteTheLocalPortsAreUsedUp) {
  const SocketAddress local = *SocketAddress::Parse("127.0.0.1:80");
  EXPECT_EQ(ConnectResultAt(local, EADDRNOTAVAIL), CheckoutResult::kNoLocalPort);
  EXPECT_EQ(ConnectResultAt(local, ECONNREFUSED), CheckoutResult::kConnectRefused);
}

TEST(ConnectResultTest, OurOwnTroubleSaysNothingOfTheEndpoint) {
  for (int i = 0; i < kCheckoutResults; ++i) {
    const auto result = static_cast<CheckoutResult>(i);
    const bool speaks = CheckoutResultName(result).starts_with("connect_") ||
                        CheckoutResultName(result).starts_with("tls_");
    const std::optional<Outcome> outcome = OutcomeOf(result);
    EXPECT_EQ(outcome.has_value(), speaks) << CheckoutResultName(result);
    if (outcome.has_value()) {
      EXPECT_TRUE(IsOfOneEndpoint(result));
      EXPECT_EQ(OutcomeName(*outcome), CheckoutResultName(result)) << "one word for one thing";
    }
  }
}

TEST(ConnectResultTest, AnotherEndpointMayHaveRoomOrPortsLeft) {
  EXPECT_TRUE(IsOfOneEndpoint(CheckoutResult::kQueueFull));
  EXPECT_TRUE(IsOfOneEndpoint(CheckoutResult::kNoLocalPort));
  EXPECT_FALSE(IsOfOneEndpoint(CheckoutResult::kQueueTimeout));
  EXPECT_FALSE(IsOfOneEndpoint(CheckoutResult::kNoDescriptors));
  EXPECT_FALSE(IsOfOneEndpoint(CheckoutResult::kNoMemory));
  EXPECT_FALSE(IsOfOneEndpoint(CheckoutResult::kRequestsBreaker));
}

}  // namespace
}  // namespace holdfast::pool
