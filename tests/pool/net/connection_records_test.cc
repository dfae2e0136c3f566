#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "pool/net/connection.h"
#include "tests/pool/net/record_transport.h"
#include "tests/pool/net/socket_pair.h"
#include "tests/support/manual_clock.h"

// A connection over a transport that is not the socket itself.

namespace holdfast::pool {
namespace {

using Type = RecordTransport::Type;

class Listener final : public ConnectionEvents {
 public:
  void OnConnectionReady() override { ++calls; }
  int calls = 0;
};

class ConnectionRecordsTest : public testing::Test {
 protected:
  void Open(bool server = true, SocketPair pair = TcpPair()) {
    peer_ = std::move(pair.theirs);
    connection_ = std::make_unique<Connection>(
        &loop_, &slabs_, std::make_unique<RecordTransport>(std::move(pair.ours), server),
        &listener_, Connection::Stage::kEstablishing);
    ASSERT_EQ(connection_->Open(), 0);
  }
  void Establish(SocketPair pair = TcpPair()) {
    Open(/*server=*/true, std::move(pair));
    Send(RecordTransport::Record(Type::kHello));
    ASSERT_EQ(Receive(peer_, 3), RecordTransport::Record(Type::kHello));
    Send(RecordTransport::Record(Type::kFinished));
    ASSERT_TRUE(TurnUntil([&] { return connection_->established(); }));
  }
  void Send(std::string_view bytes) {
    SendAll(peer_, bytes);
    Turns();
  }
  void Turns() {
    for (int i = 0; i < 3; ++i) loop_.RunOnce(Duration::zero());
  }
  template <class Condition>
  bool TurnUntil(Condition condition) {
    for (int turn = 0; turn < 100'000; ++turn) {
      if (condition()) return true;
      loop_.RunOnce(Duration::zero());
    }
    return false;
  }
  std::string TakeAll() {
    std::string all(connection_->in().Linearize(connection_->in().size()));
    connection_->in().Clear();
    return all;
  }
  // So much that the socket takes no more, while the peer reads nothing.
  void FillSocket() {
    connection_->out().Append(std::string(16 * 1024 * 1024, 'x'));
    ASSERT_EQ(connection_->Flush(), FlushStatus::kBlocked);
  }
  std::string Drain() {
    std::string got;
    TurnUntil([&] {
      got += ReceiveSome(peer_);
      return connection_->Flush() == FlushStatus::kDone;
    });
    return got;
  }

  ManualClock clock_;
  EventLoop loop_{&clock_};
  SlabPool slabs_;
  Listener listener_;
  FileDescriptor peer_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ConnectionRecordsTest, IsEstablishedInSeveralStepsAndTellsOnce) {
  Open();
  Turns();
  EXPECT_FALSE(connection_->established());
  Send(RecordTransport::Record(Type::kHello).substr(0, 2));
  Send(RecordTransport::Record(Type::kHello).substr(2));
  EXPECT_FALSE(connection_->established());
  EXPECT_EQ(listener_.calls, 0) << "nobody is told of the steps";
  EXPECT_EQ(connection_->Fill(100), FillStatus::kWouldBlock);
  connection_->out().Append("early");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kBlocked);
  Send(RecordTransport::Record(Type::kFinished));
  EXPECT_TRUE(connection_->established());
  EXPECT_EQ(listener_.calls, 1);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
}

TEST_F(ConnectionRecordsTest, AClientSpeaksFirst) {
  Open(/*server=*/false);
  ASSERT_TRUE(
      TurnUntil([&] { return ReceiveSome(peer_) == RecordTransport::Record(Type::kHello); }));
  Send(RecordTransport::Record(Type::kHello));
  EXPECT_TRUE(connection_->established());
  EXPECT_EQ(Receive(peer_, 3), RecordTransport::Record(Type::kFinished));
}

TEST_F(ConnectionRecordsTest, AFailureToAgreeHasAWord) {
  Open();
  Send(RecordTransport::Record(Type::kData, "hello?"));
  EXPECT_FALSE(connection_->established());
  EXPECT_EQ(listener_.calls, 1);
  EXPECT_EQ(connection_->end(), ConnectionEnd::kFailed);
  EXPECT_EQ(connection_->error(), 0);
  EXPECT_STREQ(connection_->error_word(), "unexpected_record");
  EXPECT_EQ(connection_->Fill(100), FillStatus::kError);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kError);
}

TEST_F(ConnectionRecordsTest, APeerThatEndsBeforeItIsEstablishedIsATruncation) {
  Open();
  peer_.Reset();
  ASSERT_TRUE(TurnUntil([&] { return listener_.calls > 0; }));
  EXPECT_FALSE(connection_->established());
  EXPECT_NE(connection_->end(), ConnectionEnd::kOpen);
}

// The bytes came with the last step; the edge that told of them is spent.
TEST_F(ConnectionRecordsTest, WhatCameWithTheLastStepCanBeRead) {
  Open();
  Send(RecordTransport::Record(Type::kHello));
  Send(RecordTransport::Record(Type::kFinished) + RecordTransport::Record(Type::kData, "request"));
  ASSERT_TRUE(connection_->established());
  EXPECT_TRUE(connection_->readable());
  EXPECT_EQ(connection_->Fill(100), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "request");
}

TEST_F(ConnectionRecordsTest, BytesInsideAreReadWithoutNewReadiness) {
  Establish();
  std::string all;
  for (int i = 0; i < 40; ++i) all += RecordTransport::Record(Type::kData, Pattern(300, i));
  Send(all);
  std::string got;
  while (connection_->readable()) {
    connection_->Fill(size_t{1} << 20);
    got += TakeAll();
  }
  EXPECT_EQ(got.size(), 40u * 300u);
  EXPECT_EQ(got.substr(300, 300), Pattern(300, 1));
}

// Without what the blocked call waits for, this connection would hang until a timeout.
TEST_F(ConnectionRecordsTest, AReadThatHasToWriteFirstWaitsForWriting) {
  Establish(UnixPair());  // whose buffer does not grow
  FillSocket();
  Send(RecordTransport::Record(Type::kQuestion) + RecordTransport::Record(Type::kData, "after"));
  EXPECT_EQ(connection_->Fill(100), FillStatus::kWouldBlock) << "the answer finds no room";
  const int before = listener_.calls;
  Send(RecordTransport::Record(Type::kData, "more"));
  EXPECT_EQ(connection_->Fill(100), FillStatus::kWouldBlock) << "more to read does not help";
  Drain();
  EXPECT_GT(listener_.calls, before);
  ASSERT_TRUE(TurnUntil([&] { return connection_->readable(); }));
  std::string got;
  while (connection_->Fill(100) == FillStatus::kRead) got += TakeAll();
  EXPECT_EQ(got, "aftermore");
}

TEST_F(ConnectionRecordsTest, AnEndThatFindsNoRoomIsSentLater) {
  Establish(UnixPair());  // whose buffer does not grow
  FillSocket();
  connection_->out().Clear();
  connection_->Shutdown();
  std::string got;
  bool ended = false;
  ASSERT_TRUE(TurnUntil([&] {
    got += ReceiveSome(peer_, &ended);
    return ended;
  }));
  EXPECT_TRUE(got.ends_with(RecordTransport::Record(Type::kEnd)));
}

TEST_F(ConnectionRecordsTest, WhatIsNoDataLeavesAnIdleConnectionQuiet) {
  Establish();
  EXPECT_EQ(connection_->Inspect(), Quiet::kQuiet);
  EXPECT_TRUE(connection_->Detachable());
  const int before = listener_.calls;
  Send(RecordTransport::Record(Type::kTicket, "keep this"));
  EXPECT_GT(listener_.calls, before) << "something came";
  EXPECT_EQ(connection_->Inspect(), Quiet::kQuiet);
  EXPECT_FALSE(connection_->readable());
  Send(RecordTransport::Record(Type::kTicket));
  EXPECT_GT(listener_.calls, before + 1) << "the next is heard of, too";
  Send(RecordTransport::Record(Type::kData, "x").substr(0, 2));
  EXPECT_EQ(connection_->Inspect(), Quiet::kQuiet);
  EXPECT_FALSE(connection_->Detachable()) << "part of a record lies inside";
  Send(RecordTransport::Record(Type::kData, "x").substr(2));
  EXPECT_EQ(connection_->Inspect(), Quiet::kData);
  EXPECT_EQ(connection_->Fill(100), FillStatus::kRead);
}

TEST_F(ConnectionRecordsTest, TellsAnEndFromATruncation) {
  for (const bool said : {true, false}) {
    Establish();
    if (said) Send(RecordTransport::Record(Type::kEnd));
    shutdown(peer_.get(), SHUT_WR);
    ASSERT_TRUE(TurnUntil([&] { return connection_->end() != ConnectionEnd::kOpen; }))
        << "it is found though nobody reads";
    EXPECT_EQ(connection_->end(), said ? ConnectionEnd::kEndedInOrder : ConnectionEnd::kTruncated);
    EXPECT_EQ(connection_->Fill(100), FillStatus::kEndOfStream);
    EXPECT_EQ(connection_->Inspect(), said ? Quiet::kEnd : Quiet::kError);
  }
}

TEST_F(ConnectionRecordsTest, TheEndIsNotKnownBeforeWhatCameBeforeItWasRead) {
  Establish();
  Send(RecordTransport::Record(Type::kData, "last words") + RecordTransport::Record(Type::kEnd));
  shutdown(peer_.get(), SHUT_WR);
  Turns();
  EXPECT_EQ(connection_->end(), ConnectionEnd::kOpen);
  EXPECT_EQ(connection_->Fill(100), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "last words");
  EXPECT_EQ(connection_->Fill(100), FillStatus::kEndOfStream);
  EXPECT_EQ(connection_->end(), ConnectionEnd::kEndedInOrder);
}

TEST_F(ConnectionRecordsTest, CountsWhatCrossesTheWire) {
  Establish();
  const uint64_t before = connection_->transport().wire_bytes_written();
  connection_->out().Append("hello");
  ASSERT_EQ(connection_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(connection_->bytes_written(), 5u);
  EXPECT_EQ(connection_->transport().wire_bytes_written(),
            before + RecordTransport::kHeaderBytes + 5);
}

}  // namespace
}  // namespace holdfast::pool
