#ifndef HOLDFAST_GATEWAY_COMPRESSION_ZSTD_ENCODER_H_
#define HOLDFAST_GATEWAY_COMPRESSION_ZSTD_ENCODER_H_

#include <memory>

#include "gateway/compression/encoder.h"

namespace holdfast::compression {

// zstd (RFC 8878); the levels are its own, but with a window and tables that are small enough to
// stay in a cache. The window is far below the 8 MiB that every reader has (RFC 9659).
std::unique_ptr<Encoder> MakeZstdEncoder(int level);

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_ZSTD_ENCODER_H_
