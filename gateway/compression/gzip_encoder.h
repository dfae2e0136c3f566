#ifndef HOLDFAST_GATEWAY_COMPRESSION_GZIP_ENCODER_H_
#define HOLDFAST_GATEWAY_COMPRESSION_GZIP_ENCODER_H_

#include <memory>

#include "gateway/compression/encoder.h"

namespace holdfast::compression {

// gzip (RFC 1952) by zlib; the levels are zlib's own. Its memory is taken at once: 128 KiB for a
// window of 32 and as much for what is found in it.
std::unique_ptr<Encoder> MakeGzipEncoder(int level);

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_GZIP_ENCODER_H_
