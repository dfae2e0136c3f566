#include "pool/dns/cares_library.h"

#include <ares.h>
#include <gtest/gtest.h>

namespace holdfast::pool {
namespace {

TEST(CaresLibraryTest, IsHeldForGood) {
  HoldCaresLibrary();
  HoldCaresLibrary();
  EXPECT_EQ(ares_library_initialized(), ARES_SUCCESS);
}

}  // namespace
}  // namespace holdfast::pool
