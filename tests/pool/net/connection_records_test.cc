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
#include "tests/pool/net/transport_script.h"
#include "tests/pool/tls/support/tls_script.h"
#include "tests/support/manual_clock.h"

// A connection over transports that are not the socket itself.

namespace holdfast::pool {
namespace {

class Listener final : public ConnectionEvents {
 public:
  void OnConnectionReady() override { ++calls; }
  int calls = 0;
};

class ConnectionRecordsTest : public testing::TestWithParam<ScriptKind> {
 protected:
  void Open(bool server = true, SocketPair pair = TcpPair(), bool awaits = false) {
    script_ = NewScript(GetParam(), server);
    peer_ = std::move(pair.theirs);
    listener_.calls = 0;
    connection_ = std::make_unique<Connection>(&loop_, &slabs_, script_->Make(std::move(pair.ours)),
                                               &listener_, Connection::Stage::kEstablishing);
    if (awaits) connection_->AwaitPeer();
    ASSERT_EQ(connection_->Open(), 0);
  }
  void Establish(SocketPair pair = TcpPair()) {
    Open(/*server=*/true, std::move(pair));
    Send(script_->Hello());
    ASSERT_TRUE(TurnUntil([&] {
      Send(script_->Answer(ReceiveSome(peer_)));
      return connection_->established() && script_->established();
    }));
    script_->Answer(ReceiveSome(peer_));
  }
  void Send(std::string_view bytes) {
    if (!bytes.empty()) SendAll(peer_, bytes);
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

  ManualClock clock_;
  EventLoop loop_{&clock_};
  SlabPool slabs_;
  Listener listener_;
  std::unique_ptr<TransportScript> script_;
  FileDescriptor peer_;
  std::unique_ptr<Connection> connection_;
};

INSTANTIATE_TEST_SUITE_P(Records, ConnectionRecordsTest, testing::Values(ScriptKind::kRecords));
INSTANTIATE_TEST_SUITE_P(Tls, ConnectionRecordsTest, testing::Values(ScriptKind::kTls));

TEST_P(ConnectionRecordsTest, IsEstablishedInSeveralStepsAndTellsOnce) {
  Open();
  EXPECT_FALSE(connection_->reached());
  Turns();
  EXPECT_FALSE(connection_->established());
  EXPECT_TRUE(connection_->reached());
  const std::string hello = script_->Hello();
  Send(hello.substr(0, 2));
  Send(hello.substr(2));
  EXPECT_FALSE(connection_->established());
  EXPECT_EQ(listener_.calls, 0) << "nobody is told of the steps";
  EXPECT_EQ(connection_->Fill(100), FillStatus::kWouldBlock);
  connection_->out().Append("early");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kBlocked);
  Send(script_->Answer(ReceiveSome(peer_)));
  EXPECT_TRUE(connection_->established());
  EXPECT_EQ(listener_.calls, 1);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
}

TEST_P(ConnectionRecordsTest, AClientSpeaksFirst) {
  Open(/*server=*/false);
  EXPECT_EQ(script_->Hello(), "");
  ASSERT_TRUE(TurnUntil([&] {
    Send(script_->Answer(ReceiveSome(peer_)));
    return connection_->established();
  }));
  ASSERT_TRUE(TurnUntil([&] {
    script_->Answer(ReceiveSome(peer_));
    return script_->established();
  }));
}

TEST_P(ConnectionRecordsTest, AFailureToAgreeHasAWord) {
  Open();
  Send(script_->Nonsense());
  EXPECT_FALSE(connection_->established());
  EXPECT_EQ(listener_.calls, 1);
  EXPECT_EQ(connection_->end(), ConnectionEnd::kFailed);
  EXPECT_EQ(connection_->error(), 0);
  EXPECT_EQ(connection_->error_word(), script_->nonsense_word());
  EXPECT_EQ(connection_->Fill(100), FillStatus::kError);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kError);
}

TEST_P(ConnectionRecordsTest, APeerThatEndsBeforeItIsEstablishedIsATruncation) {
  Open();
  peer_.Reset();
  ASSERT_TRUE(TurnUntil([&] { return listener_.calls > 0; }));
  EXPECT_FALSE(connection_->established());
  EXPECT_NE(connection_->end(), ConnectionEnd::kOpen);
}

// It will not be told of twice.
TEST_P(ConnectionRecordsTest, AnEndThatComesWithAStepIsNotMissed) {
  Open();
  Turns();
  SendAll(peer_, script_->Hello());
  shutdown(peer_.get(), SHUT_WR);
  Turns();
  EXPECT_EQ(listener_.calls, 1);
  EXPECT_FALSE(connection_->established());
  EXPECT_NE(connection_->end(), ConnectionEnd::kOpen);
}

TEST_P(ConnectionRecordsTest, ARequestAndAnEndThatComeWithTheLastStepAreNotMissed) {
  Open();
  Send(script_->Hello());
  std::string wire = script_->Answer(ReceiveSome(peer_));
  SendAll(peer_, wire.append(script_->Data("request")));
  shutdown(peer_.get(), SHUT_WR);
  Turns();
  ASSERT_TRUE(connection_->established());
  EXPECT_EQ(connection_->Fill(100), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "request");
  EXPECT_EQ(connection_->Fill(100), FillStatus::kEndOfStream);
}

TEST_P(ConnectionRecordsTest, WhoAwaitsThePeerDoesNothingBeforeItSpeaks) {
  Open(/*server=*/true, TcpPair(), /*awaits=*/true);
  Turns();
  EXPECT_FALSE(connection_->reached()) << "that it can write is no news";
  Send(script_->Hello());
  ASSERT_TRUE(TurnUntil([&] {
    Send(script_->Answer(ReceiveSome(peer_)));
    return connection_->established() && script_->established();
  }));
  EXPECT_EQ(listener_.calls, 1);
}

// The bytes came with the last step; the edge that told of them is spent.
TEST_P(ConnectionRecordsTest, WhatCameWithTheLastStepCanBeRead) {
  Open();
  Send(script_->Hello());
  std::string wire = script_->Answer(ReceiveSome(peer_));
  wire += script_->Data("request");
  Send(wire);
  ASSERT_TRUE(connection_->established());
  EXPECT_TRUE(connection_->readable());
  EXPECT_EQ(connection_->Fill(100), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "request");
}

TEST_P(ConnectionRecordsTest, BytesInsideAreReadWithoutNewReadiness) {
  Establish();
  std::string all;
  for (int i = 0; i < 40; ++i) all += script_->Data(Pattern(300, i));
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
TEST_P(ConnectionRecordsTest, AReadThatHasToWriteFirstWaitsForWriting) {
  Establish(UnixPair());  // whose buffer does not grow
  FillSocket();
  std::string got;
  const auto read_on = [&] {
    while (connection_->Fill(100) == FillStatus::kRead) got += TakeAll();
  };
  std::string wire = script_->Question();
  wire += script_->Data("after");
  Send(wire);
  read_on();
  EXPECT_EQ(got, script_->answers_come_first() ? "" : "after") << "the answer finds no room";
  const int before = listener_.calls;
  Send(script_->Data("more"));
  read_on();
  EXPECT_EQ(got, script_->answers_come_first() ? "" : "aftermore") << "more does not help";
  ASSERT_TRUE(TurnUntil([&] {
    script_->Answer(ReceiveSome(peer_));
    return connection_->Flush() == FlushStatus::kDone;
  }));
  EXPECT_GT(listener_.calls, before);
  ASSERT_TRUE(TurnUntil([&] {
    read_on();
    return got == "aftermore";
  }));
}

TEST_P(ConnectionRecordsTest, AnEndThatFindsNoRoomIsSentLater) {
  Establish(UnixPair());  // whose buffer does not grow
  FillSocket();
  connection_->out().Clear();
  connection_->Shutdown();
  bool ended = false;
  ASSERT_TRUE(TurnUntil([&] {
    script_->Answer(ReceiveSome(peer_, &ended));
    return ended;
  }));
  EXPECT_TRUE(script_->heard_end());
}

TEST_P(ConnectionRecordsTest, WhatIsNoDataLeavesAnIdleConnectionQuiet) {
  Establish();
  EXPECT_EQ(connection_->Inspect(), Quiet::kQuiet);
  EXPECT_TRUE(connection_->Detachable());
  const int before = listener_.calls;
  Send(script_->Aside());
  EXPECT_GT(listener_.calls, before) << "something came";
  EXPECT_EQ(connection_->Inspect(), Quiet::kQuiet);
  EXPECT_FALSE(connection_->readable());
  Send(script_->Aside());
  EXPECT_GT(listener_.calls, before + 1) << "the next is heard of, too";
  const std::string wire = script_->Data("x");
  Send(wire.substr(0, 2));
  EXPECT_EQ(connection_->Inspect(), Quiet::kQuiet);
  EXPECT_FALSE(connection_->Detachable()) << "part of a record lies inside";
  Send(wire.substr(2));
  EXPECT_EQ(connection_->Inspect(), Quiet::kData);
  EXPECT_EQ(connection_->Fill(100), FillStatus::kRead);
}

TEST_P(ConnectionRecordsTest, TellsAnEndFromATruncation) {
  for (const bool said : {true, false}) {
    Establish();
    if (said) Send(script_->End());
    shutdown(peer_.get(), SHUT_WR);
    ASSERT_TRUE(TurnUntil([&] { return connection_->end() != ConnectionEnd::kOpen; }))
        << "it is found though nobody reads";
    EXPECT_EQ(connection_->end(), said ? ConnectionEnd::kEndedInOrder : ConnectionEnd::kTruncated);
    EXPECT_EQ(connection_->Fill(100), FillStatus::kEndOfStream);
    EXPECT_EQ(connection_->Inspect(), said ? Quiet::kEnd : Quiet::kError);
  }
}

TEST_P(ConnectionRecordsTest, TheEndIsNotKnownBeforeWhatCameBeforeItWasRead) {
  Establish();
  std::string wire = script_->Data("last words");
  wire += script_->End();
  Send(wire);
  shutdown(peer_.get(), SHUT_WR);
  Turns();
  EXPECT_EQ(connection_->end(), ConnectionEnd::kOpen);
  EXPECT_EQ(connection_->Fill(100), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "last words");
  EXPECT_EQ(connection_->Fill(100), FillStatus::kEndOfStream);
  EXPECT_EQ(connection_->end(), ConnectionEnd::kEndedInOrder);
}

TEST_P(ConnectionRecordsTest, CountsWhatCrossesTheWire) {
  Establish();
  const uint64_t before = connection_->transport().wire_bytes_written();
  connection_->out().Append("hello");
  ASSERT_EQ(connection_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(connection_->bytes_written(), 5u);
  EXPECT_EQ(connection_->transport().wire_bytes_written(), before + script_->record_overhead() + 5);
}

}  // namespace
}  // namespace holdfast::pool
