#ifndef HOLDFAST_TESTS_SUPPORT_WIRE_H_
#define HOLDFAST_TESTS_SUPPORT_WIRE_H_

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::support {

// What a test's connections speak below HTTP.
enum class Wire { kPlain, kTls };

// Of the test that runs. While it is kTls, the listener "edge" and the upstream "web" of a
// GatewayConfig speak TLS, and so do RawClient, ScriptedUpstream and AutoUpstream, each of which
// asks when it is made. kPlain unless a UseWire is alive.
Wire CurrentWire();
inline bool OverTls() { return CurrentWire() == Wire::kTls; }

// As long as it lives; one at a time, on the test's own thread.
class UseWire {
 public:
  explicit UseWire(Wire wire);
  ~UseWire();
  UseWire(const UseWire&) = delete;
  UseWire& operator=(const UseWire&) = delete;
};

// A fixture whose tests run over each wire, as `Over/SuiteTest.Test/Plain` and `/Tls`:
//
//   class SuiteTest : public OverEachWire {};
//   HOLDFAST_OVER_EACH_WIRE(SuiteTest);
//   TEST_P(SuiteTest, Test) { ... }
//
// Where one of them is to end otherwise, the test says so, and why. Under a sanitizer, where a run
// costs many times as much, each is run once: over TLS under AddressSanitizer, in clear under
// ThreadSanitizer.
class OverEachWire : public testing::TestWithParam<Wire> {
 private:
  UseWire use_{GetParam()};
};

std::string WireName(const testing::TestParamInfo<Wire>& info);
// What such tests run over; `many_handshakes`: under a sanitizer in clear, since TLS would take so
// much of the processor that the rest of the test means nothing.
std::vector<Wire> Wires(bool many_handshakes);

#define HOLDFAST_OVER_EACH_WIRE(suite)                                                       \
  INSTANTIATE_TEST_SUITE_P(                                                                  \
      Over, suite, testing::ValuesIn(::holdfast::support::Wires(/*many_handshakes=*/false)), \
      ::holdfast::support::WireName)

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_WIRE_H_
