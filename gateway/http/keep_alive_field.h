#ifndef HOLDFAST_GATEWAY_HTTP_KEEP_ALIVE_FIELD_H_
#define HOLDFAST_GATEWAY_HTTP_KEEP_ALIVE_FIELD_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/http/header_list.h"

namespace holdfast::http {

// How long a peer says that it keeps its connection (RFC 2068 section 19.7.1.1, with the parameters
// of draft-thomson-hybi-http-timeout section 2). It is a hint: its absence means nothing, and
// neither does anything that is wrong with it.
struct KeepAliveField {
  std::optional<std::chrono::seconds> timeout;  // while the connection is idle
  std::optional<uint32_t> max;                  // requests that it will still take

  bool operator==(const KeepAliveField&) const = default;
};

// Reads "timeout=5, max=100". It takes any case, spaces, quotes and ';' between parameters, and
// passes over unknown parameters and numbers that are none. Of a repeated parameter the lowest
// value counts.
KeepAliveField ParseKeepAlive(std::string_view value);

// Reads all Keep-Alive fields of a message together.
KeepAliveField FindKeepAlive(const HeaderList& headers);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_KEEP_ALIVE_FIELD_H_
