#include "pool/peers.h"

#include <gtest/gtest.h>

#include "pool/net/event_loop.h"
#include "tests/support/manual_clock.h"

namespace holdfast::pool {
namespace {

TEST(PeersTest, ALetterRunsAtTheWorkerItIsFor) {
  ManualClock clock;
  EventLoop loop{&clock};
  Mailbox first{&loop};
  Mailbox second{&loop};
  const Peers peers{.mailboxes = {&first, &second}};
  int read = 0;
  peers.Post(1, [&] { ++read; });
  EXPECT_EQ(read, 0) << "not from inside the call";
  loop.RunOnce(Duration::zero());
  EXPECT_EQ(read, 1);
}

TEST(PeersTest, ALetterToNobodyIsDropped) {
  const Peers peers;
  peers.Post(0, [] { FAIL(); });
}

}  // namespace
}  // namespace holdfast::pool
