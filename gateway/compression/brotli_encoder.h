#ifndef HOLDFAST_GATEWAY_COMPRESSION_BROTLI_ENCODER_H_
#define HOLDFAST_GATEWAY_COMPRESSION_BROTLI_ENCODER_H_

#include <memory>

#include "gateway/compression/encoder.h"

namespace holdfast::compression {

// br (RFC 7932); the levels are Brotli's qualities, with a window of 64 KiB: with more, the
// tables of its better half take up to 37 MiB, for a body that is one part in a hundred smaller.
// The library cannot begin anew in memory that it has: each body takes its own.
std::unique_ptr<Encoder> MakeBrotliEncoder(int level);

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_BROTLI_ENCODER_H_
