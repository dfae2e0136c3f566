#include "pool/net/plain_transport.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

iovec Piece(std::string& text) { return {text.data(), text.size()}; }

TEST(PlainTransport, ReadsIntoOnePieceAndSaysThatTheSocketIsEmpty) {
  SocketPair pair = UnixPair();
  PlainTransport transport(std::move(pair.ours));
  SendAll(pair.theirs, "hello");
  std::string room(10, '-');
  const iovec piece = Piece(room);
  const IoResult result = transport.Read(&piece, 1);
  EXPECT_EQ(result.status, IoStatus::kOk);
  EXPECT_EQ(result.bytes, 5u);
  EXPECT_FALSE(result.more);
  EXPECT_EQ(room, "hello-----");
}

TEST(PlainTransport, ReadsAcrossPiecesAndSaysThatThereMayBeMore) {
  SocketPair pair = UnixPair();
  PlainTransport transport(std::move(pair.ours));
  SendAll(pair.theirs, "hello world");
  std::string first(3, '-'), second(4, '-');
  const iovec pieces[] = {Piece(first), Piece(second)};
  const IoResult result = transport.Read(pieces, 2);
  EXPECT_EQ(result.bytes, 7u);
  EXPECT_TRUE(result.more);
  EXPECT_EQ(first + second, "hello w");
}

TEST(PlainTransport, TellsAnEmptySocketFromAnEndedOne) {
  SocketPair pair = UnixPair();
  PlainTransport transport(std::move(pair.ours));
  std::string room(10, '-');
  const iovec piece = Piece(room);
  EXPECT_EQ(transport.Read(&piece, 1).status, IoStatus::kBlocked);
  pair.theirs.Reset();
  EXPECT_EQ(transport.Read(&piece, 1).status, IoStatus::kEnd);
}

TEST(PlainTransport, AResetIsAnError) {
  SocketPair pair = TcpPair();
  PlainTransport transport(std::move(pair.ours));
  CloseWithReset(pair.theirs);
  ASSERT_TRUE(WaitFor(transport.fd(), POLLIN));
  std::string room(10, '-');
  const iovec piece = Piece(room);
  const IoResult result = transport.Read(&piece, 1);
  EXPECT_EQ(result.status, IoStatus::kFailed);
  EXPECT_EQ(result.error.system, ECONNRESET);
}

TEST(PlainTransport, WritesOnePieceAndSeveral) {
  SocketPair pair = UnixPair();
  PlainTransport transport(std::move(pair.ours));
  std::string head = "head ", body = "body";
  const iovec pieces[] = {Piece(head), Piece(body)};
  IoResult result = transport.Write(pieces, 2);
  EXPECT_EQ(result.status, IoStatus::kOk);
  EXPECT_EQ(result.bytes, 9u);
  EXPECT_TRUE(result.more);
  result = transport.Write(pieces, 1);
  EXPECT_EQ(result.bytes, 5u);
  EXPECT_EQ(ReceiveSome(pair.theirs), "head bodyhead ");
}

TEST(PlainTransport, AFullSocketTakesPartAndThenNothing) {
  SocketPair pair = UnixPair();
  PlainTransport transport(std::move(pair.ours));
  std::string much(4 * 1024 * 1024, 'x');
  const iovec piece = Piece(much);
  const IoResult part = transport.Write(&piece, 1);
  EXPECT_EQ(part.status, IoStatus::kOk);
  EXPECT_LT(part.bytes, much.size());
  EXPECT_FALSE(part.more);
  EXPECT_EQ(transport.Write(&piece, 1).status, IoStatus::kBlocked);
}

// The test would end by SIGPIPE.
TEST(PlainTransport, AWriteToAPeerThatIsGoneIsAnErrorAndNoSignal) {
  SocketPair pair = UnixPair();
  PlainTransport transport(std::move(pair.ours));
  pair.theirs.Reset();
  std::string text = "hello";
  const iovec pieces[] = {Piece(text), Piece(text)};
  for (int count : {1, 2}) {
    const IoResult result = transport.Write(pieces, count);
    EXPECT_EQ(result.status, IoStatus::kFailed);
    EXPECT_EQ(result.error.system, EPIPE);
  }
}

TEST(PlainTransport, ShutdownLetsWhatWasWrittenArrive) {
  SocketPair pair = TcpPair();
  PlainTransport transport(std::move(pair.ours));
  std::string text = "last words";
  const iovec piece = Piece(text);
  transport.Write(&piece, 1);
  EXPECT_EQ(transport.Shutdown().status, IoStatus::kOk);
  EXPECT_EQ(Receive(pair.theirs, text.size()), text);
  ASSERT_TRUE(WaitFor(pair.theirs.get(), POLLIN));
  bool ended = false;
  EXPECT_EQ(ReceiveSome(pair.theirs, &ended), "");
  EXPECT_TRUE(ended);
  SendAll(pair.theirs, "and yet");
  ASSERT_TRUE(WaitFor(transport.fd(), POLLIN));
  std::string room(7, '-');
  const iovec answer = Piece(room);
  EXPECT_EQ(transport.Read(&answer, 1).bytes, 7u);
}

TEST(PlainTransport, DestructionClosesTheSocket) {
  SocketPair pair = UnixPair();
  { PlainTransport transport(std::move(pair.ours)); }
  bool ended = false;
  ReceiveSome(pair.theirs, &ended);
  EXPECT_TRUE(ended);
}

TEST(PlainTransportDeathTest, AnEmptyReadIsABug) {
  PlainTransport transport(std::move(UnixPair().ours));
  EXPECT_DEATH(transport.Read(nullptr, 0), "room > 0");
}

}  // namespace
}  // namespace holdfast::pool
