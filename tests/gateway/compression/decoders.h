#ifndef HOLDFAST_TESTS_GATEWAY_COMPRESSION_DECODERS_H_
#define HOLDFAST_TESTS_GATEWAY_COMPRESSION_DECODERS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/compression/coding.h"

namespace holdfast::compression {

struct Decoded {
  std::string text;       // as far as it could be decoded
  bool complete = false;  // the coding's own end was reached
};
// By the coding's library. nullopt: it is not that coding, or something follows its end.
std::optional<Decoded> Decode(Coding coding, std::string_view bytes);

// The bytes of the window that a reader of this frame of zstd must have.
size_t ZstdWindow(std::string_view bytes);

}  // namespace holdfast::compression

#endif  // HOLDFAST_TESTS_GATEWAY_COMPRESSION_DECODERS_H_
