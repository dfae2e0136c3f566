#ifndef HOLDFAST_TESTS_FUZZ_PROPERTY_H_
#define HOLDFAST_TESTS_FUZZ_PROPERTY_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "pool/net/buffer.h"

// What must hold for every input. Ends the process, which libFuzzer reports with the input.
#define HOLDFAST_PROPERTY(condition)                                               \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace holdfast::fuzz {

inline std::string_view AsText(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes everything out of `buffer`.
inline std::string Drain(pool::Buffer* buffer) {
  std::string text;
  if (!buffer->empty()) text = buffer->Linearize(buffer->size());
  buffer->Clear();
  return text;
}

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_PROPERTY_H_
