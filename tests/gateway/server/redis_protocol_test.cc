#include "gateway/server/redis_protocol.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

using Kind = RedisReply::Kind;

TEST(RedisProtocolTest, ACommandHasItsArgumentsByLength) {
  std::string out = "x";
  AppendRedisCommand({"AUTH", "", std::string_view("a\r\n\0b", 5)}, &out);
  EXPECT_EQ(out, std::string("x*3\r\n$4\r\nAUTH\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n", 32));
}

TEST(RedisProtocolTest, EachKindOfReplyIsTold) {
  RedisReplies replies;
  replies.Feed("+OK\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n-NOSCRIPT none\r\n");
  RedisReply reply = replies.Next();
  EXPECT_EQ(reply.kind, Kind::kText);
  EXPECT_EQ(reply.text, "OK");
  reply = replies.Next();
  EXPECT_EQ(reply.kind, Kind::kInteger);
  EXPECT_EQ(reply.integer, -7);
  reply = replies.Next();
  EXPECT_EQ(reply.kind, Kind::kText);
  EXPECT_EQ(reply.text, "a\r\n");
  EXPECT_EQ(replies.Next().kind, Kind::kNil);
  reply = replies.Next();
  EXPECT_EQ(reply.kind, Kind::kError);
  EXPECT_EQ(reply.text, "NOSCRIPT none");
  EXPECT_EQ(replies.Next().kind, Kind::kNone);
}

TEST(RedisProtocolTest, AReplyMayComeByteByByte) {
  RedisReplies replies;
  const std::string_view bytes = "$5\r\nhello\r\n:12\r\n";
  std::string text;
  int64_t integer = 0;
  for (const char byte : bytes) {
    replies.Feed({&byte, 1});
    for (RedisReply reply = replies.Next(); reply.kind != Kind::kNone; reply = replies.Next()) {
      ASSERT_NE(reply.kind, Kind::kBroken);
      if (reply.kind == Kind::kText) text = reply.text;
      integer = reply.integer;
    }
  }
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(integer, 12);
}

TEST(RedisProtocolTest, WhatIsNoReplyIsBroken) {
  for (const std::string_view bytes :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "*1\r\n:1\r\n", "*1000000000\r\n", "*2147483647\r\n",
        "$-5\r\n", "$99999999999999999999\r\n", "\r\n", "\x16\x03\x01"}) {
    RedisReplies replies;
    replies.Feed(bytes);
    EXPECT_EQ(replies.Next().kind, Kind::kBroken) << bytes;
    EXPECT_EQ(replies.Next().kind, Kind::kBroken) << "and stays so: " << bytes;
    replies.Feed(":1\r\n");
    EXPECT_EQ(replies.Next().kind, Kind::kBroken) << "whatever follows: " << bytes;
  }
}

// What a peer announces is no memory, and what it sends without an end is not kept for long.
TEST(RedisProtocolTest, AnEndlessReplyIsBroken) {
  RedisReplies replies;
  replies.Feed("$2000000000\r\n");
  EXPECT_EQ(replies.Next().kind, Kind::kNone);
  Kind kind = Kind::kNone;
  size_t fed = 0;
  for (; kind == Kind::kNone && fed < 10 * RedisReplies::kMaxReplyBytes; fed += 100) {
    replies.Feed(std::string(100, 'a'));
    kind = replies.Next().kind;
  }
  EXPECT_EQ(kind, Kind::kBroken);
  EXPECT_LE(fed, RedisReplies::kMaxReplyBytes + 100);
}

}  // namespace
}  // namespace holdfast::server
