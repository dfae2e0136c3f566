#ifndef HOLDFAST_GATEWAY_SERVER_REDIS_PROTOCOL_H_
#define HOLDFAST_GATEWAY_SERVER_REDIS_PROTOCOL_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

struct redisReader;

namespace holdfast::server {

// Redis' protocol (RESP2, https://redis.io/docs/reference/protocol-spec), as far as shared limits
// need it. All of hiredis is in here. No sockets.

// Appends a command to `*out`; its arguments may have any bytes.
void AppendRedisCommand(std::initializer_list<std::string_view> arguments, std::string* out);

struct RedisReply {
  enum class Kind : uint8_t {
    kNone,    // it has not come yet
    kBroken,  // what came is no reply, one that is too long, or a list; nothing follows it
    kInteger,
    kText,  // a status or a string
    kNil,
    kError,
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;
  std::string text;  // of kText and kError
};

// Makes replies of bytes. One thread.
class RedisReplies {
 public:
  // Of one reply. No command of ours has a longer one.
  static constexpr size_t kMaxReplyBytes = 4096;

  RedisReplies();
  RedisReplies(const RedisReplies&) = delete;
  RedisReplies& operator=(const RedisReplies&) = delete;

  // Call Next until there is no more before the next Feed.
  void Feed(std::string_view bytes);
  RedisReply Next();

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };

  RedisReply reply_;  // that the library fills
  std::unique_ptr<redisReader, Free> reader_;
  size_t unread_ = 0;  // bytes since the last whole reply, at least
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_REDIS_PROTOCOL_H_
