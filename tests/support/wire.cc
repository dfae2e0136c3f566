#include "tests/support/wire.h"

namespace holdfast::support {
namespace {

// Written while no other thread of the test runs.
Wire current = Wire::kPlain;

// What runs when only one of them is to.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kEach = false;
constexpr Wire kOnly = Wire::kTls;
#elif defined(__SANITIZE_THREAD__)
constexpr bool kEach = false;
constexpr Wire kOnly = Wire::kPlain;
#else
constexpr bool kEach = true;
constexpr Wire kOnly = Wire::kPlain;
#endif

}  // namespace

std::vector<Wire> Wires(bool many_handshakes) {
  if (kEach) return {Wire::kPlain, Wire::kTls};
  return {many_handshakes ? Wire::kPlain : kOnly};
}

Wire CurrentWire() { return current; }

UseWire::UseWire(Wire wire) {
  EXPECT_EQ(current, Wire::kPlain) << "one at a time";
  current = wire;
}

UseWire::~UseWire() { current = Wire::kPlain; }

std::string WireName(const testing::TestParamInfo<Wire>& info) {
  return info.param == Wire::kTls ? "Tls" : "Plain";
}

}  // namespace holdfast::support
