#ifndef HOLDFAST_GATEWAY_HTTP2_SESSION_MEMORY_H_
#define HOLDFAST_GATEWAY_HTTP2_SESSION_MEMORY_H_

#include <nghttp2/nghttp2.h>

namespace holdfast::http2 {

// What nghttp2's sessions take their memory from: what the thread keeps for libraries
// (pool/net/library_memory.h), or null, which is nghttp2's own way, where that may not be used. The
// same for all sessions, on any thread.
nghttp2_mem* SessionMemory();

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_SESSION_MEMORY_H_
