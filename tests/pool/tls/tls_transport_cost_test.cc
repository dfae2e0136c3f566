#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include "tests/pool/tls/support/tls_peer.h"
#include "tests/pool/tls/support/tls_worker.h"
#include "tests/support/allocation_counter.h"

// What a connection costs at rest, and what an exchange does. It gives the library memory of its
// own kind, so it has a program of its own.

namespace holdfast::pool {
namespace {

int64_t live_bytes = 0;  // of the library's
uint64_t library_allocations = 0;

void Count(void* memory, int sign) {
  if (memory != nullptr) live_bytes += sign * static_cast<int64_t>(malloc_usable_size(memory));
}
void* CountedMalloc(size_t size, const char*, int) {
  void* memory = malloc(size);
  ++library_allocations;
  Count(memory, 1);
  return memory;
}
void CountedFree(void* memory, const char*, int) {
  Count(memory, -1);
  free(memory);
}
void* CountedRealloc(void* memory, size_t size, const char*, int) {
  Count(memory, -1);
  ++library_allocations;
  void* moved = realloc(memory, size);
  Count(moved, 1);
  return moved;
}
const int kCounts = CRYPTO_set_mem_functions(CountedMalloc, CountedRealloc, CountedFree);

class TlsTransportCostTest : public testing::Test, public TlsWorker {
 protected:
  std::unique_ptr<TlsPeer> Accept(const std::shared_ptr<TlsServerContext>& context) {
    Serve(context);
    auto client = std::make_unique<TlsPeer>(TlsPeer::Options{.server_name = "a.test"});
    EXPECT_TRUE(TurnUntil([&] {
      client->Turn(peer);
      return connection->established();
    }));
    client->Turn(peer);
    return client;
  }
  // A request and a response of 1 KiB each.
  void Exchange(TlsPeer& client) {
    SendAll(peer, client.Data(std::string(1024, 'q')));
    const uint64_t of_library = library_allocations, of_ours = support::AllocationCount();
    Turn();
    connection->Fill(size_t{1} << 20);
    EXPECT_EQ(connection->in().size(), 1024u);
    connection->in().Clear();
    connection->out().Append(kResponse);
    EXPECT_EQ(connection->Flush(), FlushStatus::kDone);
    library_ += library_allocations - of_library;
    ours_ += support::AllocationCount() - of_ours;
    client.Turn(peer);
    EXPECT_EQ(client.Read().size(), 1024u);
  }

  const std::string kResponse = std::string(1024, 'r');
  uint64_t library_ = 0;
  uint64_t ours_ = 0;
};

TEST_F(TlsTransportCostTest, AnExchangeAllocatesLittle) {
  ASSERT_EQ(kCounts, 1);
  const auto client = Accept(ServerWith(SiteSettings()));
  for (int i = 0; i < 3; ++i) Exchange(*client);
  library_ = ours_ = 0;
  constexpr int kExchanges = 200;
  for (int i = 0; i < kExchanges; ++i) Exchange(*client);
  EXPECT_EQ(ours_, 0u);
  // OpenSSL's record layer takes four small pieces to write the headers, and a buffer each to open
  // and to seal, which library_memory.h keeps at hand.
  EXPECT_LE(library_, 6u * kExchanges);
}

// The rest of the process's memory is not in the figure: what lies in the kernel, and the client.
// Nearly all of it is the library's object for the connection, the session, the contexts of the two
// ciphers, and keys that it does not let go of.
TEST_F(TlsTransportCostTest, AtRestItHoldsLittle) {
  ASSERT_EQ(kCounts, 1);
  const auto context = ServerWith(SiteSettings());
  const auto client = Accept(context);
  Exchange(*client);
  const auto held = [&] {
    const int64_t before = live_bytes;
    connection.reset();
    return before - live_bytes;
  };
  EXPECT_EQ(slabs.in_use(), 0u);
  const int64_t rests = held();
  printf("an idle client: %d bytes of the library's, %zu of ours\n", static_cast<int>(rests),
         sizeof(TlsTransport) + sizeof(Connection));
  EXPECT_LT(rests, 14'500);
  EXPECT_LE(sizeof(TlsTransport), 320u);
}

// Whatever a client does, and whenever it leaves, nothing of it stays.
TEST_F(TlsTransportCostTest, BrokenHandshakesLeaveNothingBehind) {
  const auto context = ServerWith(SiteSettings());
  Accept(context);
  const auto break_off = [&](int version, size_t kept, bool garble) {
    Serve(context);
    TlsPeer client({.server_name = "a.test", .version = version});
    client.Handshake();
    size_t sent = 0;
    for (int i = 0; i < 20 && sent < kept && !connection->established(); ++i) {
      std::string wire = client.Take();
      wire.resize(std::min(wire.size(), kept - sent));
      if (garble && sent + wire.size() == kept && !wire.empty()) wire.back() ^= 0x55;
      sent += wire.size();
      if (!wire.empty()) SendAll(peer, wire);
      Turn();
      client.Feed(ReceiveSome(peer));
      client.Handshake();
    }
    peer.Reset();
    for (int i = 0; i < 3; ++i) Turn();
    connection.reset();
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool garble : {false, true}) {
      int64_t before = 0;
      for (int round = 0; round < 2; ++round) {
        before = live_bytes;  // of the second: the library keeps some things once for all
        for (size_t kept = 0; kept < 700; kept += 7) break_off(version, kept, garble);
      }
      EXPECT_EQ(live_bytes, before);
      EXPECT_EQ(slabs.in_use(), 0u);
    }
  }
}

}  // namespace
}  // namespace holdfast::pool
