#include "pool/net/introducing_transport.h"

#include <poll.h>

#include <cerrno>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "pool/net/plain_transport.h"
#include "pool/net/socket.h"
#include "tests/pool/net/record_transport.h"
#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

class IntroducingTransportTest : public testing::Test {
 protected:
  IntroducingTransportTest() {
    auto listener = Listen(*SocketAddress::FromIp("127.0.0.1", 0), false);
    EXPECT_TRUE(listener.ok());
    listener_ = std::move(*listener);
  }
  // A socket that connects, once the kernel knows how that ended.
  FileDescriptor Connect() {
    bool in_progress = false;
    int error = 0;
    FileDescriptor fd = StartConnect(*LocalAddress(listener_.get()), &in_progress, &error);
    EXPECT_TRUE(fd.valid());
    EXPECT_TRUE(WaitFor(fd.get(), POLLOUT));
    return fd;
  }
  FileDescriptor Accept() {
    EXPECT_TRUE(WaitFor(listener_.get(), POLLIN));
    return FileDescriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
  }
  static size_t Write(Transport& transport, std::string text) {
    const iovec piece{text.data(), text.size()};
    const IoResult result = transport.Write(&piece, 1);
    EXPECT_EQ(result.status, IoStatus::kOk);
    return result.bytes;
  }

  FileDescriptor listener_;
};

TEST_F(IntroducingTransportTest, TheIntroductionComesFirst) {
  IntroducingTransport transport(std::make_unique<PlainTransport>(Connect()), "who\r\n");
  EXPECT_EQ(transport.Establish().status, IoStatus::kOk);
  EXPECT_EQ(Write(transport, "what"), 4u);
  const FileDescriptor peer = Accept();
  EXPECT_EQ(Receive(peer, 9), "who\r\nwhat");
}

// What it says of bytes is about those of the other.
TEST_F(IntroducingTransportTest, TheIntroductionIsNoPartOfWhatIsCounted) {
  IntroducingTransport transport(std::make_unique<PlainTransport>(Connect()), "who\r\n");
  const FileDescriptor peer = Accept();
  EXPECT_EQ(transport.wire_bytes_acknowledged(), std::nullopt) << "not yet";
  ASSERT_EQ(transport.Establish().status, IoStatus::kOk);
  Receive(peer, 5);
  EXPECT_EQ(transport.wire_bytes_written(), 0u);
  EXPECT_EQ(transport.wire_bytes_acknowledged(), 0u);
  Write(transport, "what");
  EXPECT_EQ(transport.wire_bytes_written(), 4u);
  Receive(peer, 4);
  EXPECT_EQ(transport.wire_bytes_acknowledged(), 4u);
}

TEST_F(IntroducingTransportTest, ItComesBeforeTheHandshake) {
  using Type = RecordTransport::Type;
  IntroducingTransport transport(std::make_unique<RecordTransport>(Connect(), /*server=*/false),
                                 "who\r\n");
  EXPECT_EQ(transport.Establish().status, IoStatus::kBlocked);
  const FileDescriptor peer = Accept();
  const std::string hello = RecordTransport::Record(Type::kHello);
  EXPECT_EQ(Receive(peer, 5 + hello.size()), "who\r\n" + hello);
  EXPECT_EQ(transport.Establish().status, IoStatus::kBlocked);
  SendAll(peer, hello);
  ASSERT_TRUE(WaitFor(transport.fd(), POLLIN));
  EXPECT_EQ(transport.Establish().status, IoStatus::kOk);
  EXPECT_EQ(transport.protocol(), "records");
}

TEST_F(IntroducingTransportTest, AConnectThatFailsFails) {
  const SocketAddress address = *LocalAddress(listener_.get());
  listener_.Reset();
  bool in_progress = false;
  int error = 0;
  FileDescriptor fd = StartConnect(address, &in_progress, &error);
  ASSERT_TRUE(fd.valid());
  ASSERT_TRUE(WaitFor(fd.get(), POLLOUT));
  IntroducingTransport transport(std::make_unique<PlainTransport>(std::move(fd)), "who\r\n");
  const IoResult result = transport.Establish();
  EXPECT_EQ(result.status, IoStatus::kFailed);
  EXPECT_EQ(result.error.system, ECONNREFUSED);
}

TEST_F(IntroducingTransportTest, APeerThatHasReset) {
  FileDescriptor fd = Connect();
  FileDescriptor peer = Accept();
  CloseWithReset(peer);
  ASSERT_TRUE(WaitFor(fd.get(), POLLIN));
  IntroducingTransport transport(std::make_unique<PlainTransport>(std::move(fd)), "who\r\n");
  EXPECT_EQ(transport.Establish().status, IoStatus::kFailed);
}

}  // namespace
}  // namespace holdfast::pool
