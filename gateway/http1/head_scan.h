#ifndef HOLDFAST_GATEWAY_HTTP1_HEAD_SCAN_H_
#define HOLDFAST_GATEWAY_HTTP1_HEAD_SCAN_H_

#include "gateway/http/parser.h"
#include "pool/net/buffer.h"

namespace holdfast::http1 {

// Looks for the end of the head at the front of `in`. Nearly always it lies in the first slab; only
// one that does not is made contiguous, and never more of the buffer than a head may have.
http::HeadScanner::Result ScanHead(http::HeadScanner* scanner, pool::Buffer& in,
                                   const http::HeadLimits& limits);

}  // namespace holdfast::http1

#endif  // HOLDFAST_GATEWAY_HTTP1_HEAD_SCAN_H_
