#include "gateway/server/fetching.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "pool/net/clock.h"
#include "tests/support/deadline.h"
#include "tests/support/unserved_address.h"

namespace holdfast::server {
namespace {

TEST(FetchingTest, AWayIsMadeOfTheMainThreadsMeans) {
  const support::RefusingAddress refusing;
  pool::SystemClock clock;
  MainContext main{.clock = &clock};
  const auto exchanges = ConnectFrom(&main)(config::Dns(), {});
  std::optional<fetch::Response> response;
  exchanges->Start({.url = "http://" + refusing.address().ToString() + "/", .clear = true},
                   [&](fetch::Response said) { response = std::move(said); });
  EXPECT_TRUE(support::Eventually([&] {
    main.loop.RunOnce(pool::Duration::zero());
    return response.has_value();
  }));
  EXPECT_EQ(response.value_or(fetch::Response()).trouble,
            refusing.address().ToString() + ": connect_refused");
}

}  // namespace
}  // namespace holdfast::server
