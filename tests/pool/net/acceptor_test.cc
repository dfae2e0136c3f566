#include "pool/net/acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"
#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

FileDescriptor ListenOnLoopback() {
  auto listener = Listen(*SocketAddress::FromIp("127.0.0.1", 0), false);
  EXPECT_TRUE(listener.ok()) << listener.status();
  return std::move(*listener);
}

class AcceptorTest : public testing::Test, public AcceptorEvents {
 protected:
  void SetUp() override {
    FileDescriptor listener = ListenOnLoopback();
    address_ = *LocalAddress(listener.get());
    acceptor_ = std::make_unique<Acceptor>(&loop_, std::move(listener), this);
  }

  void OnAccept(FileDescriptor socket, const SocketAddress& peer) override {
    accepted_.push_back(std::move(socket));
    peers_.push_back(peer);
    if (on_accept_) on_accept_();
  }
  void OnAcceptError(int error) override { errors_.push_back(error); }
  bool MayAccept() override { return accepted_.size() < cap_; }

  // The handshake on the loopback is over when this returns: the client waits in the backlog.
  FileDescriptor Connect() {
    bool in_progress = false;
    int error = 0;
    FileDescriptor client = StartConnect(address_, &in_progress, &error);
    EXPECT_TRUE(client.valid()) << error;
    EXPECT_TRUE(WaitFor(client.get(), POLLOUT));
    return client;
  }

  void Turn() { loop_.RunOnce(Duration::zero()); }
  void EndRest() {
    clock_.Advance(Acceptor::kBackoff + TimerWheel::kTick);
    Turn();
  }

  ManualClock clock_;
  EventLoop loop_{&clock_};
  SocketAddress address_;
  std::unique_ptr<Acceptor> acceptor_;
  std::vector<FileDescriptor> accepted_;
  std::vector<SocketAddress> peers_;
  std::vector<int> errors_;
  size_t cap_ = 1000;
  std::function<void()> on_accept_;
};

// Nothing is set for each: the listening socket passes it on.
TEST_F(AcceptorTest, WhoIsAcceptedHasTheOptionsOfTheTime) {
  const auto accept = [&](const TcpOptions& options) {
    acceptor_->Configure(options, kDefaultBacklog);
    const FileDescriptor client = Connect();
    const size_t before = accepted_.size();
    Turn();
    EXPECT_EQ(accepted_.size(), before + 1);
  };
  const auto option = [&](int level, int name) {
    int value = 0;
    socklen_t length = sizeof(value);
    EXPECT_EQ(getsockopt(accepted_.back().get(), level, name, &value, &length), 0);
    return value;
  };
  accept({});
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 10);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 6);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
  accept({.keepalive = std::chrono::minutes(5), .user_timeout = std::chrono::seconds(30)});
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 300);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 50);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 30'000);
  accept({.keepalive = std::nullopt});
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

// sk_max_ack_backlog, which tcp(7) says is tcpi_sacked of a listening socket.
TEST_F(AcceptorTest, TheQueueOfThoseWhoWaitHasItsLength) {
  for (const int backlog : {7, 3}) {
    acceptor_->Configure({}, backlog);
    tcp_info info{};
    socklen_t length = sizeof(info);
    ASSERT_EQ(getsockopt(acceptor_->fd(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    EXPECT_EQ(info.tcpi_sacked, static_cast<uint32_t>(backlog));
  }
  const FileDescriptor client = Connect();
  Turn();
  EXPECT_EQ(accepted_.size(), 1u) << "it goes on listening";
}

TEST_F(AcceptorTest, GivesReadySocketsAndTheirPeers) {
  const FileDescriptor client = Connect();
  Turn();
  ASSERT_EQ(accepted_.size(), 1u);
  EXPECT_EQ(peers_[0], *LocalAddress(client.get()));
  const int fd = accepted_[0].get();
  EXPECT_TRUE((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  EXPECT_TRUE((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  int no_delay = 0;
  socklen_t length = sizeof(no_delay);
  ASSERT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length), 0);
  EXPECT_EQ(no_delay, 1);
}

// How many turns it takes, and the most that were accepted in one.
TEST_F(AcceptorTest, BatchesGrowWhileMoreComeThanThat) {
  std::vector<FileDescriptor> clients;
  const auto connect = [&](int n) {
    for (int i = 0; i < n; ++i) clients.push_back(Connect());
  };
  std::vector<size_t> batches;
  const auto turn = [&] {
    const size_t before = accepted_.size();
    Turn();
    batches.push_back(accepted_.size() - before);
  };
  connect(20);
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_EQ(batches, (std::vector<size_t>{1, 1, 1, 1, 2, 2, 2, 2, 4, 4}));
  // A turn that empties the backlog says how many to expect.
  batches.clear();
  connect(3);
  turn();
  connect(5);
  turn();
  turn();
  EXPECT_EQ(batches, (std::vector<size_t>{3, 3, 2}));
  EXPECT_TRUE(errors_.empty());
}

TEST_F(AcceptorTest, ABatchHasABound) {
  constexpr int kClients = 400;
  std::vector<FileDescriptor> clients;
  size_t most = 0;
  for (int i = 0; i < kClients; ++i) clients.push_back(Connect());
  for (int turns = 0; accepted_.size() < clients.size(); ++turns) {
    ASSERT_LT(turns, 40);
    const size_t before = accepted_.size();
    Turn();
    most = std::max(most, accepted_.size() - before);
  }
  EXPECT_EQ(most, static_cast<size_t>(Acceptor::kBatch));
}

TEST_F(AcceptorTest, PausedItLeavesClientsInTheBacklog) {
  acceptor_->Pause();
  const FileDescriptor client = Connect();
  Turn();
  EXPECT_TRUE(accepted_.empty());
  EXPECT_EQ(loop_.stats().events, 0u) << "a paused listener wakes nobody";
  acceptor_->Resume();
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(AcceptorTest, StopsAtTheCapUntilResumed) {
  cap_ = 2;
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(Connect());
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(accepted_.size(), 2u);
  EXPECT_TRUE(acceptor_->paused());
  EXPECT_EQ(loop_.stats().events, 3u) << "at the cap the listener wakes nobody";
  cap_ = 4;
  acceptor_->Resume();
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(accepted_.size(), 4u);
}

TEST_F(AcceptorTest, PauseFromOnAcceptEndsTheBatch) {
  on_accept_ = [this] { acceptor_->Pause(); };
  const FileDescriptor first = Connect();
  const FileDescriptor second = Connect();
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(AcceptorTest, OnAcceptMayDestroyItLater) {
  on_accept_ = [this] {
    acceptor_->Pause();
    loop_.DestroyLater(std::move(acceptor_));
  };
  const FileDescriptor client = Connect();
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
  EXPECT_EQ(acceptor_, nullptr);
  bool in_progress = false;
  int error = 0;
  const FileDescriptor late = StartConnect(address_, &in_progress, &error);
  if (late.valid()) {
    ASSERT_TRUE(WaitFor(late.get(), POLLOUT));
    error = TakeSocketError(late.get());
  }
  EXPECT_EQ(error, ECONNREFUSED) << "the listening socket is closed";
}

TEST_F(AcceptorTest, AcceptsOnUnixSockets) {
  const auto name = SocketAddress::Parse("unix:@holdfast-acceptor-" + std::to_string(getpid()));
  auto listener = Listen(*name, false);
  ASSERT_TRUE(listener.ok()) << listener.status();
  acceptor_ = std::make_unique<Acceptor>(&loop_, std::move(*listener), this);
  address_ = *name;
  const FileDescriptor client = Connect();
  Turn();
  ASSERT_EQ(peers_.size(), 1u);
  EXPECT_EQ(peers_[0].family(), AF_UNIX);
}

// A listening socket that was shut down answers EINVAL.
TEST_F(AcceptorTest, RestsAfterAnyOtherErrorToo) {
  ASSERT_EQ(shutdown(acceptor_->fd(), SHUT_RD), 0);
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(errors_, std::vector<int>{EINVAL});
  EXPECT_EQ(loop_.stats().events, 1u);
  EndRest();
  Turn();
  EXPECT_EQ(errors_.size(), 2u);
  ASSERT_EQ(listen(acceptor_->fd(), 16), 0);
  address_ = *LocalAddress(acceptor_->fd());
  const FileDescriptor client = Connect();
  EndRest();
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
}

// Takes every descriptor that the process may still open.
class DescriptorHog {
 public:
  DescriptorHog() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit low = before_;
    low.rlim_cur = 256;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (TakeOne()) {
    }
    EXPECT_EQ(errno, EMFILE);
  }
  ~DescriptorHog() { setrlimit(RLIMIT_NOFILE, &before_); }

  bool TakeOne() {
    FileDescriptor fd(dup(STDERR_FILENO));
    if (!fd.valid()) return false;
    held_.push_back(std::move(fd));
    return true;
  }
  void GiveOne() { held_.pop_back(); }

 private:
  rlimit before_{};
  std::vector<FileDescriptor> held_;
};

// Clients opened before the descriptors run out, to connect after.
class OutOfDescriptorsTest : public AcceptorTest {
 protected:
  static constexpr int kClients = 4;

  void SetUp() override {
    AcceptorTest::SetUp();
    FailOnce();
    for (int i = 0; i < kClients; ++i) clients_.push_back(Connect());
    hog_.emplace();
  }

  // UBSan opens a pipe to look at an object of a type that it meets for the first time: it has to
  // meet those on the way of an error before the descriptors run out.
  void FailOnce() {
    FileDescriptor listener = ListenOnLoopback();
    ASSERT_EQ(shutdown(listener.get(), SHUT_RD), 0);
    Acceptor failing(&loop_, std::move(listener), this);
    Turn();
    ASSERT_EQ(errors_.size(), 1u);
    EndRest();
    errors_.clear();
    events_before_ = loop_.stats().events;
  }

  // How many clients have been told that they will not be served.
  int Refused() const {
    int count = 0;
    for (const FileDescriptor& client : clients_) {
      if (PeekSocket(client.get()) != PeekResult::kNothing) ++count;
    }
    return count;
  }

  uint64_t events_before_ = 0;
  std::vector<FileDescriptor> clients_;
  std::optional<DescriptorHog> hog_;
};

TEST_F(OutOfDescriptorsTest, TellsOneClientAndRestsWithoutSpinning) {
  for (int i = 0; i < 50; ++i) Turn();
  EXPECT_EQ(errors_, std::vector<int>{EMFILE});
  EXPECT_EQ(loop_.stats().events - events_before_, 1u) << "a resting listener wakes nobody";
  EXPECT_EQ(Refused(), 1);
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(OutOfDescriptorsTest, TellsAnotherClientAfterEachRest) {
  for (int i = 0; i < kClients; ++i) {
    Turn();
    Turn();
    EXPECT_EQ(Refused(), i + 1);
    EndRest();
  }
  EXPECT_EQ(errors_.size(), static_cast<size_t>(kClients));
}

TEST_F(OutOfDescriptorsTest, TheReserveIsTakenBack) {
  Turn();
  ASSERT_EQ(Refused(), 1);
  EXPECT_FALSE(hog_->TakeOne());
}

TEST_F(OutOfDescriptorsTest, ServesAgainOnceThereAreDescriptors) {
  Turn();
  ASSERT_EQ(Refused(), 1);
  hog_.reset();
  Turn();
  EXPECT_TRUE(accepted_.empty()) << "it rests first";
  EndRest();
  for (int i = 0; i < kClients; ++i) Turn();
  EXPECT_EQ(accepted_.size(), static_cast<size_t>(kClients - 1));
}

TEST_F(OutOfDescriptorsTest, ResumeDoesNotCutTheRestShort) {
  Turn();
  acceptor_->Pause();
  acceptor_->Resume();
  Turn();
  EXPECT_EQ(errors_.size(), 1u);
  acceptor_->Pause();
  EndRest();
  Turn();
  EXPECT_EQ(errors_.size(), 1u) << "the end of the rest does not resume what is paused";
}

// The kernel answers EMFILE to accept(2) even when nobody waits.
TEST_F(OutOfDescriptorsTest, TheLastDescriptorIsNoError) {
  clients_.resize(1);
  hog_.reset();
  for (int i = 0; i < kClients; ++i) Turn();
  accepted_.clear();
  acceptor_->Pause();
  clients_.push_back(Connect());
  hog_.emplace();
  hog_->GiveOne();
  acceptor_->Resume();
  for (int i = 0; i < 5; ++i) Turn();
  EXPECT_EQ(accepted_.size(), 1u);
  EXPECT_TRUE(errors_.empty());
  EXPECT_FALSE(hog_->TakeOne()) << "the reserve is taken back";
}

}  // namespace
}  // namespace holdfast::pool
