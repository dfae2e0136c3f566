#include "pool/net/socket_calls.h"

#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "pool/net/socket.h"

namespace holdfast::pool {
namespace {

class SocketCallsTest : public testing::Test {
 protected:
  SocketCallsTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    here_ = FileDescriptor(ends[0]);
    there_ = FileDescriptor(ends[1]);
  }

  std::string Received(int flags) {
    char room[16];
    const ssize_t got = ReceiveBytes(there_.get(), room, sizeof(room), flags);
    return got < 0 ? "errno " + std::to_string(errno) : std::string(room, static_cast<size_t>(got));
  }

  FileDescriptor here_;
  FileDescriptor there_;
};

TEST_F(SocketCallsTest, BytesGoFromOneEndToTheOther) {
  constexpr std::string_view kText = "kept";
  EXPECT_EQ(SendBytes(here_.get(), kText.data(), kText.size(), MSG_NOSIGNAL), 4);
  EXPECT_EQ(Received(MSG_PEEK), kText);
  EXPECT_EQ(Received(0), kText);
}

TEST_F(SocketCallsTest, ErrnoSaysWhatIsWrong) {
  EXPECT_EQ(Received(0), "errno " + std::to_string(EAGAIN));
  here_ = FileDescriptor();
  EXPECT_EQ(Received(0), "");
  EXPECT_EQ(SendBytes(there_.get(), "a", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace holdfast::pool
