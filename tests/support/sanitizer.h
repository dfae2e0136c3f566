#ifndef HOLDFAST_TESTS_SUPPORT_SANITIZER_H_
#define HOLDFAST_TESTS_SUPPORT_SANITIZER_H_

#include <cstdint>

namespace holdfast::support {

enum class Sanitizer : uint8_t { kNone, kAddress, kThread };

// Under which one the gateway runs that a test starts: that of the test itself, or that of the
// other build of which HOLDFAST_SANITIZED_BINARY is the gateway and HOLDFAST_SANITIZER the name
// (`asan`, `tsan`); `tests/run` has it so, since a test that only talks to the gateway need not be
// built three times.
Sanitizer GatewaySanitizer();

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_SANITIZER_H_
