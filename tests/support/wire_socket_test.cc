#include "tests/support/wire_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "pool/net/socket_address.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"
#include "tests/support/temp_dir.h"

namespace holdfast::support {
namespace {

struct Pair {
  ScriptedUpstream server;
  RawClient client{server.address()};
  UpstreamConnection peer = server.Accept();
};

TEST(WireSocketTest, BytesArriveAsTheyWereSent) {
  Pair pair;
  pair.client.Send("one\r\ntwo");
  EXPECT_EQ(pair.peer.ReadUntil("\r\n"), "one\r\n");
  EXPECT_EQ(pair.peer.ReadBytes(3), "two");
  pair.peer.ExpectQuiet();
}

TEST(WireSocketTest, AnOrderlyCloseIsToldFromAReset) {
  Pair pair;
  pair.client.ShutdownWrite();
  pair.peer.ExpectClosed();
  pair.peer.Reset();
  pair.client.ExpectReset();
}

TEST(WireSocketTest, BytesBeforeTheEndAreNotIgnored) {
  Pair pair;
  pair.client.Send("left over");
  pair.client.Close();
  EXPECT_NONFATAL_FAILURE(pair.peer.ExpectClosed(), "left over");
}

TEST(WireSocketTest, AResetWhereACloseIsExpectedFails) {
  Pair pair;
  pair.client.Reset();
  EXPECT_NONFATAL_FAILURE(pair.peer.ExpectClosed(), "a reset");
}

TEST(WireSocketTest, AnEndInTheMiddleOfWhatIsAwaitedFails) {
  Pair pair;
  pair.client.Send("abc");
  pair.client.Close();
  EXPECT_NONFATAL_FAILURE(pair.peer.ReadBytes(4), "an orderly close came instead of 4 bytes");
}

TEST(WireSocketTest, APeerThatDoesNotReadStopsTheSender) {
  ScriptedUpstream server;
  RawClient client(server.address(), {.receive_buffer = 4096});
  UpstreamConnection peer = server.Accept();
  const std::string much = Pattern(32 << 20);
  const size_t sent = peer.TrySend(much);
  EXPECT_GT(sent, 0u);
  EXPECT_LT(sent, much.size());
  EXPECT_EQ(client.ReadBytes(1000), much.substr(0, 1000));
}

TEST(WireSocketTest, SomebodyAcceptsOnlyWhileHeListens) {
  const TempDir dir;
  for (const std::string& address : {std::string("127.0.0.1:0"), "unix:" + dir.Path("socket")}) {
    ScriptedUpstream server(address);
    EXPECT_TRUE(Accepts(server.address())) << address;
    server.StopListening();
    EXPECT_FALSE(Accepts(server.address())) << address;
  }
  EXPECT_FALSE(Accepts(UnusedAddress()));
}

TEST(WireSocketTest, UnixAndIpv6AddressesWorkAsWell) {
  const TempDir dir;
  for (const std::string& bind : {std::string("[::1]:0"), "unix:" + dir.Path("socket")}) {
    ScriptedUpstream server(bind);
    RawClient client(server.address());
    UpstreamConnection peer = server.Accept();
    client.Send("x");
    EXPECT_EQ(peer.ReadBytes(1), "x") << server.address();
  }
}

}  // namespace
}  // namespace holdfast::support
