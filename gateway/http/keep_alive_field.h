#ifndef HOLDFAST_GATEWAY_HTTP_KEEP_ALIVE_FIELD_H_
#define HOLDFAST_GATEWAY_HTTP_KEEP_ALIVE_FIELD_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/http/header_list.h"

namespace holdfast::http {

// What a peer says of how long it keeps its connection (RFC 2068 section 19.7.1.1; the parameters
// are those of draft-thomson-hybi-http-timeout section 2). A hint: its absence, and whatever is
// wrong with it, means nothing.
struct KeepAliveField {
  std::optional<std::chrono::seconds> timeout;  // while the connection is idle
  std::optional<uint32_t> max;                  // requests that it will still take

  bool operator==(const KeepAliveField&) const = default;
};

// "timeout=5, max=100". Takes any case, spaces, quotes and ';' between parameters; passes over
// parameters that it does not know and numbers that are none. Of one that is repeated the lowest
// counts.
KeepAliveField ParseKeepAlive(std::string_view value);

// All Keep-Alive fields of a message together.
KeepAliveField FindKeepAlive(const HeaderList& headers);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_KEEP_ALIVE_FIELD_H_
