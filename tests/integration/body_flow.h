#ifndef HOLDFAST_TESTS_INTEGRATION_BODY_FLOW_H_
#define HOLDFAST_TESTS_INTEGRATION_BODY_FLOW_H_

#include <cstddef>

namespace holdfast::support {

// Moves bodies through the gateway from a writer that never pauses to a reader that takes a little
// at a time, and looks at the gateway's memory all the while.

// Of the gateway, above what it used before: the most that was seen.
struct FlowMemory {
  size_t growth = 0;
};

// A response of `bytes`.
FlowMemory FlowDown(size_t bytes);
// A request body of `bytes`.
FlowMemory FlowUp(size_t bytes);

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_INTEGRATION_BODY_FLOW_H_
