#ifndef HOLDFAST_TESTS_SUPPORT_PATTERN_H_
#define HOLDFAST_TESTS_SUPPORT_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace holdfast::support {

// Printable bytes without white space in which a missing, doubled or moved piece shows. Another
// seed gives other bytes.
std::string Pattern(size_t bytes, uint64_t seed = 1);

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_PATTERN_H_
