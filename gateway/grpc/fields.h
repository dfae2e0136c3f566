#ifndef HOLDFAST_GATEWAY_GRPC_FIELDS_H_
#define HOLDFAST_GATEWAY_GRPC_FIELDS_H_

#include <optional>
#include <string>
#include <string_view>

#include "gateway/grpc/status.h"
#include "gateway/http/header_list.h"
#include "gateway/http/message.h"
#include "pool/net/clock.h"

namespace holdfast::grpc {

// What gRPC says in the fields of HTTP (gRPC over HTTP/2, its protocol's specification). Pure.

inline constexpr std::string_view kContentType = "application/grpc";

// Whether it is a call: a POST whose Content-Type is application/grpc, with or without a format
// behind it. gRPC-Web is not: browsers speak it, and read statuses of HTTP.
bool IsCall(const http::RequestHead& request);

// How long the client will wait, of `grpc-timeout`: up to eight digits and a unit, 100m being a
// tenth of a second. nullopt: it does not say, or says nothing that can be read.
std::optional<pool::Duration> TimeoutOf(const http::HeaderList& fields);

// Of `grpc-status`, in trailers or in the head of a response that has nothing else. nullopt: it is
// not there. A number that has no meaning is kUnknown.
std::optional<Status> StatusOf(const http::HeaderList& fields);

// `text` as `grpc-message` has it: percent-encoded but for what is printable in ASCII.
std::string EncodeMessage(std::string_view text);

}  // namespace holdfast::grpc

#endif  // HOLDFAST_GATEWAY_GRPC_FIELDS_H_
