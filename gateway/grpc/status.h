#ifndef HOLDFAST_GATEWAY_GRPC_STATUS_H_
#define HOLDFAST_GATEWAY_GRPC_STATUS_H_

#include <cstdint>
#include <string_view>

#include "pool/net/word_table.h"

namespace holdfast::grpc {

// How a call of gRPC ended, in the numbers of its fields `grpc-status` (gRPC over HTTP/2, section
// "Responses"; the codes are those of google.rpc.Code).
enum class Status : uint8_t {
  kOk,
  kCancelled,
  kUnknown,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
};
inline constexpr auto kStatusWords = pool::Words<Status>({
    {"ok", Status::kOk},
    {"cancelled", Status::kCancelled},
    {"unknown", Status::kUnknown},
    {"invalid_argument", Status::kInvalidArgument},
    {"deadline_exceeded", Status::kDeadlineExceeded},
    {"not_found", Status::kNotFound},
    {"already_exists", Status::kAlreadyExists},
    {"permission_denied", Status::kPermissionDenied},
    {"resource_exhausted", Status::kResourceExhausted},
    {"failed_precondition", Status::kFailedPrecondition},
    {"aborted", Status::kAborted},
    {"out_of_range", Status::kOutOfRange},
    {"unimplemented", Status::kUnimplemented},
    {"internal", Status::kInternal},
    {"unavailable", Status::kUnavailable},
    {"data_loss", Status::kDataLoss},
    {"unauthenticated", Status::kUnauthenticated},
});
constexpr const auto& WordsOf(Status) { return kStatusWords; }

// As `grpc-status` has it, and the metric's label and the access log.
std::string_view StatusNumber(Status status);

// What a status of HTTP says to a client of gRPC (doc/http-grpc-status-mapping of gRPC), but that a
// message that is too large (413, 431) has exhausted a resource.
Status StatusOfHttp(int status);

}  // namespace holdfast::grpc

#endif  // HOLDFAST_GATEWAY_GRPC_STATUS_H_
