#include "gateway/grpc/fields.h"

#include <chrono>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::grpc {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

http::HeaderList Fields(std::string_view name, std::string_view value) {
  http::HeaderList list;
  list.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
  return list;
}

bool CallWith(std::string_view type, http::Method method = http::Method::kPost) {
  http::RequestHead head;
  head.method = method;
  head.headers = Fields("Content-Type", type);
  return IsCall(head);
}

TEST(GrpcFieldsTest, WhatIsACall) {
  EXPECT_TRUE(CallWith("application/grpc"));
  EXPECT_TRUE(CallWith("application/grpc+proto"));
  EXPECT_TRUE(CallWith("Application/GRPC;v=1"));
  EXPECT_FALSE(CallWith("application/grpc-web"));
  EXPECT_FALSE(CallWith("application/grpc-web+proto"));
  EXPECT_FALSE(CallWith("application/grpcx"));
  EXPECT_FALSE(CallWith("application/gr"));
  EXPECT_FALSE(CallWith("application/json"));
  EXPECT_FALSE(CallWith(""));
  EXPECT_FALSE(CallWith("application/grpc", http::Method::kGet));
  EXPECT_FALSE(IsCall(http::RequestHead()));
}

std::optional<pool::Duration> Timeout(std::string_view value) {
  return TimeoutOf(Fields("grpc-timeout", value));
}

TEST(GrpcFieldsTest, Timeouts) {
  EXPECT_EQ(Timeout("1H"), hours(1));
  EXPECT_EQ(Timeout("2M"), seconds(120));
  EXPECT_EQ(Timeout("30S"), seconds(30));
  EXPECT_EQ(Timeout("100m"), milliseconds(100));
  EXPECT_EQ(Timeout("250000u"), milliseconds(250));
  EXPECT_EQ(Timeout("5000000n"), milliseconds(5));
  EXPECT_EQ(Timeout("0n"), milliseconds(0));
  EXPECT_EQ(Timeout("99999999S"), hours(24 * 365)) << "as good as none";
  EXPECT_EQ(Timeout("99999999H"), hours(24 * 365)) << "more than a duration holds";
  for (const std::string_view unreadable :
       {"", "S", "10", "10s", "-1S", "+1S", " 1S", "1 S", "1.5S", "123456789S", "0x1S", "1SS"}) {
    EXPECT_EQ(Timeout(unreadable), std::nullopt) << unreadable;
  }
  EXPECT_EQ(TimeoutOf(http::HeaderList()), std::nullopt);
}

TEST(GrpcFieldsTest, Statuses) {
  EXPECT_EQ(StatusOf(Fields("grpc-status", "0")), Status::kOk);
  EXPECT_EQ(StatusOf(Fields("Grpc-Status", "14")), Status::kUnavailable);
  EXPECT_EQ(StatusOf(Fields("grpc-status", "16")), Status::kUnauthenticated);
  EXPECT_EQ(StatusOf(Fields("grpc-status", "17")), Status::kUnknown);
  EXPECT_EQ(StatusOf(Fields("grpc-status", "99999999999")), Status::kUnknown);
  EXPECT_EQ(StatusOf(Fields("grpc-status", "ok")), Status::kUnknown);
  EXPECT_EQ(StatusOf(Fields("grpc-status", "")), Status::kUnknown);
  EXPECT_EQ(StatusOf(Fields("status", "0")), std::nullopt);
}

TEST(GrpcFieldsTest, Messages) {
  EXPECT_EQ(EncodeMessage("No route matches host \"a\"."), "No route matches host \"a\".");
  EXPECT_EQ(EncodeMessage("100% \xc3\xa9\n"), "100%25 %C3%A9%0A");
  EXPECT_EQ(EncodeMessage(""), "");
}

}  // namespace
}  // namespace holdfast::grpc
