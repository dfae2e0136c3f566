#include "gateway/grpc/health.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::grpc {
namespace {

using std::string_literals::operator""s;

std::string Message(std::string_view bytes) {
  return "\0\0\0\0"s + static_cast<char>(bytes.size()) + std::string(bytes);
}

TEST(GrpcHealthTest, RequestsSayTheirService) {
  EXPECT_EQ(HealthRequest(""), "\0\0\0\0\0"s);
  EXPECT_EQ(HealthRequest("a.B"),
            "\0\0\0\0\5\x0a\x03"
            "a.B"s);
  const std::string name(128, 'x');
  EXPECT_EQ(HealthRequest(name), "\0\0\0\0\x83\x0a\x80\x01"s + name);
}

TEST(GrpcHealthTest, Answers) {
  EXPECT_EQ(IsServing(Message("\x08\x01")), true);
  EXPECT_EQ(IsServing(Message("\x08\x02")), false);
  EXPECT_EQ(IsServing(Message("\x08\x03")), false) << "the service is unknown to a watcher";
  EXPECT_EQ(IsServing(Message("")), false) << "0 is not written: nobody knows";
}

TEST(GrpcHealthTest, WhatIsNotKnownIsSkipped) {
  EXPECT_EQ(IsServing(Message("\x12\x02hi\x08\x01")), true);
  EXPECT_EQ(IsServing(Message("\x08\x01\x18\x96\x01\x25zzzz\x29zzzzzzzz")), true);
  EXPECT_EQ(IsServing(Message("\x08\x01\x08\x02")), false) << "the last one counts";
}

TEST(GrpcHealthTest, WhatIsNoAnswer) {
  for (const std::string& body :
       {""s, "\0\0\0\0"s, "\1\0\0\0\2\x08\x01"s, "\0\0\0\0\3\x08\x01"s, "\0\0\0\0\1\x08\x01"s,
        Message("\x08"), Message("\x08\xff"), Message("\x12\x05hi"), Message("\x0c"),
        Message("\x29zz"), Message("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")}) {
    EXPECT_EQ(IsServing(body), std::nullopt) << testing::PrintToString(body);
  }
}

}  // namespace
}  // namespace holdfast::grpc
