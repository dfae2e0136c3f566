#include "gateway/server/redis_protocol.h"

#include <hiredis/hiredis.h>

#include <utility>
#include <vector>

#include "pool/net/check.h"

namespace holdfast::server {
namespace {

// The library makes no objects of its own, so that no length that the peer announces is memory:
// these fill the one reply that the reader's privdata is, and refuse lists.
RedisReply* ReplyOf(const redisReadTask* task) { return static_cast<RedisReply*>(task->privdata); }

void* MakeText(const redisReadTask* task, char* text, size_t size) {
  RedisReply* const reply = ReplyOf(task);
  reply->kind =
      task->type == REDIS_REPLY_ERROR ? RedisReply::Kind::kError : RedisReply::Kind::kText;
  reply->text.assign(text, size);
  return reply;
}

void* MakeList(const redisReadTask*, int) { return nullptr; }

void* MakeInteger(const redisReadTask* task, long long value) {  // NOLINT: the library's type
  RedisReply* const reply = ReplyOf(task);
  reply->kind = RedisReply::Kind::kInteger;
  reply->integer = value;
  return reply;
}

void* MakeNil(const redisReadTask* task) {
  RedisReply* const reply = ReplyOf(task);
  reply->kind = RedisReply::Kind::kNil;
  return reply;
}

void FreeNothing(void*) {}

redisReplyObjectFunctions kMakers = {
    .createString = MakeText,
    .createArray = MakeList,
    .createInteger = MakeInteger,
    .createNil = MakeNil,
    .freeObject = FreeNothing,
};

}  // namespace

void AppendRedisCommand(std::initializer_list<std::string_view> arguments, std::string* out) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  char* command = nullptr;
  const int size =
      redisFormatCommandArgv(&command, static_cast<int>(texts.size()), texts.data(), sizes.data());
  HOLDFAST_CHECK(size > 0);
  out->append(command, static_cast<size_t>(size));
  redisFreeCommand(command);
}

void RedisReplies::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisReplies::RedisReplies() : reader_(redisReaderCreateWithFunctions(&kMakers)) {
  HOLDFAST_CHECK(reader_ != nullptr);
  reader_->privdata = &reply_;
}

void RedisReplies::Feed(std::string_view bytes) {
  unread_ += bytes.size();
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
}

RedisReply RedisReplies::Next() {
  void* whole = nullptr;
  const bool good = redisReaderGetReply(reader_.get(), &whole) == REDIS_OK;
  if (good && whole != nullptr) {
    unread_ = 0;
    return std::exchange(reply_, RedisReply());
  }
  const bool broken = !good || unread_ > kMaxReplyBytes;
  return {.kind = broken ? RedisReply::Kind::kBroken : RedisReply::Kind::kNone};
}

}  // namespace holdfast::server
