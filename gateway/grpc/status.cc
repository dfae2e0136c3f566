#include "gateway/grpc/status.h"

#include <array>
#include <cstddef>

namespace holdfast::grpc {

std::string_view StatusNumber(Status status) {
  constexpr std::array<std::string_view, kStatusWords.size()> kNumbers = {
      "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"};
  return kNumbers[static_cast<size_t>(status)];
}

Status StatusOfHttp(int status) {
  switch (status) {
    case 400: return Status::kInternal;
    case 401: return Status::kUnauthenticated;
    case 403: return Status::kPermissionDenied;
    case 404:
    case 405:
    case 501: return Status::kUnimplemented;
    case 413:
    case 431: return Status::kResourceExhausted;
    case 429:
    case 502:
    case 503:
    case 504: return Status::kUnavailable;
    default: return Status::kUnknown;
  }
}

}  // namespace holdfast::grpc
