#include "gateway/grpc/status.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::grpc {
namespace {

TEST(GrpcStatusTest, NumbersAreThoseOfTheProtocol) {
  for (size_t i = 0; i < kStatusWords.size(); ++i) {
    EXPECT_EQ(StatusNumber(static_cast<Status>(i)), std::to_string(i));
  }
  EXPECT_EQ(kStatusWords.WordOf(static_cast<Status>(4)), "deadline_exceeded");
  EXPECT_EQ(kStatusWords.WordOf(static_cast<Status>(14)), "unavailable");
  EXPECT_EQ(kStatusWords.WordOf(static_cast<Status>(16)), "unauthenticated");
}

// http-grpc-status-mapping.md of gRPC, and what is too large.
TEST(GrpcStatusTest, OfHttp) {
  EXPECT_EQ(StatusOfHttp(400), Status::kInternal);
  EXPECT_EQ(StatusOfHttp(401), Status::kUnauthenticated);
  EXPECT_EQ(StatusOfHttp(403), Status::kPermissionDenied);
  EXPECT_EQ(StatusOfHttp(404), Status::kUnimplemented);
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_EQ(StatusOfHttp(status), Status::kUnavailable) << status;
  }
  EXPECT_EQ(StatusOfHttp(413), Status::kResourceExhausted);
  EXPECT_EQ(StatusOfHttp(418), Status::kUnknown);
  EXPECT_EQ(StatusOfHttp(500), Status::kUnknown);
}

}  // namespace
}  // namespace holdfast::grpc
