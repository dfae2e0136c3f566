#include "pool/dns/resolver.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

SocketAddress Address(std::string_view text) { return *SocketAddress::Parse(text); }

TEST(ResolveStatusName, EveryStatusHasALabelOfItsOwn) {
  EXPECT_EQ(ResolveStatusName(ResolveStatus::kOk), "ok");
  EXPECT_EQ(ResolveStatusName(ResolveStatus::kNotFound), "not_found");
  EXPECT_EQ(ResolveStatusName(ResolveStatus::kServerError), "server_error");
  EXPECT_EQ(ResolveStatusName(ResolveStatus::kTimeout), "timeout");
}

TEST(SortUnique, GivesOneOrderWhateverTheServersRotation) {
  const std::vector<SocketAddress> expected = {Address("10.0.0.1:80"), Address("10.0.0.2:80"),
                                               Address("[fd00::1]:80"), Address("[fd00::2]:80")};
  std::vector<SocketAddress> rotated = {expected[2], expected[3], expected[0], expected[1]};
  SortUnique(rotated);
  EXPECT_EQ(rotated, expected);
  std::vector<SocketAddress> reversed(expected.rbegin(), expected.rend());
  SortUnique(reversed);
  EXPECT_EQ(reversed, expected);
}

TEST(SortUnique, DropsRepeatedAddressesAndKeepsOtherPorts) {
  std::vector<SocketAddress> addresses = {Address("10.0.0.1:80"), Address("10.0.0.1:81"),
                                          Address("10.0.0.1:80")};
  SortUnique(addresses);
  EXPECT_EQ(addresses,
            (std::vector<SocketAddress>{Address("10.0.0.1:80"), Address("10.0.0.1:81")}));
}

TEST(SortUnique, TakesUnixSocketsToo) {
  std::vector<SocketAddress> addresses = {Address("unix:/run/b"), Address("10.0.0.1:80"),
                                          Address("unix:/run/a"), Address("unix:/run/long"),
                                          Address("unix:/run/b")};
  SortUnique(addresses);
  EXPECT_EQ(addresses,
            (std::vector<SocketAddress>{Address("unix:/run/a"), Address("unix:/run/b"),
                                        Address("unix:/run/long"), Address("10.0.0.1:80")}));
}

TEST(SortUnique, NothingStaysNothing) {
  std::vector<SocketAddress> none;
  SortUnique(none);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace holdfast::pool
