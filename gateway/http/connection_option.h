#ifndef HOLDFAST_GATEWAY_HTTP_CONNECTION_OPTION_H_
#define HOLDFAST_GATEWAY_HTTP_CONNECTION_OPTION_H_

#include <cstdint>
#include <string_view>

namespace holdfast::http {

// The options of Connection that name no field to be dropped but say something of the connection
// (RFC 9110 section 7.6.1, RFC 9112 section 9.3), whatever their case.
enum class ConnectionOption : uint8_t { kOther, kKeepAlive, kClose, kUpgrade };

// Of one option without white space around it, or of a whole value, which nearly always is one.
// A pure function of bytes that stood in a field line, on the hot path.
ConnectionOption IdentifyConnectionOption(std::string_view option);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_CONNECTION_OPTION_H_
