#include "pool/endpoint.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(AvailabilityTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i < kAvailabilities; ++i) {
    names.insert(AvailabilityName(static_cast<Availability>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kAvailabilities));
}

TEST(EndpointSetTest, SetsThatDifferInAStateAreDifferent) {
  const EndpointSet up{.endpoints = {EndpointState{}}};
  EndpointSet other = up;
  EXPECT_EQ(other, up);
  other.endpoints[0].availability = Availability::kDrained;
  EXPECT_NE(other, up);
  other = up;
  other.endpoints[0].up_since = TimePoint();
  EXPECT_NE(other, up);
  other = up;
  other.note = "waiting for DNS";
  EXPECT_NE(other, up);
}

}  // namespace
}  // namespace holdfast::pool
