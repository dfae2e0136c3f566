#include "gateway/http1/head_scan.h"

#include <algorithm>

namespace holdfast::http1 {

http::HeadScanner::Result ScanHead(http::HeadScanner* scanner, pool::Buffer& in,
                                   const http::HeadLimits& limits) {
  using Status = http::HeadScanner::Status;
  const std::string_view front = in.Front();
  http::HeadScanner::Result result = scanner->Scan(front, limits);
  if (result.status == Status::kIncomplete && front.size() < in.size()) {
    result = scanner->Scan(in.Linearize(std::min(in.size(), limits.head_bytes + 1)), limits);
  }
  return result;
}

}  // namespace holdfast::http1
