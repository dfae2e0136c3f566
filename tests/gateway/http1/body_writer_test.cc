#include "gateway/http1/body_writer.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/stream/stream.h"
#include "pool/net/plain_transport.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/support/manual_clock.h"

namespace holdfast::http1 {
namespace {

class BodyWriterTest : public testing::Test {
 protected:
  BodyWriterTest() {
    pool::SocketPair pair = pool::UnixPair();
    peer_ = std::move(pair.theirs);
    connection_ = std::make_unique<pool::Connection>(
        &loop_, &slabs_, std::make_unique<pool::PlainTransport>(std::move(pair.ours)), nullptr,
        pool::Connection::Stage::kEstablished);
    EXPECT_EQ(connection_->Open(), 0);
  }
  void Write(std::string_view bytes) {
    pool::Buffer from(&slabs_);
    from.Append(bytes);
    writer_.Write(*connection_, from, bytes.size());
    EXPECT_TRUE(from.empty());
  }
  std::string Out() {
    pool::Buffer& out = connection_->out();
    return std::string(out.Linearize(out.size()));
  }

  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  pool::FileDescriptor peer_;
  std::unique_ptr<pool::Connection> connection_;
  BodyWriter writer_;
};

TEST_F(BodyWriterTest, WritesChunksWhereTheHeadAnnouncedThem) {
  writer_.Start(/*chunked=*/true);
  Write("hello");
  http::HeaderList trailers;
  trailers.Add({.name = "x-a", .value = "1"});
  writer_.Finish(*connection_, &trailers);
  EXPECT_EQ(Out(), "5\r\nhello\r\n0\r\nx-a: 1\r\n\r\n");
}

TEST_F(BodyWriterTest, WritesBytesAsTheyAreOtherwise) {
  writer_.Start(/*chunked=*/false);
  Write("hello");
  writer_.Finish(*connection_, nullptr);
  EXPECT_EQ(Out(), "hello");
  EXPECT_EQ(writer_.Flush(*connection_), pool::FlushStatus::kDone);
  EXPECT_EQ(pool::PeekSocket(peer_.get()), pool::PeekResult::kBytes) << "and the side stays open";
}

TEST_F(BodyWriterTest, AfterASwitchTheEndFollowsTheBytes) {
  writer_.Start(/*chunked=*/true);
  writer_.Switch();
  Write("raw");
  writer_.Finish(*connection_, nullptr);
  EXPECT_EQ(Out(), "raw");
  EXPECT_EQ(writer_.Flush(*connection_), pool::FlushStatus::kDone);
  bool ended = false;
  EXPECT_EQ(pool::ReceiveSome(peer_, &ended), "raw");
  EXPECT_TRUE(ended);
}

TEST_F(BodyWriterTest, IsCongestedFromTheHighWatermarkToTheLow) {
  Write(std::string(stream::kHighWatermark - 1, 'x'));
  EXPECT_FALSE(writer_.Congested(*connection_));
  Write("x");
  EXPECT_TRUE(writer_.Congested(*connection_));
  connection_->out().Consume(connection_->out().size() - stream::kLowWatermark - 1);
  EXPECT_TRUE(writer_.Congested(*connection_)) << "not low yet";
  connection_->out().Consume(1);
  EXPECT_FALSE(writer_.Congested(*connection_));
}

}  // namespace
}  // namespace holdfast::http1
