#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

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

TEST_F(TlsTransportCostTest, AnExchangeAllocatesNothing) {
  ASSERT_EQ(kCounts, 1);
  const auto client = Accept(ServerWith(SiteSettings()));
  for (int i = 0; i < 3; ++i) Exchange(*client);
  library_ = ours_ = 0;
  constexpr int kExchanges = 200;
  for (int i = 0; i < kExchanges; ++i) Exchange(*client);
  RecordProperty("library_allocations", static_cast<int>(library_));
  RecordProperty("our_allocations", static_cast<int>(ours_));
  printf("%d exchanges of 1 KiB: %d allocations by the library, %d of ours\n", kExchanges,
         static_cast<int>(library_), static_cast<int>(ours_));
  EXPECT_EQ(ours_, 0u);
  EXPECT_EQ(library_, 0u);
}

// The rest of the process's memory is not in the figure: what lies in the kernel, and the client.
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
  const int64_t warm = held();
  const auto other = Accept(context);
  Exchange(*other);
  // As when many others have moved since.
  EXPECT_EQ(slabs.warm_count(), 1u);
  std::vector<std::unique_ptr<TlsWorker>> none;
  class Other final : public Warm {
   public:
    void Cool() override {}
  };
  std::vector<std::unique_ptr<Other>> others;
  for (size_t i = 0; i < SlabPool::kMaxWarm; ++i) {
    others.push_back(std::make_unique<Other>());
    slabs.KeepWarm(*others.back());
  }
  EXPECT_EQ(slabs.in_use(), 0u);
  const int64_t cold = held();
  for (const auto& each : others) slabs.Forget(*each);
  printf("held by the library: %d bytes warm, %d at rest; by us: %zu and %zu\n",
         static_cast<int>(warm), static_cast<int>(cold), sizeof(TlsTransport), sizeof(Connection));
  EXPECT_GT(warm, 34'000);
  EXPECT_LT(cold, 12'000);
  EXPECT_LE(sizeof(TlsTransport), 320u);
}

}  // namespace
}  // namespace holdfast::pool
