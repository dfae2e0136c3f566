#include "tests/support/wire.h"

#include "tests/support/sanitizer.h"

namespace holdfast::support {
namespace {

// Written while no other thread of the test runs.
Wire current = Wire::kPlain;

}  // namespace

std::vector<Wire> Wires(bool many_handshakes) {
  switch (GatewaySanitizer()) {
    case Sanitizer::kNone: break;
    case Sanitizer::kAddress: return {many_handshakes ? Wire::kPlain : Wire::kTls};
    case Sanitizer::kThread: return {Wire::kPlain};
  }
  return {Wire::kPlain, Wire::kTls};
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
