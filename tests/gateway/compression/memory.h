#ifndef HOLDFAST_TESTS_GATEWAY_COMPRESSION_MEMORY_H_
#define HOLDFAST_TESTS_GATEWAY_COMPRESSION_MEMORY_H_

#include <cstddef>

#include "gateway/compression/encoder.h"

namespace holdfast::compression {

// What the program has from the C library's allocator. Always 0 under AddressSanitizer, which has
// one of its own.
size_t HeapBytes();

// Encodes a few MiB, some of which can be made smaller, and watches the heap: an encoder of that
// level keeps within Encoder::MemoryBound.
void ExpectMemoryBound(Coding coding, int level);

}  // namespace holdfast::compression

#endif  // HOLDFAST_TESTS_GATEWAY_COMPRESSION_MEMORY_H_
