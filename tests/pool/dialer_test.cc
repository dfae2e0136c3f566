#include "pool/dialer.h"

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"
#include "tests/pool/pool_harness.h"

namespace holdfast::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kTick = TimerWheel::kTick;

// Real sockets on a manual clock: what the owner of an attempt hears of it.
class DialerTest : public testing::Test, protected PoolHarness, private DialEvents {
 protected:
  void Dial(const SocketAddress& address, const DialTerms& terms = {}) {
    DialStart start = socket_dialer.Dial({upstream, address}, terms, this);
    EXPECT_FALSE(over()) << "never from inside the call";
    attempt_ = std::move(start.attempt);
    if (attempt_ == nullptr) refusal_ = start.refusal;
  }
  bool over() const { return connection_ != nullptr || failure_.has_value(); }
  bool Await() {
    return TurnUntil([&] { return over(); });
  }
  DialTerms Terms(Duration slow_after, Duration patience) {
    return {.slow_at = loop.now() + slow_after, .deadline = loop.now() + patience};
  }

  Peer peer_;
  std::unique_ptr<DialAttempt> attempt_;
  std::optional<CheckoutResult> refusal_;
  std::unique_ptr<Connection> connection_;
  std::optional<CheckoutResult> failure_;
  std::string word_;
  int slow_ = 0;
  bool destroy_in_call_ = false;

 private:
  void OnDialSlow() override { ++slow_; }
  void OnDialed(std::unique_ptr<Connection> connection) override {
    EXPECT_FALSE(over());
    connection_ = std::move(connection);
    connection_->set_events(&listener_);
    if (destroy_in_call_) attempt_.reset();
  }
  void OnDialFailed(CheckoutFailure failure) override {
    EXPECT_FALSE(over());
    failure_ = failure.result;
    word_ = failure.word != nullptr ? failure.word : "";
    if (destroy_in_call_) attempt_.reset();
  }

  struct Listener final : ConnectionEvents {
    void OnConnectionReady() override {}
  } listener_;
};

TEST_F(DialerTest, GivesAConnectionThatIsEstablished) {
  Dial(peer_.address());
  ASSERT_TRUE(Await());
  EXPECT_TRUE(connection_->established());
  EXPECT_FALSE(connection_->readable());
  connection_->out().Append("ping");
  EXPECT_EQ(connection_->Flush(), FlushStatus::kDone);
  EXPECT_EQ(Receive(peer_.Accept(), 4), "ping");
}

TEST_F(DialerTest, AUnixSocketThatConnectsWithinTheCallIsToldOfLater) {
  Peer peer(PeerKind::kUnix);
  Dial(peer.address());
  ASSERT_TRUE(Await());
  EXPECT_TRUE(connection_->established());
}

TEST_F(DialerTest, ARefusalIsToldOfOrAnsweredAtOnce) {
  const RefusingAddress nobody;
  Dial(nobody.address());
  if (attempt_ != nullptr) {
    ASSERT_TRUE(Await());
    refusal_ = failure_;
  }
  EXPECT_EQ(refusal_, CheckoutResult::kConnectRefused);
  EXPECT_EQ(loop.timers().size(), 0u);
}

TEST_F(DialerTest, NobodyThereIsAnsweredAtOnce) {
  Dial(*SocketAddress::Parse("unix:@holdfast-nobody-" + std::to_string(getpid())));
  EXPECT_EQ(attempt_, nullptr);
  EXPECT_EQ(refusal_, CheckoutResult::kConnectRefused);
}

TEST_F(DialerTest, ASlowAttemptIsSaidToBeOnceAndGoesOnToItsDeadline) {
  const SilentAddress silent;
  Dial(silent.address(), Terms(milliseconds(250), seconds(2)));
  Advance(milliseconds(240));
  EXPECT_EQ(slow_, 0);
  Advance(milliseconds(10) + kTick);
  EXPECT_EQ(slow_, 1);
  Advance(seconds(1));
  EXPECT_EQ(slow_, 1);
  EXPECT_FALSE(over());
  Advance(seconds(1));
  EXPECT_EQ(failure_, CheckoutResult::kConnectTimeout);
  EXPECT_EQ(loop.timers().size(), 0u);
}

TEST_F(DialerTest, WithoutADeadlineItsOwnerGivesItUp) {
  const SilentAddress silent;
  Dial(silent.address());
  Advance(std::chrono::hours(1));
  EXPECT_FALSE(failure_ == CheckoutResult::kConnectTimeout && loop.timers().size() > 0);
  attempt_.reset();
  Turn();
  EXPECT_EQ(connection_, nullptr);
}

// RFC 9112 section 9.2: data that no request asked for is not a response.
TEST_F(DialerTest, APeerThatSpeaksFirstIsAFailureUnlessThatIsAllowed) {
  Dial(peer_.address());
  SendAll(peer_.Accept(), "220 ready\r\n");
  ASSERT_TRUE(Await());
  EXPECT_EQ(failure_, CheckoutResult::kConnectFailed);

  failure_.reset();
  Dial(peer_.address(), {.quiet = false});
  SendAll(peer_.Accept(), "220 ready\r\n");
  ASSERT_TRUE(Await());
  EXPECT_NE(connection_, nullptr);
}

TEST_F(DialerTest, APeerThatEndsAtOnceIsAFailure) {
  Dial(peer_.address());
  peer_.Accept().Reset();
  ASSERT_TRUE(Await());
  EXPECT_EQ(failure_, CheckoutResult::kConnectFailed);
}

TEST_F(DialerTest, ItMayBeDestroyedFromInsideTheCallThatEndsIt) {
  destroy_in_call_ = true;
  Dial(peer_.address(), Terms(seconds(1), seconds(2)));
  ASSERT_TRUE(Await());
  EXPECT_EQ(attempt_, nullptr);
  connection_.reset();

  const SilentAddress silent;
  Dial(silent.address(), Terms(milliseconds(250), seconds(2)));
  Advance(seconds(3));
  EXPECT_EQ(failure_, CheckoutResult::kConnectTimeout);
  EXPECT_EQ(attempt_, nullptr);

  failure_.reset();
  Dial(peer_.address());
  peer_.Accept().Reset();
  ASSERT_TRUE(Await());
  EXPECT_EQ(attempt_, nullptr);
}

TEST_F(DialerTest, DestructionGivesItUpWithoutAWord) {
  Dial(peer_.address(), Terms(seconds(1), seconds(2)));
  attempt_.reset();
  for (int i = 0; i < 10; ++i) Advance(seconds(1));
  EXPECT_FALSE(over());
  EXPECT_EQ(slow_, 0);
  EXPECT_EQ(loop.timers().size(), 0u);
  EXPECT_TRUE(SeesEnd(peer_.Accept()));
}

// A UNIX socket whose backlog is full refuses at once; TCP's would let the attempt wait.
class FullBacklogTest : public DialerTest {
 protected:
  FullBacklogTest() { Dial(silent_.address(), Terms(milliseconds(250), seconds(2))); }

  SilentAddress silent_{*SocketAddress::Parse("unix:@holdfast-dial-" + std::to_string(getpid()))};
};

TEST_F(FullBacklogTest, IsTriedAgainUntilThereIsRoom) {
  for (int i = 0; i < 50; ++i) Advance(kTick);
  EXPECT_FALSE(over());
  EXPECT_EQ(slow_, 1);
  silent_.Relent();
  Advance(SocketDialer::kLastAgain + kTick);
  ASSERT_TRUE(Await());
  EXPECT_NE(connection_, nullptr);
}

TEST_F(FullBacklogTest, NoLongerThanToTheDeadline) {
  Advance(seconds(2) - kTick);
  EXPECT_FALSE(over());
  Advance(2 * kTick);
  EXPECT_EQ(failure_, CheckoutResult::kConnectTimeout);
}

TEST_F(FullBacklogTest, AServerThatGoesMeanwhileIsARefusal) {
  silent_ = SilentAddress();
  Advance(SocketDialer::kLastAgain + kTick);
  EXPECT_EQ(failure_, CheckoutResult::kConnectRefused);
}

}  // namespace
}  // namespace holdfast::pool
