#include "gateway/http1/body_reader.h"

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/clock.h"
#include "pool/net/plain_transport.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/support/manual_clock.h"

namespace holdfast::http1 {
namespace {

using http::BodyKind;
using http::Refusal;
using pool::Pattern;
using pool::SendAll;
using stream::BodyStep;
using Kind = BodyStep::Kind;

constexpr std::string_view kNext = "GET /next HTTP/1.1\r\n\r\n";

// The tests look by themselves.
class NoListener final : public pool::ConnectionEvents {
  void OnConnectionReady() override {}
};

class BodyReaderTest : public testing::Test {
 protected:
  void Open(pool::SocketPair pair = pool::UnixPair()) {
    peer_ = std::move(pair.theirs);
    connection_ = std::make_unique<pool::Connection>(
        &loop_, &slabs_, std::make_unique<pool::PlainTransport>(std::move(pair.ours)),
        &no_listener_, pool::Connection::Stage::kEstablished);
    ASSERT_EQ(connection_->Open(), 0);
    body_.clear();
  }
  void Turn() { loop_.RunOnce(pool::Duration::zero()); }
  // The peer sends and the reader takes what it can.
  void Feed(std::string_view bytes) {
    SendAll(peer_, bytes);
    Turn();
    Drain();
  }
  void EndPeer() {
    ASSERT_EQ(shutdown(peer_.get(), SHUT_WR), 0);
    Turn();
  }
  // Takes body off until a step is none; that one is returned.
  BodyStep Drain() {
    while (true) {
      const BodyStep step = reader_.Next(*connection_);
      if (step.kind != Kind::kData) return last_ = step;
      EXPECT_GT(step.bytes, 0u);
      EXPECT_EQ(step.buffer, &connection_->in());
      body_ += step.buffer->Linearize(step.bytes);
      step.buffer->Consume(step.bytes);
    }
  }
  // Everything behind the message, read from the connection by hand.
  std::string Rest() {
    while (connection_->Fill(size_t{1} << 20) == pool::FillStatus::kRead) {
    }
    return std::string(connection_->in().Linearize(connection_->in().size()));
  }
  std::string Trailers() {
    std::string text;
    for (const http::HeaderField& field : reader_.trailers()->fields()) {
      text += std::string(field.name) + "=" + std::string(field.value) +
              (field.dropped ? " (dropped);" : ";");
    }
    return text;
  }

  NoListener no_listener_;
  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  pool::SlabPool slabs_;
  pool::FileDescriptor peer_;
  std::unique_ptr<pool::Connection> connection_;
  BodyReader reader_{&slabs_};
  std::string body_;
  BodyStep last_;
};

TEST_F(BodyReaderTest, ABodyThatIsNoneEndsAtOnceAndReadsNothing) {
  Open();
  SendAll(peer_, kNext);
  Turn();
  reader_.Start(BodyKind::kNone, 0);
  EXPECT_TRUE(reader_.finished());
  EXPECT_EQ(Drain().kind, Kind::kEnd);
  EXPECT_EQ(connection_->bytes_read(), 0u);
  reader_.Start(BodyKind::kLength, 0);
  EXPECT_TRUE(reader_.finished());
  EXPECT_EQ(Drain().kind, Kind::kEnd);
  EXPECT_EQ(connection_->bytes_read(), 0u);
  EXPECT_EQ(Rest(), kNext);
}

TEST_F(BodyReaderTest, ALengthEndsWhereItSaysAtEverySplit) {
  const std::string body = "0123456789";
  const std::string wire = body + std::string(kNext);
  for (size_t split = 0; split <= wire.size(); ++split) {
    Open();
    reader_.Start(BodyKind::kLength, body.size());
    Feed(wire.substr(0, split));
    EXPECT_EQ(last_.kind, split < body.size() ? Kind::kBlocked : Kind::kEnd) << split;
    Feed(wire.substr(split));
    EXPECT_EQ(last_.kind, Kind::kEnd) << split;
    EXPECT_EQ(body_, body);
    EXPECT_TRUE(reader_.finished());
    EXPECT_EQ(reader_.bytes(), body.size());
    EXPECT_EQ(Rest(), kNext) << split;
  }
}

TEST_F(BodyReaderTest, AnEndBeforeTheLengthIsBroken) {
  Open();
  reader_.Start(BodyKind::kLength, 10);
  Feed("01234");
  EndPeer();
  EXPECT_EQ(Drain().kind, Kind::kBroken);
  EXPECT_EQ(last_.refusal, Refusal::kNone) << "no rule was broken";
  EXPECT_FALSE(reader_.finished());
  EXPECT_EQ(body_, "01234");
  EXPECT_EQ(Drain().kind, Kind::kBroken) << "and stays so";
}

TEST_F(BodyReaderTest, ABodyUntilTheCloseEndsThere) {
  Open();
  reader_.Start(BodyKind::kUntilClose, 0);
  EXPECT_EQ(Drain().kind, Kind::kBlocked);
  Feed("one ");
  Feed("two");
  EXPECT_EQ(last_.kind, Kind::kBlocked);
  EndPeer();
  EXPECT_EQ(Drain().kind, Kind::kEnd);
  EXPECT_EQ(body_, "one two");
  EXPECT_TRUE(reader_.finished());
  EXPECT_EQ(Drain().kind, Kind::kEnd);
}

// A reset is no end: what came before may not have been all.
TEST_F(BodyReaderTest, ABodyUntilTheCloseIsBrokenByAReset) {
  Open(pool::TcpPair());
  reader_.Start(BodyKind::kUntilClose, 0);
  pool::CloseWithReset(peer_);
  for (int i = 0; i < 1000 && !connection_->readable(); ++i) Turn();
  EXPECT_EQ(Drain().kind, Kind::kBroken);
  EXPECT_FALSE(reader_.finished());
}

constexpr std::string_view kChunked =
    "5\r\nhello\r\n"
    "1;name=\"quoted\"\r\n,\r\n"
    "0006\r\n world\r\n"
    "0\r\n"
    "Checksum: abc\r\n"
    "Content-Length: 7\r\n"
    "X-Last: \r\n"
    "\r\n";
constexpr std::string_view kChunkedTrailers = "Checksum=abc;Content-Length=7 (dropped);X-Last=;";

TEST_F(BodyReaderTest, AChunkedBodyWithTrailersIsTheSameAtEverySplit) {
  const std::string wire = std::string(kChunked) + std::string(kNext);
  for (size_t split = 0; split <= wire.size(); ++split) {
    Open();
    reader_.Start(BodyKind::kChunked, 0);
    Feed(wire.substr(0, split));
    EXPECT_EQ(last_.kind, split < kChunked.size() ? Kind::kBlocked : Kind::kEnd) << split;
    Feed(wire.substr(split));
    ASSERT_EQ(last_.kind, Kind::kEnd) << split;
    EXPECT_EQ(body_, "hello, world");
    EXPECT_EQ(Trailers(), kChunkedTrailers);
    EXPECT_EQ(reader_.bytes(), 12u);
    EXPECT_EQ(Rest(), kNext) << split;
  }
}

TEST_F(BodyReaderTest, AChunkedBodyMayComeByteByByte) {
  Open();
  reader_.Start(BodyKind::kChunked, 0);
  for (const char byte : kChunked) {
    EXPECT_FALSE(reader_.finished());
    Feed({&byte, 1});
  }
  EXPECT_EQ(last_.kind, Kind::kEnd);
  EXPECT_EQ(body_, "hello, world");
  EXPECT_EQ(Trailers(), kChunkedTrailers);
}

TEST_F(BodyReaderTest, AChunkedBodyCutAnywhereIsBroken) {
  for (size_t cut = 0; cut < kChunked.size(); ++cut) {
    Open();
    reader_.Start(BodyKind::kChunked, 0);
    Feed(kChunked.substr(0, cut));
    EndPeer();
    EXPECT_EQ(Drain().kind, Kind::kBroken) << cut;
    EXPECT_EQ(last_.refusal, Refusal::kNone) << cut;
    EXPECT_FALSE(reader_.finished()) << cut;
  }
}

struct Broken {
  std::string_view wire;
  Refusal refusal;
};

class BrokenChunkTest : public BodyReaderTest, public testing::WithParamInterface<Broken> {};

// The next request's bytes, which a smuggler put behind the breach, stay where they are however
// often the reader is asked again.
TEST_P(BrokenChunkTest, IsRefusedForGood) {
  Open();
  reader_.Start(BodyKind::kChunked, 0);
  Feed(std::string(GetParam().wire) + std::string(kNext));
  EXPECT_EQ(last_.kind, Kind::kBroken);
  EXPECT_EQ(last_.refusal, GetParam().refusal);
  EXPECT_EQ(Drain().kind, Kind::kBroken);
  EXPECT_EQ(last_.refusal, GetParam().refusal) << "and stays so";
  EXPECT_FALSE(reader_.finished());
  EXPECT_TRUE(Rest().ends_with(kNext));
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenChunkTest,
    testing::Values(Broken{"x\r\n", Refusal::kMalformedChunkSize},
                    Broken{"1\r\nab\r\n", Refusal::kMissingChunkEnd},
                    Broken{"11111111111111111\r\n", Refusal::kChunkSizeOverflow},
                    Broken{"0\r\nfolded: a\r\n b\r\n\r\n", Refusal::kObsFold},
                    Broken{"0\r\nspace : a\r\n\r\n", Refusal::kSpaceBeforeColon},
                    Broken{"0\r\nno-colon\r\n\r\n", Refusal::kMissingColon},
                    Broken{"0\r\nbare: lf\n\r\n", Refusal::kBareLf}),
    [](const auto& info) { return std::string(http::RefusalName(info.param.refusal)); });

TEST_F(BodyReaderTest, EndlessTrailersAreRefused) {
  Open();
  reader_.Start(BodyKind::kChunked, 0);
  Feed("0\r\n");
  const std::string line = "a: " + std::string(1000, 'v') + "\r\n";
  for (int i = 0; i < 40 && last_.kind == Kind::kBlocked; ++i) Feed(line);
  EXPECT_EQ(last_.kind, Kind::kBroken);
  EXPECT_EQ(last_.refusal, Refusal::kHeadTooLarge);
}

// Each kind with more than the socket, the buffer and a read can hold.
class LargeBodyTest : public BodyReaderTest {
 protected:
  void Pump(const std::string& wire) {
    size_t sent = 0;
    for (int turn = 0; turn < 100'000 && sent < wire.size(); ++turn) {
      sent += SendSome(peer_, std::string_view(wire).substr(sent));
      Turn();
      Drain();
      EXPECT_LE(connection_->in().size(), stream::kHighWatermark + pool::SlabPool::kSlabBytes);
    }
    ASSERT_EQ(sent, wire.size());
  }
  static constexpr size_t kLarge = 5'000'000;
};

TEST_F(LargeBodyTest, WithALength) {
  Open(pool::TcpPair());
  const std::string body = Pattern(kLarge);
  reader_.Start(BodyKind::kLength, body.size());
  Pump(body);
  while (!reader_.finished()) Turn(), Drain();
  EXPECT_TRUE(body_ == body);
  EXPECT_EQ(Drain().kind, Kind::kEnd);
}

TEST_F(LargeBodyTest, InChunksOfAllSizes) {
  Open(pool::TcpPair());
  const std::string body = Pattern(kLarge);
  std::string wire;
  for (size_t at = 0, size = 1; at < body.size(); size = size * 3 % 40'009 + 1) {
    const std::string_view chunk = std::string_view(body).substr(at, size);
    char head[16];
    snprintf(head, sizeof(head), "%zx\r\n", chunk.size());
    wire.append(head).append(chunk).append("\r\n");
    at += chunk.size();
  }
  wire += "0\r\n\r\n";
  reader_.Start(BodyKind::kChunked, 0);
  Pump(wire);
  while (!reader_.finished()) Turn(), Drain();
  EXPECT_TRUE(body_ == body);
  EXPECT_EQ(reader_.bytes(), body.size());
}

TEST_F(BodyReaderTest, ReleaseGivesTheTrailersMemoryBack) {
  Open();
  reader_.Start(BodyKind::kChunked, 0);
  Feed(kChunked);
  ASSERT_EQ(last_.kind, Kind::kEnd);
  EXPECT_GT(slabs_.in_use(), 0u) << "the trailers' views need their bytes";
  reader_.Release();
  EXPECT_EQ(reader_.trailers()->size(), 0u);
  EXPECT_EQ(slabs_.in_use(), 0u);
}

using BodyReaderDeathTest = BodyReaderTest;

TEST_F(BodyReaderDeathTest, WhatWasGivenAndNotTakenIsABug) {
  Open();
  reader_.Start(BodyKind::kChunked, 0);
  SendAll(peer_, "5\r\n\r\n0\r\n\r\n");
  Turn();
  ASSERT_EQ(reader_.Next(*connection_).kind, Kind::kData);
  EXPECT_DEATH(reader_.Next(*connection_), "taken_by_then_");
}

TEST_F(BodyReaderTest, TheNextBodyKnowsNothingOfTheLast) {
  Open();
  reader_.Start(BodyKind::kChunked, 0);
  Feed("0\r\nbad trailer\r\n\r\n");
  ASSERT_EQ(last_.kind, Kind::kBroken);
  connection_->in().Clear();
  reader_.Start(BodyKind::kChunked, 0);
  body_.clear();
  Feed(kChunked);
  EXPECT_EQ(last_.kind, Kind::kEnd);
  EXPECT_EQ(body_, "hello, world");
  reader_.Start(BodyKind::kLength, 3);
  EXPECT_EQ(reader_.bytes(), 0u);
  EXPECT_EQ(reader_.trailers()->size(), 0u);
  EXPECT_FALSE(reader_.finished());
}

}  // namespace
}  // namespace holdfast::http1
