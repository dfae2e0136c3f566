#include "tests/support/auto_upstream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include <gtest/gtest.h>

#include "tests/support/raw_client.h"

namespace holdfast::support {
namespace {

// Waits for input on `fd`; false once the pipe's other end is closed.
bool AwaitInputOrStop(int fd, int wake) {
  pollfd entries[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                      {.fd = wake, .events = POLLIN, .revents = 0}};
  poll(entries, 2, -1);
  return entries[1].revents == 0;
}

}  // namespace

AutoUpstream::AutoUpstream(std::string body, std::string_view bind)
    : AutoUpstream([response = OkResponse(body)](const Message&) { return Reply{response}; },
                   bind) {}

AutoUpstream::AutoUpstream(Handler handler, std::string_view bind)
    : handler_(std::move(handler)), listener_(Listen(bind)), address_(LocalAddress(listener_)) {
  EXPECT_EQ(pipe2(wake_, O_CLOEXEC), 0);
  acceptor_ = std::thread([this] { AcceptAll(); });
}

AutoUpstream::~AutoUpstream() {
  close(wake_[1]);
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
  close(wake_[0]);
  close(listener_);
}

void AutoUpstream::AcceptAll() {
  while (AwaitInputOrStop(listener_, wake_[0])) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) continue;
    ++accepted_;
    connections_.emplace_back([this, fd] {
      WireSocket connection(fd);
      Serve(&connection);
    });
  }
}

// A peer that goes away between requests is in order; in the middle of one it is the test's
// failure, which the readers report.
void AutoUpstream::Serve(WireSocket* connection) {
  if (wire_ == Wire::kTls && !connection->BeginTls(TlsSide::kServer)) return;
  while (connection->has_input() || AwaitInputOrStop(connection->fd(), wake_[0])) {
    if (connection->AwaitInput() != StreamEnd::kOpen) return;
    const Message request = ReadRequest(*connection);
    ++requests_;
    const Reply reply = handler_(request);
    if (!connection->SendIfWanted(reply.bytes) || reply.close) return;
  }
}

}  // namespace holdfast::support
