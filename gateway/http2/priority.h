#ifndef HOLDFAST_GATEWAY_HTTP2_PRIORITY_H_
#define HOLDFAST_GATEWAY_HTTP2_PRIORITY_H_

#include <cstdint>

#include "gateway/http/header_list.h"

namespace holdfast::http2 {

// What a client wants of a response beside others of its connection (RFC 9218 section 4). Lower
// urgencies first; of one urgency those that are not incremental one after the other, the others in
// turns.
struct Priority {
  uint8_t urgency = 3;  // 0 to 7
  bool incremental = false;
};

// Of a request's Priority fields. What cannot be read is as if it were not there. Whoever says
// nothing of priorities gets turns: nothing of its own shall wait for the end of something long.
Priority PriorityOf(const http::HeaderList& fields);

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_PRIORITY_H_
