#include "pool/net/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/net/clock.h"
#include "pool/net/plain_transport.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

constexpr size_t kNoLimit = size_t{1} << 30;
constexpr size_t kCapacity = SlabPool::kSlabCapacity;

// What crossed the seam: one entry per system call.
struct IoLog {
  std::vector<size_t> reads;  // the room each offered
  int writes = 0;
  std::vector<int> unexpected;  // writes before which no end was expected
  bool end_expected = false;
};

class LoggingTransport final : public Transport {
 public:
  LoggingTransport(FileDescriptor socket, IoLog* log) : plain_(std::move(socket)), log_(log) {}

  int fd() const override { return plain_.fd(); }
  void Arrive(EventLoop*, SlabPool*) override {}
  void Leave() override {}
  IoResult Read(const iovec* pieces, int count) override {
    size_t room = 0;
    for (int i = 0; i < count; ++i) room += pieces[i].iov_len;
    log_->reads.push_back(room);
    return plain_.Read(pieces, count);
  }
  IoResult Write(const iovec* pieces, int count) override {
    if (!log_->end_expected) log_->unexpected.push_back(log_->writes);
    ++log_->writes;
    return plain_.Write(pieces, count);
  }
  IoResult Establish() override { return plain_.Establish(); }
  std::string_view protocol() const override { return plain_.protocol(); }
  IoResult Shutdown() override { return plain_.Shutdown(); }
  void ExpectEnd() override { log_->end_expected = true; }
  void SayEnd() override { plain_.SayEnd(); }
  Quiet Inspect() override { return plain_.Inspect(); }
  bool ends_with_socket() const override { return plain_.ends_with_socket(); }
  uint64_t wire_bytes_written() const override { return plain_.wire_bytes_written(); }
  std::optional<uint64_t> wire_bytes_acknowledged() const override {
    return plain_.wire_bytes_acknowledged();
  }
  bool encrypted() const override { return false; }
  bool MayAskFor(std::string_view) const override { return true; }
  std::optional<SecureFacts> secure() const override { return std::nullopt; }
  const PeerIdentity* identity(bool) override { return nullptr; }
  bool Detachable() const override { return plain_.Detachable(); }

 private:
  PlainTransport plain_;
  IoLog* log_;
};

class Listener final : public ConnectionEvents {
 public:
  void OnConnectionReady() override {
    ++calls;
    if (hook) hook();
  }
  int calls = 0;
  std::function<void()> hook;
};

class ConnectionTest : public testing::Test {
 protected:
  void Start(SocketPair pair, Connection::Stage stage = Connection::Stage::kEstablished) {
    peer_ = std::move(pair.theirs);
    auto transport = std::make_unique<LoggingTransport>(std::move(pair.ours), &log_);
    connection_ =
        std::make_unique<Connection>(&loop_, &slabs_, std::move(transport), &listener_, stage);
    ASSERT_EQ(connection_->Open(), 0);
  }

  // Turns the loop until the condition holds; what the loopback delivers comes within a few turns.
  template <class Condition>
  void TurnUntil(Condition condition) {
    for (int turn = 0; turn < 1000 && !condition(); ++turn) {
      loop_.RunOnce(std::chrono::milliseconds(20));
    }
    ASSERT_TRUE(condition());
  }
  void TurnUntilReadable() {
    TurnUntil([this] { return connection_->readable(); });
  }
  // Hands out whatever has happened already.
  void Settle() { loop_.RunOnce(Duration::zero()); }

  std::string TakeAll() {
    Buffer& in = connection_->in();
    std::string text(in.Linearize(in.size()));
    in.Consume(in.size());
    return text;
  }

  SystemClock clock_;
  EventLoop loop_{&clock_};
  SlabPool slabs_;
  IoLog log_;
  Listener listener_;
  FileDescriptor peer_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, NothingIsReadBeforeReadiness) {
  Start(TcpPair());
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kWouldBlock);
  Settle();
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kWouldBlock);
  EXPECT_TRUE(log_.reads.empty());
  EXPECT_EQ(listener_.calls, 0) << "a socket that may be written to is no news";
}

TEST_F(ConnectionTest, ASmallMessageCostsOneRead) {
  Start(TcpPair());
  SendAll(peer_, "hello");
  TurnUntilReadable();
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
  EXPECT_FALSE(connection_->readable()) << "a short read has emptied the socket";
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kWouldBlock);
  EXPECT_EQ(log_.reads, std::vector<size_t>{kCapacity});
  EXPECT_EQ(TakeAll(), "hello");
  EXPECT_EQ(connection_->bytes_read(), 5u);
  EXPECT_EQ(slabs_.in_use(), 0u) << "at rest a connection holds no slab";
}

TEST_F(ConnectionTest, EachMessageIsANewReadiness) {
  Start(TcpPair());
  for (const char* message : {"one", "two", "three"}) {
    SendAll(peer_, message);
    TurnUntilReadable();
    ASSERT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
    EXPECT_EQ(TakeAll(), message);
  }
  EXPECT_EQ(listener_.calls, 3);
  EXPECT_EQ(log_.reads.size(), 3u);
}

TEST_F(ConnectionTest, AReadThatFindsNothingKeepsNoSlab) {
  Start(UnixPair());
  SendAll(peer_, Pattern(kCapacity));
  TurnUntilReadable();
  ASSERT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
  EXPECT_TRUE(connection_->readable()) << "a full read may not be all";
  EXPECT_EQ(TakeAll(), Pattern(kCapacity));
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kWouldBlock);
  EXPECT_EQ(log_.reads.size(), 2u);
  EXPECT_EQ(slabs_.in_use(), 0u);
  EXPECT_FALSE(connection_->readable());
}

TEST_F(ConnectionTest, ReadsGrowWhileTheyComeBackFull) {
  SocketPair pair = UnixPair();
  const int large = 1 << 20;
  setsockopt(pair.theirs.get(), SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
  Start(std::move(pair));
  const std::string much = Pattern(8 * kCapacity + 100);
  SendAll(peer_, much);
  TurnUntilReadable();
  while (connection_->readable()) connection_->Fill(kNoLimit);
  EXPECT_EQ(log_.reads,
            (std::vector<size_t>{kCapacity, 2 * kCapacity, 4 * kCapacity, 4 * kCapacity}));
  EXPECT_EQ(TakeAll(), much);
  for (const size_t size : {4 * kCapacity, kCapacity}) {
    SendAll(peer_, "x");
    TurnUntilReadable();
    connection_->Fill(kNoLimit);
    EXPECT_EQ(TakeAll(), "x");
    EXPECT_EQ(log_.reads.back(), size)
        << "the rest of a large message keeps them large, a small one makes them small again";
  }
}

TEST_F(ConnectionTest, DataAndTheEndInOneEdgeComeInOrder) {
  for (auto make : {UnixPair, TcpPair}) {
    SocketPair pair = make();
    SendAll(pair.theirs, "bye");
    ASSERT_EQ(shutdown(pair.theirs.get(), SHUT_WR), 0);
    ASSERT_TRUE(WaitFor(pair.ours.get(), POLLRDHUP));
    log_ = {};
    Start(std::move(pair));
    TurnUntilReadable();
    EXPECT_TRUE(connection_->end() == ConnectionEnd::kEndedInOrder);
    ASSERT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
    EXPECT_EQ(TakeAll(), "bye");
    EXPECT_TRUE(connection_->readable()) << "no edge will tell of the end again";
    EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kEndOfStream);
    EXPECT_FALSE(connection_->readable());
    EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kEndOfStream);
    EXPECT_EQ(log_.reads.size(), 2u);
    EXPECT_EQ(slabs_.in_use(), 0u);
  }
}

TEST_F(ConnectionTest, TheEndAfterTheDataIsAReadinessOfItsOwn) {
  Start(TcpPair());
  SendAll(peer_, "bye");
  TurnUntilReadable();
  connection_->Fill(kNoLimit);
  peer_.Reset();
  TurnUntilReadable();
  EXPECT_TRUE(connection_->end() == ConnectionEnd::kEndedInOrder);
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kEndOfStream);
  EXPECT_EQ(TakeAll(), "bye");
}

TEST_F(ConnectionTest, PausingAtTheLimitLosesNothing) {
  constexpr size_t kLimit = 32 * 1024;
  Start(UnixPair());
  const std::string all = Pattern(5000000);
  std::string got;
  size_t sent = 0;
  TurnUntil([&] {
    sent += SendSome(peer_, std::string_view(all).substr(sent));
    while (connection_->Fill(kLimit) == FillStatus::kRead) {
    }
    EXPECT_LT(connection_->in().size(), kLimit + kCapacity);
    if (connection_->in().size() >= kLimit) {
      EXPECT_EQ(connection_->Fill(kLimit), FillStatus::kFull);
    }
    got += TakeAll();
    return got.size() == all.size();
  });
  EXPECT_EQ(got, all);
}

TEST_F(ConnectionTest, APausedReaderIsNotCalledForMoreOfTheSame) {
  Start(TcpPair());
  SendAll(peer_, "one");
  TurnUntilReadable();
  EXPECT_EQ(connection_->Fill(0), FillStatus::kFull);
  SendAll(peer_, "two");
  ASSERT_TRUE(WaitFor(connection_->fd(), POLLIN));
  for (int i = 0; i < 5; ++i) Settle();
  EXPECT_EQ(listener_.calls, 1);
  EXPECT_TRUE(connection_->readable());
  connection_->Fill(kNoLimit);
  EXPECT_EQ(TakeAll(), "onetwo");
}

TEST_F(ConnectionTest, ALimitIsPassedByLessThanASlab) {
  Start(UnixPair());
  SendAll(peer_, Pattern(100000));
  TurnUntilReadable();
  EXPECT_EQ(connection_->Fill(10), FillStatus::kRead);
  EXPECT_LE(connection_->in().size(), kCapacity);
  EXPECT_EQ(connection_->Fill(10), FillStatus::kFull);
  EXPECT_TRUE(connection_->readable());
}

TEST_F(ConnectionTest, EverythingGoesInOneWrite) {
  Start(UnixPair());
  const std::string body = Pattern(3 * kCapacity);
  connection_->out().Append(body);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(log_.writes, 1);
  EXPECT_EQ(ReceiveSome(peer_), body);
  EXPECT_EQ(connection_->bytes_written(), body.size());
  EXPECT_EQ(slabs_.in_use(), 0u);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(log_.writes, 1) << "nothing is left to be written";
  connection_->out().Append("more");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(log_.writes, 2) << "the socket was not full";
}

TEST_F(ConnectionTest, ABlockedWriteGoesOnWhenTheReaderDoes) {
  for (auto make : {UnixPair, TcpPair}) {
    log_ = {};
    Start(make());
    const std::string all = Pattern(16 * 1024 * 1024);
    connection_->out().Append(all);
    ASSERT_EQ(connection_->Flush(), FlushStatus::kBlocked);
    const int writes = log_.writes;
    EXPECT_EQ(connection_->Flush(), FlushStatus::kBlocked);
    EXPECT_EQ(log_.writes, writes) << "a full socket is not tried again";

    listener_.hook = [this] { connection_->Flush(); };
    std::string got;
    TurnUntil([&] {
      got += ReceiveSome(peer_);
      return got.size() >= all.size();
    });
    EXPECT_EQ(got, all);
    EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
    listener_.hook = nullptr;
  }
}

TEST_F(ConnectionTest, AResetIsAnErrorFoundByReading) {
  Start(TcpPair());
  CloseWithReset(peer_);
  TurnUntil([this] { return connection_->gone(); });
  EXPECT_TRUE(connection_->readable());
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kError);
  EXPECT_EQ(connection_->error(), ECONNRESET);
  EXPECT_EQ(connection_->end(), ConnectionEnd::kReset);
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kError);
  EXPECT_EQ(log_.reads.size(), 1u);
  EXPECT_FALSE(connection_->readable());
}

// A server may answer before it has read the request, and close: the answer is not lost.
TEST_F(ConnectionTest, WhatCameBeforeAFailedWriteCanStillBeRead) {
  Start(TcpPair());
  connection_->out().Append("never read");
  ASSERT_EQ(connection_->Flush(), FlushStatus::kDone);
  ASSERT_TRUE(WaitFor(peer_.get(), POLLIN));
  SendAll(peer_, "early answer");
  peer_.Reset();  // unread bytes make this a reset: RFC 2525 section 2.17
  TurnUntil([this] { return connection_->gone(); });
  connection_->out().Append("more");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kError);
  EXPECT_NE(connection_->error(), 0);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kError);
  EXPECT_EQ(log_.writes, 2);
  ASSERT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "early answer");
  EXPECT_TRUE(connection_->readable());
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kEndOfStream);
}

TEST_F(ConnectionTest, HalfClosedItStillReads) {
  Start(TcpPair());
  connection_->out().Append("request");
  ASSERT_EQ(connection_->Flush(), FlushStatus::kDone);
  connection_->Shutdown();
  EXPECT_EQ(Receive(peer_, 7), "request");
  ASSERT_TRUE(WaitFor(peer_.get(), POLLIN));
  bool ended = false;
  ReceiveSome(peer_, &ended);
  EXPECT_TRUE(ended);
  EXPECT_FALSE(connection_->gone());

  SendAll(peer_, "response");
  TurnUntilReadable();
  connection_->Fill(kNoLimit);
  EXPECT_EQ(TakeAll(), "response");
  peer_.Reset();
  TurnUntil([this] { return connection_->gone(); });
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kEndOfStream);
}

TEST_F(ConnectionTest, CloseEndsAndAbortResets) {
  Start(TcpPair());
  connection_->Close();
  ASSERT_TRUE(WaitFor(peer_.get(), POLLIN));
  EXPECT_EQ(PeekSocket(peer_.get()), PeekResult::kEndOfStream);

  Start(TcpPair());
  connection_->Abort();
  ASSERT_TRUE(WaitFor(peer_.get(), POLLIN));
  EXPECT_EQ(PeekSocket(peer_.get()), PeekResult::kError);
}

TEST_F(ConnectionTest, ItsBareSocketCanBeHadWhateverLiesWithin) {
  Start(TcpPair());
  SendAll(peer_, "ab");
  ASSERT_TRUE(WaitFor(connection_->fd(), POLLIN));
  connection_->out().Append("unsent");
  const FileDescriptor socket = connection_->ReleaseSocket();
  EXPECT_FALSE(connection_->open());
  ASSERT_TRUE(socket.valid());
  char two[2];
  EXPECT_EQ(recv(socket.get(), two, sizeof(two), 0), 2);
  EXPECT_EQ(send(socket.get(), "x", 1, MSG_NOSIGNAL), 1);
  Settle();
  EXPECT_EQ(listener_.calls, 0);
  // The loop knows it no longer.
  Connection next(&loop_, &slabs_, FileDescriptor(dup(socket.get())), &listener_,
                  Connection::Stage::kEstablished);
  EXPECT_EQ(next.Open(), 0);
}

TEST_F(ConnectionTest, ClosedItIsQuietAndIdempotent) {
  Start(TcpPair());
  SendAll(peer_, "unread");
  ASSERT_TRUE(WaitFor(connection_->fd(), POLLIN));
  connection_->out().Append("unsent");
  connection_->Close();
  connection_->Close();
  connection_->Abort();
  connection_->Shutdown();
  Settle();
  EXPECT_EQ(listener_.calls, 0);
  EXPECT_FALSE(connection_->open());
  EXPECT_EQ(connection_->fd(), -1);
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kWouldBlock);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kBlocked);
  EXPECT_EQ(connection_->out().size(), 6u);
}

TEST_F(ConnectionTest, TheListenerMayDestroyItAtOnceOrLater) {
  for (bool later : {false, true}) {
    Start(TcpPair());
    listener_.hook = [&] {
      if (later) loop_.DestroyLater(std::move(connection_));
      connection_.reset();
    };
    SendAll(peer_, "x");
    TurnUntil([this] { return connection_ == nullptr; });
    ASSERT_TRUE(WaitFor(peer_.get(), POLLIN));
    listener_.hook = nullptr;
  }
}

TEST_F(ConnectionTest, AListenerMayDestroyAnotherThatIsDueInTheSameTurn) {
  Start(TcpPair());
  SocketPair pair = TcpPair();
  Listener other_listener;
  auto other = std::make_unique<Connection>(&loop_, &slabs_,
                                            std::make_unique<PlainTransport>(std::move(pair.ours)),
                                            &other_listener, Connection::Stage::kEstablished);
  ASSERT_EQ(other->Open(), 0);
  listener_.hook = [&] { other.reset(); };
  other_listener.hook = [&] { connection_.reset(); };
  SendAll(peer_, "x");
  SendAll(pair.theirs, "x");
  ASSERT_TRUE(WaitFor(connection_->fd(), POLLIN));
  ASSERT_TRUE(WaitFor(other->fd(), POLLIN));
  Settle();
  EXPECT_EQ(listener_.calls + other_listener.calls, 1);
}

TEST_F(ConnectionTest, CanBeHandedToAnotherListener) {
  Start(TcpPair());
  Listener other;
  connection_->set_events(&other);
  SendAll(peer_, "x");
  TurnUntilReadable();
  EXPECT_EQ(other.calls, 1);
  EXPECT_EQ(listener_.calls, 0);
}

TEST_F(ConnectionTest, ConnectingItWritesOnceConnected) {
  auto server = Listen(*SocketAddress::FromIp("127.0.0.1", 0), false);
  ASSERT_TRUE(server.ok());
  bool in_progress = false;
  int error = 0;
  SocketPair pair;
  pair.ours = StartConnect(*LocalAddress(server->get()), &in_progress, &error);
  ASSERT_TRUE(pair.ours.valid());
  Start(std::move(pair), Connection::Stage::kEstablishing);
  connection_->out().Append("hello");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kBlocked);
  EXPECT_EQ(log_.writes, 0);
  TurnUntil([this] { return connection_->established(); });
  EXPECT_EQ(listener_.calls, 1);
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
}

TEST_F(ConnectionTest, TheEndIsExpectedWithTheLastOfTheBytes) {
  Start(TcpPair());
  connection_->out().Append("head");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
  connection_->ExpectEnd();
  EXPECT_FALSE(log_.end_expected) << "there is nothing to be written";
  // One write takes no more than 16 pieces.
  connection_->out().Append(std::string(17 * kCapacity, 'x'));
  TurnUntil([this] {
    ReceiveSome(peer_);
    return connection_->Flush() == FlushStatus::kDone;
  });
  EXPECT_TRUE(log_.end_expected);
  ASSERT_GE(log_.unexpected.size(), 2u);
  EXPECT_EQ(log_.unexpected[1], 1);
  EXPECT_GT(log_.writes, 2);
}

TEST_F(ConnectionTest, ARefusedConnectHangsUp) {
  auto server = Listen(*SocketAddress::FromIp("127.0.0.1", 0), false);
  ASSERT_TRUE(server.ok());
  const SocketAddress address = *LocalAddress(server->get());
  server->Reset();
  bool in_progress = false;
  int error = 0;
  SocketPair pair;
  pair.ours = StartConnect(address, &in_progress, &error);
  ASSERT_TRUE(pair.ours.valid()) << error;
  Start(std::move(pair), Connection::Stage::kEstablishing);
  TurnUntil([this] { return connection_->gone(); });
  EXPECT_FALSE(connection_->established());
  EXPECT_EQ(connection_->error(), ECONNREFUSED);
  EXPECT_EQ(connection_->end(), ConnectionEnd::kFailed);
}

// One end of a transfer both ways: sends what it was given, reads in small steps, one per turn.
class SlowEnd final : public ConnectionEvents {
 public:
  static constexpr size_t kLimit = 16 * 1024;

  SlowEnd(EventLoop* loop, SlabPool* slabs, FileDescriptor socket, std::string to_send)
      : loop_(loop),
        connection_(loop, slabs, std::make_unique<PlainTransport>(std::move(socket)), this,
                    Connection::Stage::kEstablished),
        to_send_(std::move(to_send)) {
    EXPECT_EQ(connection_.Open(), 0);
    loop_->Queue(task_);
  }

  const std::string& received() const { return received_; }
  size_t buffered() const { return connection_.in().size() + connection_.out().size(); }

 private:
  void OnConnectionReady() override { loop_->Queue(task_); }

  void Step() {
    if (connection_.out().empty() && sent_ < to_send_.size()) {
      const std::string_view next = std::string_view(to_send_).substr(sent_, 50000);
      connection_.out().Append(next);
      sent_ += next.size();
    }
    const FlushStatus flushed = connection_.Flush();
    ASSERT_NE(flushed, FlushStatus::kError);
    connection_.Fill(kLimit);
    Buffer& in = connection_.in();
    const std::string_view bytes = in.Linearize(in.size());
    received_ += bytes;
    in.Consume(bytes.size());
    const bool may_write = flushed == FlushStatus::kDone && sent_ < to_send_.size();
    if (connection_.readable() || may_write) loop_->Queue(task_);
  }

  EventLoop* loop_;
  Connection connection_;
  std::string to_send_;
  size_t sent_ = 0;
  std::string received_;
  MemberTask<SlowEnd, &SlowEnd::Step> task_{this};
};

TEST_F(ConnectionTest, MuchGoesBothWaysAtOnce) {
  for (auto make : {UnixPair, TcpPair}) {
    SocketPair pair = make();
    const std::string one = Pattern(8 * 1024 * 1024, 1);
    const std::string other = Pattern(6 * 1024 * 1024, 2);
    SlowEnd first(&loop_, &slabs_, std::move(pair.ours), one);
    SlowEnd second(&loop_, &slabs_, std::move(pair.theirs), other);
    for (int turn = 0; turn < 100000; ++turn) {
      if (first.received().size() == other.size() && second.received().size() == one.size()) break;
      loop_.RunOnce(std::chrono::seconds(1));
      ASSERT_LE(slabs_.in_use(), 16u);
    }
    EXPECT_TRUE(first.received() == other);
    EXPECT_TRUE(second.received() == one);
    EXPECT_EQ(first.buffered() + second.buffered(), 0u);
  }
  EXPECT_EQ(slabs_.in_use(), 0u);
}

TEST(Connection, IsSmall) { EXPECT_LE(sizeof(Connection), 120u); }

// Over a plain socket that lies in the connection.
class PlainConnectionTest : public ConnectionTest {
 protected:
  void Start(SocketPair pair) {
    peer_ = std::move(pair.theirs);
    connection_ = std::make_unique<Connection>(&loop_, &slabs_, std::move(pair.ours), &listener_,
                                               Connection::Stage::kEstablished);
  }
};

TEST_F(PlainConnectionTest, BytesGoBothWaysAndTheEndCloses) {
  Start(TcpPair());
  ASSERT_EQ(connection_->Open(), 0);
  SendAll(peer_, "hello");
  TurnUntilReadable();
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "hello");
  connection_->out().Append("hi");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(Receive(peer_, 2), "hi");
  EXPECT_EQ(connection_->transport().wire_bytes_written(), 2u);
  connection_->Close();
  EXPECT_FALSE(connection_->open());
  EXPECT_EQ(connection_->fd(), -1);
  bool ended = false;
  ASSERT_TRUE(WaitFor(peer_.get(), POLLIN));
  ReceiveSome(peer_, &ended);
  EXPECT_TRUE(ended);
  connection_->Close();
}

TEST_F(PlainConnectionTest, ItsSocketCanBeGivenAway) {
  Start(TcpPair());
  ASSERT_EQ(connection_->Open(), 0);
  connection_->out().Append("hi");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
  const std::unique_ptr<Transport> released = connection_->Release();
  EXPECT_FALSE(connection_->open());
  EXPECT_EQ(released->wire_bytes_written(), 2u);
  connection_.reset();
  SendAll(peer_, "hello");
  EXPECT_EQ(Receive(peer_, 2), "hi") << "it is open";
  ASSERT_TRUE(WaitFor(released->fd(), POLLIN));
  EXPECT_EQ(released->Inspect(), Quiet::kData);
  Settle();
  EXPECT_EQ(listener_.calls, 0);
}

TEST_F(PlainConnectionTest, WhatIsThereCanBeReadBeforeTheLoopKnowsOfIt) {
  Start(TcpPair());
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kWouldBlock);
  SendAll(peer_, "early");
  ASSERT_TRUE(WaitFor(connection_->fd(), POLLIN));
  connection_->LookForMore();
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "early");
  connection_->out().Append("answer");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(Receive(peer_, 6), "answer");
  connection_->Close();
  Settle();
  EXPECT_EQ(loop_.stats().events, 0u);
}

// What came between the early read and Open is an edge of its own.
TEST_F(PlainConnectionTest, AnEarlyReadLosesNothing) {
  Start(TcpPair());
  connection_->LookForMore();
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kWouldBlock);
  SendAll(peer_, "late");
  ASSERT_TRUE(WaitFor(connection_->fd(), POLLIN));
  ASSERT_EQ(connection_->Open(), 0);
  TurnUntilReadable();
  EXPECT_EQ(listener_.calls, 1);
  EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
  EXPECT_EQ(TakeAll(), "late");
}

// With what is buffered, what it waits for, and its place in the loop.
TEST_F(PlainConnectionTest, ItCanBeMovedWhileItsEventsAreUnderWay) {
  for (const bool in_place : {true, false}) {
    SocketPair pair = TcpPair();
    peer_ = std::move(pair.theirs);
    Listener first;
    if (in_place) {
      connection_ = std::make_unique<Connection>(&loop_, &slabs_, std::move(pair.ours), &first,
                                                 Connection::Stage::kEstablished);
    } else {
      connection_ = std::make_unique<Connection>(
          &loop_, &slabs_, std::make_unique<PlainTransport>(std::move(pair.ours)), &first,
          Connection::Stage::kEstablished);
    }
    ASSERT_EQ(connection_->Open(), 0);
    SendAll(peer_, "one");
    TurnUntilReadable();
    ASSERT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
    SendAll(peer_, "two");
    ASSERT_TRUE(WaitFor(connection_->fd(), POLLIN));
    auto moved = std::make_unique<Connection>(std::move(*connection_), &listener_);
    EXPECT_FALSE(connection_->open());
    EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kWouldBlock);
    connection_ = std::move(moved);
    EXPECT_EQ(TakeAll(), "one");
    EXPECT_EQ(connection_->bytes_read(), 3u);
    const int calls = listener_.calls;
    TurnUntilReadable();
    EXPECT_EQ(first.calls, 1);
    EXPECT_EQ(listener_.calls, calls + 1);
    EXPECT_EQ(connection_->Fill(kNoLimit), FillStatus::kRead);
    EXPECT_EQ(TakeAll(), "two");
  }
}

}  // namespace
}  // namespace holdfast::pool
