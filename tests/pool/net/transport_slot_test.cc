#include "pool/net/transport_slot.h"

#include <poll.h>

#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

bool Ended(const FileDescriptor& peer) {
  bool ended = false;
  EXPECT_TRUE(WaitFor(peer.get(), POLLIN));
  ReceiveSome(peer, &ended);
  return ended;
}

// In place, and on the heap.
TransportSlot Slot(bool in_place, FileDescriptor socket) {
  if (in_place) return TransportSlot(std::move(socket));
  return TransportSlot(std::make_unique<PlainTransport>(std::move(socket)));
}

TEST(TransportSlotTest, HoldsATransportUntilItIsReset) {
  for (const bool in_place : {true, false}) {
    SocketPair pair = UnixPair();
    TransportSlot slot = Slot(in_place, std::move(pair.ours));
    ASSERT_NE(slot.get(), nullptr);
    EXPECT_GE(slot->fd(), 0);
    slot.Reset();
    EXPECT_EQ(slot.get(), nullptr);
    EXPECT_TRUE(Ended(pair.theirs));
    slot.Reset();
  }
}

TEST(TransportSlotTest, DestructionClosesTheSocket) {
  for (const bool in_place : {true, false}) {
    SocketPair pair = UnixPair();
    { const TransportSlot slot = Slot(in_place, std::move(pair.ours)); }
    EXPECT_TRUE(Ended(pair.theirs));
  }
}

TEST(TransportSlotTest, MovedItIsAtTheNewPlaceAlone) {
  for (const bool in_place : {true, false}) {
    SocketPair pair = UnixPair();
    const int fd = pair.ours.get();
    TransportSlot from = Slot(in_place, std::move(pair.ours));
    const TransportSlot to(std::move(from));
    EXPECT_EQ(from.get(), nullptr);
    ASSERT_NE(to.get(), nullptr);
    EXPECT_EQ(to->fd(), fd);
  }
}

TEST(TransportSlotTest, GivenAwayItStaysOpen) {
  for (const bool in_place : {true, false}) {
    SocketPair pair = UnixPair();
    const int fd = pair.ours.get();
    TransportSlot slot = Slot(in_place, std::move(pair.ours));
    const std::unique_ptr<Transport> released = slot.Release();
    EXPECT_EQ(slot.get(), nullptr);
    EXPECT_EQ(released->fd(), fd);
    SendAll(pair.theirs, "x");
    EXPECT_EQ(released->Inspect(), Quiet::kData);
  }
}

}  // namespace
}  // namespace holdfast::pool
